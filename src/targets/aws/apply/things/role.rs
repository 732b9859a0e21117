//! An IAM role: who may take it, and its inline policies.

use aws_sdk_iam::{error::BuildError, types::Tag};

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Context, ErrorKind, Result},
    plan::ResourceId,
    targets::aws::{
        apply::{
            ownership::{Obtained, TagMap, tag_map},
            wait::{PROPAGATION, delete_attempt, unless_absent, unless_passing},
        },
        failure::failure,
        spec::Role,
    },
};

const ABSENT: [&str; 1] = ["NoSuchEntity"];
const EXISTS: [&str; 1] = ["EntityAlreadyExists"];
/// What IAM says while a role that was made just now is not known everywhere.
const PASSING: [&str; 2] = ["NoSuchEntity", "ConcurrentModification"];
/// What it says while a policy that was removed just now is still known somewhere.
const IN_USE: [&str; 2] = ["DeleteConflict", "ConcurrentModification"];

impl AwsExecutor {
    pub(super) async fn put_role(
        &self,
        id: &ResourceId,
        spec: &Role,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let find = async || self.own_role(id, &spec.name).await;
        let create = async || self.create_role(id, spec).await;
        let arn = match self.obtain(id, find, create).await? {
            Obtained::Made(arn) => arn,
            Obtained::Found(arn) => {
                self.put_trust(id, spec).await?;
                self.remove_other_policies(id, spec).await?;
                arn
            }
        };
        for (name, document) in &spec.policies {
            self.put_policy(id, spec, name, document, context).await?;
        }
        Ok(told(arn))
    }

    /// Policies that were attached by hand are detached: a role cannot go before.
    pub(super) async fn delete_role(
        &self,
        id: &ResourceId,
        spec: &Role,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Some(tags) = self.role_tags(id, &spec.name).await? else { return Ok(()) };
        if !self.may_delete(id, &tags, context) {
            return Ok(());
        }
        self.detach_policies(id, &spec.name).await?;
        for policy in self.policy_names(id, &spec.name).await? {
            self.remove_policy(id, &spec.name, &policy).await?;
        }
        let attempt = async || {
            let call = self.clients.iam.delete_role().role_name(&spec.name);
            delete_attempt(call.send().await, &ABSENT, &IN_USE, format!("cannot delete the {id}"))
        };
        self.persist(format!("the {id} to be free"), PROPAGATION, context, attempt).await
    }

    async fn create_role(&self, id: &ResourceId, spec: &Role) -> Result<Option<String>> {
        let what = || format!("cannot create the {id}");
        let tags = self.scope.global_tags().into_iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<_, BuildError>>().context(ErrorKind::Failed, what)?;
        let call = self
            .clients
            .iam
            .create_role()
            .role_name(&spec.name)
            .assume_role_policy_document(&spec.trust)
            .set_tags(Some(tags));
        let made = unless_absent(call.send().await, &EXISTS, what())?;
        Ok(made.and_then(|made| made.role).map(|role| role.arn))
    }

    async fn own_role(&self, id: &ResourceId, name: &str) -> Result<Option<String>> {
        let Some(tags) = self.role_tags(id, name).await? else { return Ok(None) };
        self.must_own(id, &tags)?;
        Ok(Some(self.scope.role_arn(name)))
    }

    async fn role_tags(&self, id: &ResourceId, name: &str) -> Result<Option<TagMap>> {
        let call = self.clients.iam.list_role_tags().role_name(name);
        let tags = unless_absent(call.send().await, &ABSENT, format!("cannot read the {id}"))?;
        Ok(tags.map(|answer| {
            let tags = answer.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())));
            self.scope.tags_here(tag_map(tags))
        }))
    }

    async fn put_trust(&self, id: &ResourceId, spec: &Role) -> Result<()> {
        let call = self.clients.iam.update_assume_role_policy();
        let call = call.role_name(&spec.name).policy_document(&spec.trust);
        let what = format!("cannot change who may take the {id}");
        call.send().await.map(drop).map_err(|error| failure(what, error))
    }

    async fn put_policy(
        &self,
        id: &ResourceId,
        spec: &Role,
        name: &str,
        document: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let attempt = async || {
            let call = self.clients.iam.put_role_policy().role_name(&spec.name);
            let call = call.policy_name(name).policy_document(document);
            let what = format!("cannot put the policy {name} on the {id}");
            unless_passing(call.send().await, &PASSING, what)
        };
        let what = format!("the {id} to be known everywhere");
        self.persist(what, PROPAGATION, context, attempt).await.map(drop)
    }

    async fn remove_other_policies(&self, id: &ResourceId, spec: &Role) -> Result<()> {
        for policy in self.policy_names(id, &spec.name).await? {
            if !spec.policies.contains_key(&policy) {
                self.remove_policy(id, &spec.name, &policy).await?;
            }
        }
        Ok(())
    }

    async fn remove_policy(&self, id: &ResourceId, role: &str, policy: &str) -> Result<()> {
        let call = self.clients.iam.delete_role_policy().role_name(role).policy_name(policy);
        let what = format!("cannot take the policy {policy} from the {id}");
        unless_absent(call.send().await, &ABSENT, what).map(drop)
    }

    /// The names of its inline policies; of a role that is gone, none.
    async fn policy_names(&self, id: &ResourceId, role: &str) -> Result<Vec<String>> {
        let call = self.clients.iam.list_role_policies().role_name(role);
        let what = format!("cannot read the policies of the {id}");
        let answer = unless_absent(call.send().await, &ABSENT, what)?;
        Ok(answer.map(|answer| answer.policy_names).unwrap_or_default())
    }

    async fn detach_policies(&self, id: &ResourceId, role: &str) -> Result<()> {
        let call = self.clients.iam.list_attached_role_policies().role_name(role);
        let what = || format!("cannot detach the policies of the {id}");
        let attached = unless_absent(call.send().await, &ABSENT, what())?;
        let attached = attached.and_then(|answer| answer.attached_policies).unwrap_or_default();
        for arn in attached.into_iter().filter_map(|policy| policy.policy_arn) {
            let call = self.clients.iam.detach_role_policy().role_name(role).policy_arn(arn);
            unless_absent(call.send().await, &ABSENT, what())?;
        }
        Ok(())
    }
}
