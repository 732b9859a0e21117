//! Things that outlive releases, made and unmade. Every kind is a file with an "ensure" and a
//! "delete" of its own.

use super::AwsExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    targets::aws::spec::Thing,
};

impl AwsExecutor {
    /// The thing is like this.
    pub(super) async fn put(&self, thing: &Thing, context: &StepContext<'_>) -> Result<StepOutput> {
        match thing {
            Thing::Certificate(it) => self.put_certificate(it, context).await,
            Thing::DnsRecord(it) => self.put_dns_record(it, context).await,
            _ => Err(Error::failed("not there yet")),
        }
    }

    /// The thing is gone.
    pub(super) async fn delete(&self, thing: &Thing, context: &StepContext<'_>) -> Result<()> {
        match thing {
            Thing::Certificate(it) => self.delete_certificate(it, context).await,
            Thing::DnsRecord(it) => self.delete_dns_record(it, context).await,
            _ => Err(Error::failed("not there yet")),
        }
    }

    /// Takes back that a thing was made, as far as it came.
    pub(super) async fn unmake(&self, thing: &Thing, context: &StepContext<'_>) -> Result<()> {
        self.delete(thing, context).await
    }
}
