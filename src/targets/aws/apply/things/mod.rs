//! Things that outlive releases, made and unmade. Every kind is a file with a "put" and a "delete"
//! of its own: the first creates what is missing, else brings every field that is ours to what is
//! desired; the second finds its work done just as well. Both look at the tags at the last moment.

mod balancing;
mod cluster;
mod listener;
mod load_balancer;
mod log_group;
mod repository;
mod role;
mod rule;
mod scaling;
mod secret;
mod security_group;
mod target_group;

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::Result,
    targets::aws::{secrets::Removal, spec::Thing},
};

impl AwsExecutor {
    /// The thing is like this.
    pub(super) async fn put(&self, thing: &Thing, context: &StepContext<'_>) -> Result<StepOutput> {
        let id = &thing.id();
        match thing {
            Thing::Repository(it) => self.put_repository(id, it).await,
            Thing::LogGroup(it) => self.put_log_group(id, it).await,
            Thing::Role(it) => self.put_role(id, it, context).await,
            Thing::SecurityGroup(it) => self.put_security_group(id, it, context).await,
            Thing::Cluster(it) => self.put_cluster(id, it, context).await,
            Thing::Secret(it) => self.put_secret(id, it, context).await,
            Thing::LoadBalancer(it) => self.put_load_balancer(id, it, context).await,
            Thing::TargetGroup(it) => self.put_target_group(id, it).await,
            Thing::Certificate(it) => self.put_certificate(it, context).await,
            Thing::DnsRecord(it) => self.put_dns_record(it, context).await,
            Thing::Listener(it) => self.put_listener(id, it, context).await,
            Thing::Rule(it) => self.put_rule(id, it, context).await,
            Thing::Scaling(it) => self.put_scaling(id, it).await,
        }
    }

    /// The thing is gone.
    pub(super) async fn delete(&self, thing: &Thing, context: &StepContext<'_>) -> Result<()> {
        let id = &thing.id();
        match thing {
            Thing::Repository(it) => self.delete_repository(id, it, context).await,
            Thing::LogGroup(it) => self.delete_log_group(id, it, context).await,
            Thing::Role(it) => self.delete_role(id, it, context).await,
            Thing::SecurityGroup(it) => self.delete_security_group(id, it, context).await,
            Thing::Cluster(it) => self.delete_cluster(id, it, context).await,
            Thing::Secret(it) => self.delete_secret(id, it, Removal::Recoverable, context).await,
            Thing::LoadBalancer(it) => self.delete_load_balancer(id, it, context).await,
            Thing::TargetGroup(it) => self.delete_target_group(id, it, context).await,
            Thing::Certificate(it) => self.delete_certificate(it, context).await,
            Thing::DnsRecord(it) => self.delete_dns_record(it, context).await,
            Thing::Listener(it) => self.delete_listener(id, it, context).await,
            Thing::Rule(it) => self.delete_rule(id, it).await,
            Thing::Scaling(it) => self.delete_scaling(id, it, context).await,
        }
    }

    /// Takes back that a thing was made, as far as it came.
    pub(super) async fn unmake(&self, thing: &Thing, context: &StepContext<'_>) -> Result<()> {
        match thing {
            // Nobody has used it yet, so nobody needs it back.
            Thing::Secret(it) => self.delete_secret(&thing.id(), it, Removal::Final, context).await,
            // What runs its images can never run again.
            Thing::Repository(it) => {
                self.delete_repository(&thing.id(), it, context).await?;
                self.delete_families().await
            }
            _ => self.delete(thing, context).await,
        }
    }
}

/// What a step tells of a thing that AWS knows by an ARN or id.
fn told(arn: impl Into<String>) -> StepOutput {
    StepOutput::from([("arn".to_owned(), arn.into())])
}
