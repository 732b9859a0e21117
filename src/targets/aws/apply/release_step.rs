//! The release step: one task per release, run once; a run that finds one adopts it.

use std::time::Duration;

use super::{
    super::{
        spec::ReleaseSpec,
        task::{Ending, SeenTask},
        task_log::TaskLog,
    },
    AwsExecutor,
    one_task::OneTask,
    pace::pause_after,
    service::finder,
};
use crate::{
    engine::{LogStream, StepContext, StepOutput},
    error::{Error, ErrorKind, Result},
    model::ReleaseId,
};

/// The name of the step's container, and the end of its family's.
const NAME: &str = "release-step";
/// The longest pause between two looks at the task: its log is watched.
const LOOK_WITHIN: Duration = Duration::from_millis(500);
/// Fargate needs a minute or two to place a task and to pull its image.
const STARTS_WITHIN: Duration = Duration::from_secs(600);
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
        let run = OneTask {
            what: "the release step",
            cluster: self.desired()?.cluster.clone(),
            family: self.scope.release_family(),
            definition,
            wiring: &spec.wiring,
            started_by: self.scope.release_step(release),
            command: None,
        };
        let earlier = self.tasks_of(&run).await?;
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
                self.follow(&run, &spec, task, context).await?;
                self.start_task(&run, context).await?
            }
            None => self.start_task(&run, context).await?,
        };
        let log = self.step_log(&task);
        let task = self.follow(&run, &spec, task, context).await?;
        self.require_success(&spec, &task, &log).await?;
        Ok(StepOutput::new())
    }

    fn step_log(&self, task: &SeenTask) -> TaskLog {
        TaskLog::new(self.scope.log_group(), NAME, task.id())
    }

    /// Passes its log on until it ends; a task that takes too long, or whose run is cancelled, is
    /// stopped.
    async fn follow(
        &self,
        run: &OneTask<'_>,
        spec: &ReleaseSpec,
        task: SeenTask,
        context: &StepContext<'_>,
    ) -> Result<SeenTask> {
        let mut log = self.step_log(&task);
        let mut status = String::new();
        let mut since = self.clock.now();
        let mut limit = STARTS_WITHIN;
        loop {
            let described =
                SeenTask::describe(&self.clients.ecs, &run.cluster, vec![task.arn.clone()]);
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
                    (since, limit) = (self.clock.now(), Duration::from_secs(spec.timeout));
                }
            }
            if self.clock.now() - since >= limit {
                return Err(self.too_long(run, spec, &seen, &log).await);
            }
            let pause = pause_after(self.clock.now() - since).min(LOOK_WITHIN);
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = context.cancel.cancelled() => {
                    self.stop_task(&run.cluster, &task.arn, "mizan was interrupted").await?;
                    return Err(Error::new(ErrorKind::Interrupted, "cancelled"));
                }
            }
        }
    }

    async fn too_long(
        &self,
        run: &OneTask<'_>,
        spec: &ReleaseSpec,
        task: &SeenTask,
        log: &TaskLog,
    ) -> Error {
        let tail = log.tail(&self.clients.logs).await;
        let error = match task.status.as_str() {
            "RUNNING" => Error::failed(format!(
                "the release step did not end within {} s and was stopped",
                spec.timeout
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

    async fn require_success(
        &self,
        spec: &ReleaseSpec,
        task: &SeenTask,
        log: &TaskLog,
    ) -> Result<()> {
        let error = match (task.ending(), task.exit_code) {
            (Ending::Exited, Some(0)) => return Ok(()),
            (Ending::NotStarted, _) => return Err(task.not_started("the release step")),
            (Ending::Exited, Some(code)) => {
                let command = spec.task.command.as_deref().unwrap_or_default().join(" ");
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
