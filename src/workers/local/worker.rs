//! Keeps one `workerd` running: starts it, sees it ready, starts it again when it ends.

use std::{
    io,
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{process::Child, sync::watch, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    child::{self, Launch},
    orphans::Registry,
    protocol::{GenerationState, ProcessStatus},
};
use crate::error::{Error, ErrorKind, Result};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A run of this length was no failed start: the next pause is short again.
const GOOD_RUN: Duration = Duration::from_secs(30);

/// A `workerd` that is kept running until it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Worker {
    status: watch::Receiver<ProcessStatus>,
    stop: CancellationToken,
    task: TaskTracker,
}

impl Worker {
    pub(super) fn start(launch: Launch, registry: Arc<Registry>) -> Self {
        let starting = ProcessStatus { pid: None, state: GenerationState::Starting, restarts: 0 };
        let (sender, status) = watch::channel(starting);
        let stop = CancellationToken::new();
        let task = TaskTracker::new();
        let keeper = Keeper { launch, registry, status: sender, stop: stop.clone() };
        task.spawn(keeper.run());
        task.close();
        Self { status, stop, task }
    }

    pub(super) fn watch(&self) -> watch::Receiver<ProcessStatus> {
        self.status.clone()
    }

    pub(super) fn status(&self) -> ProcessStatus {
        self.status.borrow().clone()
    }

    /// Waits until it answers. One that never did and ends, or takes too long, is an error; one
    /// that crashed is waited for.
    pub(super) async fn ready(&self, limit: Duration) -> Result<()> {
        let mut status = self.status.clone();
        let settled = status.wait_for(|status| {
            matches!(status.state, GenerationState::Ready | GenerationState::Failed)
        });
        let failed =
            |cause: String| Error::new(ErrorKind::Failed, "workerd does not start").cause(cause);
        match tokio::time::timeout(limit, settled).await {
            Ok(Ok(status)) if status.state == GenerationState::Ready => Ok(()),
            Ok(Ok(_)) => Err(failed("it ended".into())),
            Ok(Err(_)) => Err(failed("it was stopped".into())),
            Err(_) => Err(failed(format!("it was not ready after {} s", limit.as_secs()))),
        }
    }

    /// Ends it and returns when it has ended.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.task.wait().await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The task behind a [`Worker`].
struct Keeper {
    launch: Launch,
    registry: Arc<Registry>,
    status: watch::Sender<ProcessStatus>,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            self.run_once().await;
            if self.stop.is_cancelled() {
                return;
            }
            self.status.send_modify(|status| {
                status.pid = None;
                status.state = match status.state {
                    GenerationState::Ready | GenerationState::Down => GenerationState::Down,
                    GenerationState::Starting | GenerationState::Failed => GenerationState::Failed,
                };
                status.restarts += 1;
            });
            if begun.elapsed() > GOOD_RUN {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stop.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn run_once(&self) {
        match self.launch.spawn() {
            Ok(child) => self.attend(child).await,
            Err(error) => {
                let program = self.launch.program.display();
                self.launch.log.line(&format!("mizan: cannot run {program}: {error}"));
            }
        }
    }

    async fn attend(&self, mut child: Child) {
        let pid = child.id();
        if let Some(pid) = pid {
            self.note(self.registry.add(pid));
        }
        // After the first run, the state stays as it is until the new process answers.
        self.status.send_modify(|status| status.pid = pid);
        let ended = tokio::select! {
            ended = self.watch_over(&mut child) => ended,
            () = self.stop.cancelled() => None,
        };
        let ended = match ended {
            Some(status) => status,
            None => child::stop(&mut child).await,
        };
        self.log_end(ended);
        if let Some(pid) = pid {
            self.note(self.registry.remove(pid));
        }
    }

    /// Returns only when the child ends by itself.
    async fn watch_over(&self, child: &mut Child) -> Option<io::Result<ExitStatus>> {
        tokio::select! {
            ended = child.wait() => return Some(ended),
            () = self.launch.until_ready() => {}
        }
        self.status.send_modify(|status| status.state = GenerationState::Ready);
        Some(child.wait().await)
    }

    fn log_end(&self, ended: io::Result<ExitStatus>) {
        match ended {
            Ok(status) => self.launch.log.line(&format!("mizan: workerd ended: {status}")),
            Err(error) => self.launch.log.line(&format!("mizan: cannot wait for workerd: {error}")),
        }
    }

    fn note(&self, result: Result<()>) {
        if let Err(error) = result {
            self.launch.log.line(&format!("mizan: {error}"));
        }
    }
}
