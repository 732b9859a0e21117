//! The release step: one task per release, run once; a run that finds one adopts it.

use std::time::Duration;

use aws_sdk_ecs::{
    config::{Builder, http::HttpResponse, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::run_task::RunTaskOutput,
    types::{DesiredStatus, LaunchType, PropagateTags},
};
use tokio::time::sleep;

use super::{
    super::{
        failure::{code, failure},
        spec::ReleaseSpec,
        task::{Ending, SeenTask, id_of},
        task_log::TaskLog,
    },
    AwsExecutor,
    service::{finder, one_time_token},
};
use crate::{
    engine::{LogStream, StepContext, StepOutput},
    error::{Error, ErrorKind, Result},
    model::ReleaseId,
};

/// The name of the step's container, and the end of its family's.
const NAME: &str = "release-step";
/// Between two looks at the task.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Calls that start the task, when it is not known whether an earlier one did.
const ATTEMPTS: u32 = 4;
/// The pause before such a call: until then a task that was started is listed.
const PAUSE: Duration = Duration::from_secs(2);
/// Fargate needs a minute or two to place a task and to pull its image.
const STARTS_WITHIN: Duration = Duration::from_secs(600);
/// Words of the refusals that pass.
const NOT_YET: [&str; 3] = ["unable to assume", "service linked role", "Capacity is unavailable"];

/// A release step that is to run.
struct Run<'a> {
    spec: &'a ReleaseSpec,
    cluster: String,
    /// Its task definition.
    definition: String,
    /// By what its tasks say they were started.
    started_by: String,
}

impl AwsExecutor {
    /// The release step has run for this release and ended with 0.
    ///
    /// One that is still running (its deploy was killed) is adopted, never run twice at once; one
    /// that has ended with 0 is not repeated; one that failed is run again.
    pub(super) async fn run_release_step(
        &self,
        release: ReleaseId,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let spec = spec.resolved(&self.scope, &finder(context));
        let definition = self.revision(NAME, release, &spec.task, context).await?;
        let started_by = self.scope.release_step(release);
        let cluster = self.desired()?.cluster.clone();
        let run = Run { spec: &spec, cluster, definition, started_by };
        let earlier = self.step_tasks(&run).await?;
        let mut same = earlier.iter().filter(|task| task.task_definition == run.definition);
        if same.any(|task| task.exit_code == Some(0) && task.ending() == Ending::Exited) {
            context.progress("it has run already, for an interrupted deploy");
            return Ok(StepOutput::new());
        }
        let task = match earlier.into_iter().find(|task| !task.has_stopped()) {
            Some(task) if task.task_definition == run.definition => {
                context.progress("adopting the run of an interrupted deploy");
                task
            }
            // One that still runs may be migrating: it must end before another begins.
            Some(task) => {
                context.progress("waiting for the release step of an interrupted deploy");
                self.follow(&run, task, context).await?;
                self.start(&run, context).await?
            }
            None => self.start(&run, context).await?,
        };
        let log = self.step_log(&task);
        let task = self.follow(&run, task, context).await?;
        self.require_success(&run, &task, &log).await?;
        Ok(StepOutput::new())
    }

    fn step_log(&self, task: &SeenTask) -> TaskLog {
        TaskLog::new(self.scope.log_group(), NAME, task.id())
    }

    /// The tasks of this release's step: those that run, and those that ended within an hour.
    async fn step_tasks(&self, run: &Run<'_>) -> Result<Vec<SeenTask>> {
        let (running, stopped) = tokio::try_join!(
            self.step_arns(run, DesiredStatus::Running),
            self.step_arns(run, DesiredStatus::Stopped)
        )?;
        let arns = running.into_iter().chain(stopped).collect();
        let tasks = self.describe_tasks(&run.cluster, arns).await?;
        Ok(tasks.into_iter().filter(|task| task.started_by == run.started_by).collect())
    }

    /// By family, as AWS takes no second filter beside "started by".
    async fn step_arns(&self, run: &Run<'_>, status: DesiredStatus) -> Result<Vec<String>> {
        let list = self.clients.ecs.list_tasks().cluster(&run.cluster);
        let list = list.family(self.scope.release_family()).desired_status(status);
        match list.send().await {
            Ok(answer) => Ok(answer.task_arns.unwrap_or_default()),
            Err(error) if code(&error) == Some("ClusterNotFoundException") => Ok(Vec::new()),
            Err(error) => Err(failure("cannot list the tasks of the release step", error)),
        }
    }

    /// Starts the task. The SDK must not repeat this call: whoever does not know whether it went
    /// through looks for the task first.
    async fn start(&self, run: &Run<'_>, context: &StepContext<'_>) -> Result<SeenTask> {
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
            sleep(PAUSE).await;
            let tasks = self.step_tasks(run).await?;
            if let Some(task) = tasks.into_iter().find(|task| !task.has_stopped()) {
                return Ok(task);
            }
            attempt += 1;
        }
    }

    async fn run_task(&self, run: &Run<'_>, context: &StepContext<'_>) -> Result<SeenTask> {
        let answer = self
            .clients
            .ecs
            .run_task()
            .cluster(&run.cluster)
            .task_definition(&run.definition)
            .launch_type(LaunchType::Fargate)
            .network_configuration(self.network(&run.spec.wiring, context)?)
            .started_by(&run.started_by)
            .propagate_tags(PropagateTags::TaskDefinition)
            .client_token(one_time_token())
            .customize()
            .config_override(Builder::new().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let unknown = may_have_worked(&error);
            let error = failure("cannot start the release step", error);
            if unknown { Error { kind: ErrorKind::Unavailable, ..error } } else { error }
        });
        started(answer?)
    }

    /// Passes its log on until it ends; a task that takes too long, or whose run is cancelled, is
    /// stopped.
    async fn follow(
        &self,
        run: &Run<'_>,
        task: SeenTask,
        context: &StepContext<'_>,
    ) -> Result<SeenTask> {
        let mut log = self.step_log(&task);
        let mut status = String::new();
        let mut since = self.clock.now();
        let mut limit = STARTS_WITHIN;
        loop {
            let described = self.describe_tasks(&run.cluster, vec![task.arn.clone()]);
            let (seen, lines) = tokio::try_join!(described, log.next_lines(&self.clients.logs))?;
            lines.into_iter().for_each(|line| context.log(LogStream::Output, line));
            let seen = seen.into_iter().next().unwrap_or_else(|| task.clone());
            if seen.has_stopped() {
                let patient = seen.exit_code != Some(0);
                let lines = log.last_lines(&self.clients.logs, patient).await?;
                lines.into_iter().for_each(|line| context.log(LogStream::Output, line));
                return Ok(seen);
            }
            if seen.status != status {
                status.clone_from(&seen.status);
                context.progress(format!("the task is {}", status.to_lowercase()));
                if status == "RUNNING" {
                    (since, limit) = (self.clock.now(), Duration::from_secs(run.spec.timeout));
                }
            }
            if self.clock.now() - since >= limit {
                return Err(self.too_long(run, &seen, &log).await);
            }
            tokio::select! {
                () = self.clock.sleep(LOOK_EVERY) => {}
                () = context.cancel.cancelled() => {
                    self.stop_task(&run.cluster, &task.arn, "mizan was interrupted").await?;
                    return Err(Error::new(ErrorKind::Interrupted, "cancelled"));
                }
            }
        }
    }

    async fn too_long(&self, run: &Run<'_>, task: &SeenTask, log: &TaskLog) -> Error {
        let tail = log.tail(&self.clients.logs).await;
        let error = match task.status.as_str() {
            "RUNNING" => Error::failed(format!(
                "the release step did not end within {} s and was stopped",
                run.spec.timeout
            ))
            .hint("release.timeout gives it more time"),
            status => Error::failed(format!(
                "the release step did not start within {} s",
                STARTS_WITHIN.as_secs()
            ))
            .cause(format!("its task is {status}")),
        };
        match self.stop_task(&run.cluster, &task.arn, "it took too long").await {
            Ok(()) => error.log(tail),
            Err(stop) => error.cause(stop).log(tail),
        }
    }

    pub(super) async fn stop_task(&self, cluster: &str, arn: &str, why: &str) -> Result<()> {
        let stop = self.clients.ecs.stop_task().cluster(cluster).task(arn).reason(why);
        let stopped = stop.send().await;
        stopped.map_err(|error| failure(format!("cannot stop task {}", id_of(arn)), error))?;
        Ok(())
    }

    async fn require_success(&self, run: &Run<'_>, task: &SeenTask, log: &TaskLog) -> Result<()> {
        let error = match (task.ending(), task.exit_code) {
            (Ending::Exited, Some(0)) => return Ok(()),
            (Ending::NotStarted, _) => return Err(task.not_started("the release step")),
            (Ending::Exited, Some(code)) => {
                let command = run.spec.task.command.as_deref().unwrap_or_default().join(" ");
                Error::failed(format!("the release step `{command}` failed with exit code {code}"))
            }
            (Ending::Exited | Ending::Stopped | Ending::Unhealthy, _) => {
                Error::failed("the release step was stopped before its end").cause(&task.reason)
            }
        };
        Err(error
            .log(log.tail(&self.clients.logs).await)
            .hint("traffic has not moved; migrations that did run are not taken back"))
    }
}

/// True if the call may have been carried out, or may be if it is repeated.
fn may_have_worked<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
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
pub(super) fn started(answer: RunTaskOutput) -> Result<SeenTask> {
    let failures = answer.failures.unwrap_or_default();
    match answer.tasks.unwrap_or_default().into_iter().next() {
        Some(task) => Ok(SeenTask::of(task)),
        None => {
            let reasons = failures.into_iter().filter_map(|it| it.detail.or(it.reason));
            Err(reasons.fold(Error::failed("ECS did not start the task"), Error::cause))
        }
    }
}
