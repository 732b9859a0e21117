//! The one stream of events that every reporter reads: progress bars, plain lines, `--json`.

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind},
    plan::{Change, ResourceId, StepId},
};

/// Where a line of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// A build step's or container's output.
    Output,
    /// Its error output.
    Error,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Every step is done.
    Clean,
    /// A step failed (or the run was interrupted) and all that was done was undone.
    RolledBack {
        /// The step that failed first; `None` if the run was interrupted.
        failed: Option<StepId>,
        /// Why.
        error: Error,
    },
    /// A step failed and something could not be undone, or it failed after the commit point.
    Stuck {
        /// The step that failed; `None` if the run was interrupted.
        failed: Option<StepId>,
        /// Why.
        error: Error,
        /// What is left over: what could not be undone or, if traffic had moved, what the steps
        /// that failed or never ran are about.
        residue: Vec<ResourceId>,
        /// True if traffic had already moved to the new release.
        committed: bool,
    },
    /// The lock was lost: the run stopped where it was, and took nothing back.
    LockLost {
        /// To whom, or why.
        error: Error,
        /// What was done or half done and could have been taken back or, if traffic had moved,
        /// what the steps that did not come to their end are about.
        residue: Vec<ResourceId>,
        /// True if traffic had already moved to the new release.
        committed: bool,
    },
}

impl Outcome {
    /// The error a run that was not clean ends with; its kind decides the exit code.
    ///
    /// What is left over weighs more than having been interrupted, as somebody must look at it.
    pub fn error(&self) -> Option<Error> {
        match self {
            Self::Clean => None,
            Self::RolledBack { error, .. } => {
                let mut error = error.clone();
                if error.kind != ErrorKind::Interrupted {
                    error.kind = ErrorKind::RolledBack;
                }
                Some(error)
            }
            Self::Stuck { error, residue, committed, .. } => {
                let mut error = error.clone();
                error.kind = ErrorKind::LeftOver;
                error.left_over = residue.iter().map(ToString::to_string).collect();
                Some(error.hint(if *committed {
                    "the new release is live; run the same command again to finish what is left"
                } else {
                    "run the same command again: it finds what is left over and goes on from there"
                }))
            }
            // Not left over for the next run of ours alone: another may be at work on it already.
            Self::LockLost { error, residue, .. } => {
                let mut error = error.clone();
                error.kind = ErrorKind::Locked;
                error.left_over = residue.iter().map(ToString::to_string).collect();
                Some(error.hint(
                    "nothing was taken back, as another run may have begun to change the same \
                     things; when that has ended, run the same command again",
                ))
            }
        }
    }
}

/// Something that happened during a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    Started {
        /// How many steps there are.
        steps: usize,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: StepId,
        /// On what.
        resource: ResourceId,
        /// What happens to it.
        change: Change,
    },
    /// A step tells where it is ("[3/7] RUN npm ci", "waiting for /healthz: 502").
    StepProgress {
        /// Which.
        step: StepId,
        /// Where it is, one line.
        message: String,
    },
    /// A line of output of what a step runs (a build, a migration).
    StepLog {
        /// Which.
        step: StepId,
        /// From where.
        stream: LogStream,
        /// The line, without its end.
        line: String,
    },
    /// A step is done.
    StepFinished {
        /// Which.
        step: StepId,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: StepId,
        /// How long it took, in milliseconds.
        millis: u64,
        /// Why.
        error: Error,
    },
    /// The user asked to stop; no new step starts and, unless traffic has moved, what was done is
    /// undone.
    Interrupted,
    /// A step is taken back.
    UndoStarted {
        /// Which.
        step: StepId,
    },
    /// A step was taken back.
    UndoFinished {
        /// Which.
        step: StepId,
    },
    /// A step stays as it is although the run failed, because nothing can or need be done.
    UndoSkipped {
        /// Which.
        step: StepId,
        /// Why, from the plan's `Undo::None`.
        why: String,
    },
    /// A step could not be taken back.
    UndoFailed {
        /// Which.
        step: StepId,
        /// Why.
        error: Error,
    },
    /// Something the user should know that stops nothing.
    Warning {
        /// The text.
        message: String,
    },
    /// The run is over.
    Finished(Outcome),
}

/// Receives events; shared by all steps of a run.
pub trait EventSink {
    /// Takes one event. It must return quickly; it runs between the steps.
    fn emit(&self, event: Event);
}

impl<F: Fn(Event)> EventSink for F {
    fn emit(&self, event: Event) {
        self(event);
    }
}
