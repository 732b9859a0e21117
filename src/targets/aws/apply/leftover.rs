//! What goes with an environment, or was left behind by an interrupted run: its secrets, its
//! ledger, the bucket of all ledgers, tasks that belong to no service.

use std::time::Duration;

use aws_sdk_ecs::types::TaskField;

use super::{
    AwsExecutor,
    ownership::{left_alone, tag_map},
    wait::unless_absent,
};
use crate::{
    engine::{StepContext, Verdict},
    error::{Error, Result},
    ledger::LOCK_FILE,
    plan::ResourceId,
    targets::aws::secrets::Removal,
};

/// Longer than a task may take to stop: Fargate allows 120 s.
const STOPPING: Duration = Duration::from_secs(180);
/// A task that stopped an hour ago is forgotten; one of a cluster that is gone is gone too.
const ABSENT: [&str; 2] = ["InvalidParameterException", "ClusterNotFoundException"];

impl AwsExecutor {
    /// Those of others that have our names are left alone. For some days they can be brought back.
    pub(super) async fn delete_secrets(&self) -> Result<()> {
        let vault = self.secrets();
        for (name, kept) in vault.list().await? {
            if kept.ours && !kept.removed {
                vault.remove(&name, Removal::Recoverable).await?;
            }
        }
        Ok(())
    }

    /// The lock lies in it and goes last: whoever deletes the ledger holds it until the end.
    pub(super) async fn delete_ledger(&self) -> Result<()> {
        if self.observed.ledger_elsewhere {
            self.ledger.remove_all(Some(LOCK_FILE)).await?;
            self.lock_removed.cancel();
            return self.ledger.remove_all(None).await;
        }
        let prefix = format!("{}/", self.scope.ledger_prefix());
        let bucket = self.clients.bucket(&self.scope);
        bucket.delete_prefix(&prefix, Some(&format!("{prefix}{LOCK_FILE}"))).await?;
        self.lock_removed.cancel();
        bucket.delete_prefix(&prefix, None).await.map(drop)
    }

    /// Others may have put something into it since the plan was made: then it stays.
    pub(super) async fn delete_bucket(&self, name: &str, context: &StepContext<'_>) -> Result<()> {
        let bucket = self.clients.bucket(&self.scope);
        if !bucket.exists().await? {
            return Ok(());
        }
        if !bucket.is_ours().await? {
            context.progress(left_alone(&ResourceId::new("bucket", name)));
            return Ok(());
        }
        match bucket.delete_if_empty().await? {
            true => Ok(()),
            false => Err(Error::failed(format!("the bucket {name} is not empty"))
                .cause("other environments keep their releases in it")
                .hint("destroy them first, or leave the bucket: it costs next to nothing")),
        }
    }

    /// A task that an interrupted run left behind is stopped.
    pub(super) async fn sweep(
        &self,
        resource: &ResourceId,
        arn: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        if resource.kind != "task" {
            return Err(Error::failed(format!("nobody knows how to sweep the {resource}")));
        }
        let attempt = async || self.sweep_task(resource, arn, context).await;
        self.persist(format!("the {resource} to stop"), STOPPING, context, attempt).await
    }

    async fn sweep_task(
        &self,
        resource: &ResourceId,
        arn: &str,
        context: &StepContext<'_>,
    ) -> Result<Verdict<()>> {
        let ecs = &self.clients.ecs;
        let call = ecs.describe_tasks().cluster(self.cluster()).tasks(arn).include(TaskField::Tags);
        let what = format!("cannot read the {resource}");
        let answer = unless_absent(call.send().await, &ABSENT, what)?;
        let task = answer.and_then(|answer| answer.tasks.unwrap_or_default().pop());
        let Some(task) = task.filter(|task| task.last_status() != Some("STOPPED")) else {
            return Ok(Verdict::Met(()));
        };
        let tags = tag_map(task.tags().iter().map(|tag| (tag.key(), tag.value())));
        if !self.may_delete(resource, &tags, context) {
            return Ok(Verdict::Met(()));
        }
        if task.started_by() == Some(&self.scope.check_task())
            && let Some(group) = self.found(&self.check_group(), "arn", context)
        {
            self.empty_check_group(&group).await?;
        }
        let status = task.last_status().unwrap_or("unknown").to_lowercase();
        if task.desired_status() != Some("STOPPED") {
            let call = ecs.stop_task().cluster(self.cluster()).task(arn);
            let call = call.reason("mizan: left behind by an interrupted run");
            unless_absent(call.send().await, &ABSENT, format!("cannot stop the {resource}"))?;
        }
        Ok(Verdict::Waiting(status))
    }
}
