//! A task that runs once, by itself: started, found again, stopped.

use std::time::Duration;

use aws_sdk_ecs::{
    config::{Builder, http::HttpResponse, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::run_task::RunTaskOutput,
    types::{ContainerOverride, DesiredStatus, LaunchType, PropagateTags, TaskOverride},
};

use super::{
    super::{
        failure::{code, failure},
        spec::Wiring,
        task::{SeenTask, id_of},
    },
    AwsExecutor,
    service::one_time_token,
};
use crate::{
    engine::StepContext,
    error::{Error, ErrorKind, Result},
};

/// Calls that start the task, when it is not known whether an earlier one did.
pub(super) const ATTEMPTS: u32 = 4;
/// The pause before such a call: until then a task that was started is listed.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// Words of the refusals that pass.
const NOT_YET: [&str; 3] = ["unable to assume", "service linked role", "Capacity is unavailable"];

/// A task that is to run once.
pub(super) struct OneTask<'a> {
    /// What it is, for messages: "the release step".
    pub what: &'a str,
    /// Where it runs.
    pub cluster: String,
    /// Its family of task definitions.
    pub family: String,
    /// Its task definition.
    pub definition: String,
    /// What it is connected to.
    pub wiring: &'a Wiring,
    /// By what it says it was started; by this it is found again.
    pub started_by: String,
    /// The container, and what it runs in place of its own command.
    pub command: Option<(&'a str, &'a [String])>,
}

impl AwsExecutor {
    /// The tasks that were started so: those that run, and those that ended within an hour.
    pub(super) async fn tasks_of(&self, run: &OneTask<'_>) -> Result<Vec<SeenTask>> {
        let (running, stopped) = tokio::try_join!(
            self.arns_of(run, DesiredStatus::Running),
            self.arns_of(run, DesiredStatus::Stopped)
        )?;
        let arns = running.into_iter().chain(stopped).collect();
        let tasks = SeenTask::describe(&self.clients.ecs, &run.cluster, arns).await?;
        Ok(tasks.into_iter().filter(|task| task.started_by == run.started_by).collect())
    }

    /// By family, as AWS takes no second filter beside "started by".
    async fn arns_of(&self, run: &OneTask<'_>, status: DesiredStatus) -> Result<Vec<String>> {
        let list = self.clients.ecs.list_tasks().cluster(&run.cluster);
        match list.family(&run.family).desired_status(status).send().await {
            Ok(answer) => Ok(answer.task_arns.unwrap_or_default()),
            Err(error) if code(&error) == Some("ClusterNotFoundException") => Ok(Vec::new()),
            Err(error) => Err(failure(format!("cannot list the tasks of {}", run.what), error)),
        }
    }

    /// Starts the task. The SDK must not repeat this call: whoever does not know whether it went
    /// through looks for the task first.
    pub(super) async fn start_task(
        &self,
        run: &OneTask<'_>,
        context: &StepContext<'_>,
    ) -> Result<SeenTask> {
        let mut attempt = 1;
        loop {
            let start = async || self.run_task(run, context).await;
            let error = match self.patiently("its role", &NOT_YET, context, start).await {
                Ok(task) => return Ok(task),
                Err(error) if error.kind != ErrorKind::Unavailable || attempt == ATTEMPTS => {
                    return Err(error);
                }
                Err(error) => error,
            };
            context.progress(format!("{error}: looking whether the task was started"));
            self.clock.sleep(PAUSE).await;
            let tasks = self.tasks_of(run).await?;
            if let Some(task) = tasks.into_iter().find(|task| !task.has_stopped()) {
                return Ok(task);
            }
            attempt += 1;
        }
    }

    async fn run_task(&self, run: &OneTask<'_>, context: &StepContext<'_>) -> Result<SeenTask> {
        let overrides = run.command.map(|(container, command)| {
            let container = ContainerOverride::builder().name(container);
            let container = container.set_command(Some(command.to_vec())).build();
            TaskOverride::builder().container_overrides(container).build()
        });
        let answer = self
            .clients
            .ecs
            .run_task()
            .cluster(&run.cluster)
            .task_definition(&run.definition)
            .launch_type(LaunchType::Fargate)
            .network_configuration(self.network(run.wiring, context)?)
            .set_overrides(overrides)
            .started_by(&run.started_by)
            .propagate_tags(PropagateTags::TaskDefinition)
            .client_token(one_time_token())
            .customize()
            .config_override(Builder::new().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        let answer = answer.map_err(|error| in_doubt(format!("cannot start {}", run.what), error));
        started(run.what, answer?)
    }

    pub(super) async fn stop_task(&self, cluster: &str, arn: &str, why: &str) -> Result<()> {
        let stop = self.clients.ecs.stop_task().cluster(cluster).task(arn).reason(why);
        let stopped = stop.send().await;
        stopped.map_err(|error| failure(format!("cannot stop task {}", id_of(arn)), error))?;
        Ok(())
    }
}

/// The error of a call that must not be repeated blindly: unavailable if nobody knows what came of it.
pub(super) fn in_doubt<E>(what: String, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let unknown = may_have_worked(&error);
    let error = failure(what, error);
    if unknown { Error { kind: ErrorKind::Unavailable, ..error } } else { error }
}

/// True if the call may have been carried out, or may be if it is repeated.
fn may_have_worked<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(answer) => {
            let throttled = answer.err().code().is_some_and(|code| code.contains("Throttl"));
            throttled || answer.raw().status().is_server_error()
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}

/// The task of an answer; ECS tells some refusals in a successful one.
fn started(what: &str, answer: RunTaskOutput) -> Result<SeenTask> {
    let failures = answer.failures.unwrap_or_default();
    match answer.tasks.unwrap_or_default().into_iter().next() {
        Some(task) => Ok(SeenTask::of(task)),
        None => {
            let reasons = failures.into_iter().filter_map(|it| it.detail.or(it.reason));
            let error = Error::failed(format!("ECS did not start {what}"));
            Err(reasons.fold(error, Error::cause))
        }
    }
}
