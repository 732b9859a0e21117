//! The target group of checks, filled and emptied, and the end of the tasks in it.

use aws_sdk_elasticloadbalancingv2::types::TargetDescription;

use super::{
    super::{
        super::{
            failure::{code, failure},
            task::SeenTask,
        },
        AwsExecutor,
        wait::unless_absent,
    },
    Candidate,
};
use crate::{engine::StepContext, error::Result, plan::ResourceId};

const NO_GROUP: [&str; 1] = ["TargetGroupNotFound"];

impl AwsExecutor {
    pub(super) async fn register_candidate(
        &self,
        candidate: &Candidate<'_>,
        task: &SeenTask,
    ) -> Result<()> {
        let target = TargetDescription::builder()
            .set_id(task.address.clone())
            .set_port(candidate.spec.task.port.map(i32::from));
        let call = self.clients.elb.register_targets().target_group_arn(candidate.group);
        let answer = call.targets(target.build()).send().await;
        let what = || format!("cannot register a task in the {}", self.check_group());
        answer.map(drop).map_err(|error| failure(what(), error))
    }

    /// No check goes on: its tasks are stopping, and no request gets to them any more.
    pub(in super::super) async fn end_checks(&self, context: &StepContext<'_>) -> Result<()> {
        let group = self.found(&self.check_group(), "arn", context);
        let emptied = async {
            match &group {
                Some(group) => self.empty_check_group(group).await,
                None => Ok(()),
            }
        };
        let (tasks, ()) = tokio::try_join!(self.check_tasks(), emptied)?;
        for task in tasks {
            self.stop_task(&self.cluster(), &task, "mizan: the check is over").await?;
        }
        Ok(())
    }

    /// The ARNs of the tasks of checks that run.
    async fn check_tasks(&self) -> Result<Vec<String>> {
        let list = self.clients.ecs.list_tasks().cluster(self.cluster());
        match list.started_by(self.scope.check_task()).send().await {
            Ok(answer) => Ok(answer.task_arns.unwrap_or_default()),
            Err(error) if code(&error) == Some("ClusterNotFoundException") => Ok(Vec::new()),
            Err(error) => Err(failure("cannot list the tasks of checks", error)),
        }
    }

    /// Nothing is in the target group of checks.
    pub(in super::super) async fn empty_check_group(&self, group: &str) -> Result<()> {
        let what = || format!("cannot empty the {}", self.check_group());
        let call = self.clients.elb.describe_target_health().target_group_arn(group);
        let found = unless_absent(call.send().await, &NO_GROUP, what())?;
        let found = found.and_then(|found| found.target_health_descriptions).unwrap_or_default();
        let targets: Vec<_> = found.into_iter().filter_map(|it| it.target).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let call = self.clients.elb.deregister_targets().target_group_arn(group);
        let answer = call.set_targets(Some(targets)).send().await;
        unless_absent(answer, &NO_GROUP, what()).map(drop)
    }

    /// The target group of checks.
    pub(in super::super) fn check_group(&self) -> ResourceId {
        ResourceId::new("target-group", self.scope.check_group())
    }
}
