//! What the engine asks of a target: apply a step, take a step back.

use std::collections::BTreeMap;

use futures_util::future::LocalBoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Event, EventSink, LogStream};
use crate::{
    error::{Error, Result},
    plan::{Step, StepId},
};

/// What a step found out for the steps after it, by name (`image` → digest, `port` → number).
pub type StepOutput = BTreeMap<String, String>;

/// The outputs of all steps that are done.
pub type Outputs = BTreeMap<StepId, StepOutput>;

/// What a step may use while it runs.
pub struct StepContext<'a> {
    /// The step's id.
    pub id: StepId,
    /// What the steps before it found out.
    pub outputs: Outputs,
    /// Cancelled when the run should stop: waits end early, builds are dropped.
    pub cancel: CancellationToken,
    /// Where to report.
    pub events: &'a dyn EventSink,
}

impl StepContext<'_> {
    /// Tells where the step is, in one line.
    pub fn progress(&self, message: impl Into<String>) {
        self.events.emit(Event::StepProgress { step: self.id.clone(), message: message.into() });
    }

    /// Passes on a line of output of what the step runs.
    pub fn log(&self, stream: LogStream, line: impl Into<String>) {
        self.events.emit(Event::StepLog { step: self.id.clone(), stream, line: line.into() });
    }

    /// Tells what the user should know and what stops nothing.
    pub fn warn(&self, message: impl Into<String>) {
        self.events.emit(Event::Warning { message: message.into() });
    }

    /// An output of an earlier step.
    pub fn output(&self, step: &StepId, name: &str) -> Option<&str> {
        self.outputs.get(step)?.get(name).map(String::as_str)
    }
}

/// Executes the operations of a plan on a platform.
///
/// Every operation means "ensure": it may find its work done, half done, or not begun, and leaves
/// the world the same in all three cases.
#[allow(async_fn_in_trait)] // One thread runs the whole engine; no future needs to be `Send`.
pub trait Executor<O> {
    /// Makes the step's operation true.
    async fn apply(&self, step: &Step<O>, context: &StepContext<'_>) -> Result<StepOutput>;

    /// Takes the step back as its `undo` says; `output` is what `apply` returned, or `None` when
    /// `apply` failed half way.
    async fn undo(
        &self,
        step: &Step<O>,
        output: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()>;
}

/// What allows a run to write: the lock of the environment it changes.
pub trait Fence {
    /// Fails if the lock was lost; asked before every apply and every undo.
    fn check(&self) -> LocalBoxFuture<'_, Result<()>>;

    /// Ends as soon as it is noticed that the lock was lost, with to whom.
    fn lost(&self) -> LocalBoxFuture<'_, Error>;
}
