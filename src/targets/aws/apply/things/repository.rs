//! The ECR repository: its tags' immutability and its lifecycle policy.

use aws_sdk_ecr::error::BuildError;
use aws_sdk_ecr::types::{ImageTagMutability, Repository as Found, Tag};

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Context, ErrorKind, Result},
    plan::ResourceId,
    targets::aws::{
        apply::{
            ownership::{Obtained, TagMap, tag_map},
            wait::unless_absent,
        },
        failure::failure,
        spec::Repository,
    },
};

const ABSENT: [&str; 1] = ["RepositoryNotFoundException"];
const EXISTS: [&str; 1] = ["RepositoryAlreadyExistsException"];
const NO_POLICY: [&str; 1] = ["LifecyclePolicyNotFoundException"];

impl AwsExecutor {
    pub(super) async fn put_repository(
        &self,
        id: &ResourceId,
        spec: &Repository,
    ) -> Result<StepOutput> {
        let find = async || self.own_repository(id, &spec.name).await;
        let create = async || self.create_repository(id, spec).await;
        let arn = match self.obtain(id, find, create).await? {
            Obtained::Made(made) => {
                // Nobody has given it a policy yet.
                if spec.lifecycle.is_some() {
                    self.put_lifecycle(id, spec).await?;
                }
                made.repository_arn
            }
            Obtained::Found(found) => {
                self.put_mutability(id, spec, &found).await?;
                self.put_lifecycle(id, spec).await?;
                found.repository_arn
            }
        };
        Ok(told(arn.unwrap_or_default()))
    }

    /// Images go with it: they are of our releases.
    pub(super) async fn delete_repository(
        &self,
        id: &ResourceId,
        spec: &Repository,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Some((_, tags)) = self.find_repository(id, &spec.name).await? else { return Ok(()) };
        if !self.may_delete(id, &tags, context) {
            return Ok(());
        }
        let call = self.clients.ecr.delete_repository().repository_name(&spec.name).force(true);
        unless_absent(call.send().await, &ABSENT, format!("cannot delete the {id}")).map(drop)
    }

    async fn create_repository(&self, id: &ResourceId, spec: &Repository) -> Result<Option<Found>> {
        let tags = self.scope.tags().into_iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let what = || format!("cannot create the {id}");
        let tags = tags.collect::<Result<_, BuildError>>().context(ErrorKind::Failed, what)?;
        let call = self
            .clients
            .ecr
            .create_repository()
            .repository_name(&spec.name)
            .image_tag_mutability(mutability(spec))
            .set_tags(Some(tags));
        let made = unless_absent(call.send().await, &EXISTS, what())?;
        Ok(made.and_then(|made| made.repository))
    }

    async fn own_repository(&self, id: &ResourceId, name: &str) -> Result<Option<Found>> {
        let Some((found, tags)) = self.find_repository(id, name).await? else { return Ok(None) };
        self.must_own(id, &tags)?;
        Ok(Some(found))
    }

    async fn find_repository(
        &self,
        id: &ResourceId,
        name: &str,
    ) -> Result<Option<(Found, TagMap)>> {
        let what = || format!("cannot read the {id}");
        let call = self.clients.ecr.describe_repositories().repository_names(name);
        let found = unless_absent(call.send().await, &ABSENT, what())?;
        let found = found.and_then(|found| found.repositories.unwrap_or_default().pop());
        let Some(found) = found else { return Ok(None) };
        let arn = found.repository_arn().unwrap_or_default();
        let call = self.clients.ecr.list_tags_for_resource().resource_arn(arn);
        let Some(tags) = unless_absent(call.send().await, &ABSENT, what())? else {
            return Ok(None);
        };
        let tags = tags.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())));
        Ok(Some((found, tag_map(tags))))
    }

    async fn put_mutability(&self, id: &ResourceId, spec: &Repository, is: &Found) -> Result<()> {
        let desired = mutability(spec);
        if is.image_tag_mutability() == Some(&desired) {
            return Ok(());
        }
        let call = self.clients.ecr.put_image_tag_mutability();
        let call = call.repository_name(&spec.name).image_tag_mutability(desired);
        let what = format!("cannot change whether tags change in the {id}");
        call.send().await.map(drop).map_err(|error| failure(what, error))
    }

    async fn put_lifecycle(&self, id: &ResourceId, spec: &Repository) -> Result<()> {
        let what = format!("cannot change the lifecycle policy of the {id}");
        match &spec.lifecycle {
            Some(policy) => {
                let call = self.clients.ecr.put_lifecycle_policy();
                let call = call.repository_name(&spec.name).lifecycle_policy_text(policy);
                call.send().await.map(drop).map_err(|error| failure(what, error))
            }
            None => {
                let call = self.clients.ecr.delete_lifecycle_policy().repository_name(&spec.name);
                unless_absent(call.send().await, &NO_POLICY, what).map(drop)
            }
        }
    }
}

fn mutability(spec: &Repository) -> ImageTagMutability {
    if spec.immutable { ImageTagMutability::Immutable } else { ImageTagMutability::Mutable }
}
