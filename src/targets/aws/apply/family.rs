//! Families of task definitions.

use aws_sdk_ecs::types::{TaskDefinitionField, TaskDefinitionStatus};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};

use super::{
    super::failure::{code, failure},
    AwsExecutor,
    task_definition::from_ecs_tags,
};
use crate::error::Result;

/// Revisions that one call deletes.
const AT_ONCE: usize = 10;
/// Calls at the same time; ECS takes a few per second.
const PARALLEL: usize = 4;

impl AwsExecutor {
    /// All revisions of a family are gone, as far as they are ours.
    pub(super) async fn delete_family(&self, family: &str) -> Result<()> {
        let active = self.own_revisions(family, TaskDefinitionStatus::Active).await?;
        stream::iter(active)
            .map(|arn| self.deregister(arn))
            .buffer_unordered(PARALLEL)
            .try_collect::<()>()
            .await?;
        // With those that somebody deregistered before.
        let inactive = self.own_revisions(family, TaskDefinitionStatus::Inactive).await?;
        for arns in inactive.chunks(AT_ONCE) {
            let delete = self.clients.ecs.delete_task_definitions();
            let deleted = delete.set_task_definitions(Some(arns.to_vec())).send().await;
            let what = || format!("cannot delete the task definitions of {family}");
            deleted.map_err(|error| failure(what(), error))?;
        }
        Ok(())
    }

    /// All that was registered of what is desired is gone.
    pub(super) async fn delete_families(&self) -> Result<()> {
        let desired = self.desired()?;
        let services = desired.services.keys().map(|name| self.scope.service(name));
        let families: Vec<_> = services.chain([self.scope.release_family()]).collect();
        try_join_all(families.iter().map(|family| self.delete_family(family))).await.map(drop)
    }

    async fn deregister(&self, arn: String) -> Result<()> {
        let deregistered =
            self.clients.ecs.deregister_task_definition().task_definition(&arn).send().await;
        deregistered.map_err(|error| failure(format!("cannot deregister {arn}"), error))?;
        Ok(())
    }

    async fn own_revisions(
        &self,
        family: &str,
        status: TaskDefinitionStatus,
    ) -> Result<Vec<String>> {
        let list = self.clients.ecs.list_task_definitions().family_prefix(family).status(status);
        let mut pages = list.into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(arn) = pages.next().await {
            let what = || format!("cannot list the task definitions of {family}");
            arns.push(arn.map_err(|error| failure(what(), error))?);
        }
        // The emulator takes the family for the beginning of one.
        arns.retain(|arn| family_of(arn) == Some(family));
        let owned = stream::iter(arns).map(|arn| self.own_revision(arn)).buffer_unordered(PARALLEL);
        let owned: Vec<_> = owned.try_collect().await?;
        Ok(owned.into_iter().flatten().collect())
    }

    async fn own_revision(&self, arn: String) -> Result<Option<String>> {
        let describe = self.clients.ecs.describe_task_definition().task_definition(&arn);
        match describe.include(TaskDefinitionField::Tags).send().await {
            Ok(found) => Ok(self.scope.owns(&from_ecs_tags(found.tags())).then_some(arn)),
            // It went away meanwhile.
            Err(error) if code(&error) == Some("ClientException") => Ok(None),
            Err(error) => Err(failure(format!("cannot look at {arn}"), error)),
        }
    }
}

/// `arn:aws:ecs:<region>:<account>:task-definition/<family>:<revision>`.
fn family_of(arn: &str) -> Option<&str> {
    arn.split_once(":task-definition/")?.1.rsplit_once(':').map(|(family, _)| family)
}
