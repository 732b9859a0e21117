//! `mizan run`: a task like the live web service's, for one command. It has no terminal and no
//! input: its output is read from its log.

use std::{
    io::{Write, stdout},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    super::{
        task::{Ending, SeenTask},
        task_log::TaskLog,
    },
    AwsExecutor,
    one_task::OneTask,
    pace::pause_after,
    service::one_time_token,
};
use crate::{
    engine::{Event, Outputs, StepContext, interrupted},
    error::{Context, Error, ErrorKind, Result},
    ledger::Release,
    plan::StepId,
};

/// The longest pause between two looks at the task and its log.
const LOOK_WITHIN: Duration = Duration::from_millis(500);

impl AwsExecutor {
    /// Runs a command with the image, environment and network of the live web service; answers
    /// its exit code. Ctrl-C or SIGTERM stops the task.
    ///
    /// # Errors
    /// The task cannot be started, or ends in another way than by itself.
    pub async fn run_one_off(&self, live: &Release, command: &[String]) -> Result<u8> {
        let (name, web) = self
            .desired()?
            .web()
            .ok_or_else(|| Error::failed("no service of this app takes traffic"))?;
        let run = OneTask {
            what: "the command",
            cluster: self.desired()?.cluster.clone(),
            family: self.scope.service(name),
            definition: recorded_definition(live, name)?,
            wiring: &web.wiring,
            started_by: format!("mizan-run-{}", &one_time_token()[..16]),
            command: Some((name, command)),
        };
        let ignore = |_: Event| {};
        let context = StepContext {
            id: StepId::new("task", "run"),
            outputs: Outputs::new(),
            cancel: CancellationToken::new(),
            events: &ignore,
        };
        let task = self.start_task(&run, &context).await?;
        let log = TaskLog::new(self.scope.log_group(), name, task.id());
        tokio::select! {
            ended = self.print_until_end(&run, &task, log) => exit_code(&ended?),
            () = interrupted() => {
                self.stop_task(&run.cluster, &task.arn, "mizan run was interrupted").await?;
                Ok(ErrorKind::Interrupted.exit_code())
            }
        }
    }

    async fn print_until_end(
        &self,
        run: &OneTask<'_>,
        task: &SeenTask,
        mut log: TaskLog,
    ) -> Result<SeenTask> {
        let begin = self.clock.now();
        loop {
            let described =
                SeenTask::describe(&self.clients.ecs, &run.cluster, vec![task.arn.clone()]);
            let (seen, lines) = tokio::try_join!(described, log.next_lines(&self.clients.logs))?;
            print(&lines)?;
            let ended = seen.into_iter().find(SeenTask::has_stopped);
            if let Some(ended) = ended {
                // Whoever runs a command wants what it says, so its last words are waited for.
                let patient = ended.ending() != Ending::NotStarted;
                print(&log.last_lines(&self.clients.logs, patient).await?)?;
                return Ok(ended);
            }
            self.clock.sleep(pause_after(self.clock.now() - begin).min(LOOK_WITHIN)).await;
        }
    }
}

fn print(lines: &[String]) -> Result<()> {
    let failed = || "cannot write the command's output".to_owned();
    let mut out = stdout().lock();
    for line in lines {
        writeln!(out, "{line}").context(ErrorKind::Failed, failed)?;
    }
    out.flush().context(ErrorKind::Failed, failed)
}

fn exit_code(task: &SeenTask) -> Result<u8> {
    match (task.ending(), task.exit_code) {
        (Ending::Exited, Some(code)) => Ok(u8::try_from(code).unwrap_or(1)),
        (Ending::NotStarted, _) => Err(task.not_started("the command")),
        _ => Err(Error::failed("the command was stopped before its end").cause(&task.reason)),
    }
}

/// The task definition that a release recorded for a service.
fn recorded_definition(live: &Release, service: &str) -> Result<String> {
    let mut items = live.inventory.iter();
    let item = items.find(|item| item.kind == "service" && item.name == service);
    let definition = item.and_then(|item| item.attributes.get("task_definition"));
    definition.cloned().ok_or_else(|| {
        Error::failed(format!("the record of {} does not tell what {service} runs", live.id))
            .hint("mizan deploy writes a new record")
    })
}
