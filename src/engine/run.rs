//! The run itself: start what is ready, listen for ends and interrupts, and take back what was
//! done when it fails before the commit point.

use std::{collections::BTreeSet, num::NonZeroUsize, pin::pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::{
    Clock, Event, EventSink, Executor, Fence, Outcome, Outputs, StepContext, StepOutput,
    board::Board,
};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::{Plan, ResourceId, Step, StepId, Undo},
};

/// How a run behaves.
pub struct Options<'a> {
    /// How many steps run at once.
    pub parallel: NonZeroUsize,
    /// The first interrupt: start nothing more, cancel what runs, take back what was done.
    pub stop: CancellationToken,
    /// The second interrupt: drop everything where it is and report what is left over.
    pub abort: CancellationToken,
    /// The lock that allows this run to write, if there is one. When it is lost, everything is
    /// dropped where it is, nothing is taken back, and the report says what was done.
    pub fence: Option<&'a dyn Fence>,
    /// Measures how long steps take.
    pub clock: &'a dyn Clock,
}

/// What a run leaves to its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What the steps that are done found out; the release record is written from it.
    pub outputs: Outputs,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Runs a plan to its end, whatever that is: success, everything taken back, or stuck.
///
/// Steps start in plan order as soon as what they need is done, at most `parallel` at once.
/// When a step fails before the commit point, nothing new starts, the running steps are cancelled
/// and awaited, and every step that ran is undone, the last one first. After the commit point
/// nothing is undone: the steps that do not depend on the failed one still run.
pub async fn run<O, E: Executor<O>>(
    plan: &Plan<O>,
    executor: &E,
    sink: &dyn EventSink,
    options: &Options<'_>,
) -> Report {
    let begin = options.clock.now();
    sink.emit(Event::Started { steps: plan.steps.len() });
    let mut run = Run {
        board: Board::new(plan),
        executor,
        sink,
        options,
        cancel: CancellationToken::new(),
        failure: None,
        stopped: false,
        unwinding: false,
    };
    let outcome = match run.drive().await {
        Flow::Cut(Cut::Aborted) => run.aborted(),
        // With nothing left to write, no lock is needed.
        Flow::Cut(Cut::LockLost(_)) if run.board.all_done() => Outcome::Clean,
        Flow::Cut(Cut::LockLost(error)) => run.lock_lost(error),
        Flow::Ended if run.board.all_done() => Outcome::Clean,
        Flow::Ended if run.unwinding => run.unwind().await,
        Flow::Ended => run.stuck_after_commit(),
    };
    sink.emit(Event::Finished(outcome.clone()));
    let millis = millis_since(options.clock, begin);
    Report { outcome, outputs: run.board.into_outputs(), millis }
}

/// How a phase ended.
enum Flow {
    Ended,
    Cut(Cut),
}

/// Why everything is dropped where it is.
enum Cut {
    /// The second interrupt came.
    Aborted,
    /// The lock was lost.
    LockLost(Error),
}

/// The first failure of a run; later ones are told by their events only.
struct Failure {
    step: StepId,
    error: Error,
}

/// How one step ended.
struct End {
    at: usize,
    result: Result<StepOutput, Stop>,
    millis: u64,
}

/// Why a step did not come to its end.
enum Stop {
    /// It failed.
    Failed(Error),
    /// It was not allowed to begin: the lock is lost.
    HeldBack(Error),
}

struct Run<'a, O, E> {
    board: Board<'a, O>,
    executor: &'a E,
    sink: &'a dyn EventSink,
    options: &'a Options<'a>,
    cancel: CancellationToken,
    failure: Option<Failure>,
    stopped: bool,
    /// Decided at the first failure or interrupt and never revised: a step that passes the commit
    /// point in spite of being cancelled is taken back with the others.
    unwinding: bool,
}

impl<'a, O, E: Executor<O>> Run<'a, O, E> {
    /// Starts steps and takes their ends until none runs and none may start.
    async fn drive(&mut self) -> Flow {
        let options = self.options;
        let mut running = FuturesUnordered::new();
        let mut cut = pin!(cut(options));
        loop {
            while running.len() < options.parallel.get()
                && let Some(at) = self.next_start()
            {
                running.push(self.start(at));
            }
            // A cut comes first: who asks twice does not want to see one more step end, and who
            // has lost the lock may not.
            tokio::select! {
                biased;
                cut = &mut cut => return Flow::Cut(cut),
                () = options.stop.cancelled(), if !self.stopped => self.interrupt(),
                end = running.next() => match end.map(|end| self.end(end)) {
                    Some(Ok(())) => {}
                    Some(Err(cut)) => return Flow::Cut(cut),
                    None => return Flow::Ended,
                },
            }
        }
    }

    /// The step to start next, if any may still start.
    fn next_start(&self) -> Option<usize> {
        let interrupted = self.options.stop.is_cancelled() || self.options.abort.is_cancelled();
        if interrupted || self.unwinding { None } else { self.board.next_ready() }
    }

    fn start(&mut self, at: usize) -> impl Future<Output = End> + use<'a, O, E> {
        let step = self.board.step(at);
        self.board.started(at);
        self.sink.emit(Event::StepStarted {
            step: step.id.clone(),
            resource: step.resource.clone(),
            change: step.change.clone(),
        });
        let context = self.context(&step.id, self.cancel.child_token());
        let (executor, fence, clock) = (self.executor, self.options.fence, self.options.clock);
        async move {
            let begin = clock.now();
            let result = match allowed(fence).await {
                Ok(()) => executor.apply(step, &context).await.map_err(Stop::Failed),
                Err(error) => Err(Stop::HeldBack(error)),
            };
            End { at, result, millis: millis_since(clock, begin) }
        }
    }

    fn end(&mut self, End { at, result, millis }: End) -> Result<(), Cut> {
        let step = self.board.step(at).id.clone();
        let error = match result {
            Ok(output) => {
                self.board.done(at, output);
                self.sink.emit(Event::StepFinished { step, millis });
                return Ok(());
            }
            Err(Stop::HeldBack(error)) => {
                self.board.held_back(at);
                return Err(Cut::LockLost(error));
            }
            Err(Stop::Failed(error)) => error,
        };
        self.board.failed(at);
        self.sink.emit(Event::StepFailed { step: step.clone(), millis, error: error.clone() });
        if !self.board.committed() {
            self.unwinding = true;
            self.cancel.cancel();
        }
        // A step that fails because the user interrupted it is not what made the run fail.
        if !self.stopped && self.failure.is_none() {
            self.failure = Some(Failure { step, error });
        }
        Ok(())
    }

    fn interrupt(&mut self) {
        self.stopped = true;
        self.unwinding |= !self.board.committed();
        self.cancel.cancel();
        self.sink.emit(Event::Interrupted);
    }

    /// Takes back every step that ran, the last one first. What a step stands on stays if that
    /// step could not be taken back: traffic that still goes to a release must find it.
    async fn unwind(&mut self) -> Outcome {
        let mut residue = Vec::new();
        let mut stood_on = BTreeSet::new();
        while let Some(at) = self.board.take_last_ended() {
            let step = self.board.step(at);
            let stays = stood_on.contains(&step.id);
            if stays {
                stood_on.extend(&step.needs);
            }
            let undone = match stays && !matches!(step.undo, Undo::None { .. }) {
                true => Ok(self.keep(step)),
                false => self.undo(at).await,
            };
            match undone {
                Ok(true) => {}
                Ok(false) => {
                    stood_on.extend(&step.needs);
                    residue.push(step.resource.clone());
                }
                Err(cut) => {
                    residue.push(self.board.step(at).resource.clone());
                    residue.extend(self.board.abandoned());
                    match cut {
                        Cut::Aborted => break,
                        Cut::LockLost(error) => {
                            return Outcome::LockLost { error, residue, committed: false };
                        }
                    }
                }
            }
        }
        let (failed, error) = self.cause();
        if residue.is_empty() {
            Outcome::RolledBack { failed, error }
        } else {
            Outcome::Stuck { failed, error, residue, committed: false }
        }
    }

    /// Leaves a step as it is; false, as it was not taken back.
    fn keep(&self, step: &Step<O>) -> bool {
        let why = "what needs it could not be taken back".to_owned();
        self.sink.emit(Event::UndoSkipped { step: step.id.clone(), why });
        false
    }

    /// Takes one step back; false if that failed.
    async fn undo(&mut self, at: usize) -> Result<bool, Cut> {
        let step = self.board.step(at);
        let id = || step.id.clone();
        if let Undo::None { why } = &step.undo {
            self.sink.emit(Event::UndoSkipped { step: id(), why: why.to_string() });
            return Ok(true);
        }
        allowed(self.options.fence).await.map_err(Cut::LockLost)?;
        self.sink.emit(Event::UndoStarted { step: id() });
        // The first interrupt asks for exactly this work, so it does not cancel it.
        let context = self.context(&step.id, CancellationToken::new());
        let output = context.outputs.get(&step.id);
        let mut undo = pin!(self.executor.undo(step, output, &context));
        let result = loop {
            tokio::select! {
                biased;
                cut = cut(self.options) => return Err(cut),
                () = self.options.stop.cancelled(), if !self.stopped => {
                    self.stopped = true;
                    self.sink.emit(Event::Interrupted);
                }
                result = &mut undo => break result,
            }
        };
        let undone = result.is_ok();
        if undone {
            self.board.undone(at);
        }
        self.sink.emit(match result {
            Ok(()) => Event::UndoFinished { step: id() },
            Err(error) => Event::UndoFailed { step: id(), error },
        });
        Ok(undone)
    }

    fn aborted(&self) -> Outcome {
        let (failed, error) = self.cause();
        let (residue, committed) = self.left();
        // Nothing done and nothing left over is as good as rolled back.
        if residue.is_empty() && !committed {
            Outcome::RolledBack { failed, error }
        } else {
            Outcome::Stuck { failed, error, residue, committed }
        }
    }

    fn lock_lost(&self, error: Error) -> Outcome {
        // What a step has set going beside itself is to stop too.
        self.cancel.cancel();
        let (residue, committed) = self.left();
        Outcome::LockLost { error, residue, committed }
    }

    /// What is left over when everything is dropped before the unwinding, and whether traffic had
    /// moved.
    fn left(&self) -> (Vec<ResourceId>, bool) {
        let committed = !self.unwinding && self.board.committed();
        let left = if committed { self.board.open_work() } else { self.board.abandoned() };
        (left, committed && self.board.has_commit_point())
    }

    fn stuck_after_commit(&self) -> Outcome {
        let (failed, error) = self.cause();
        let residue = self.board.open_work();
        Outcome::Stuck { failed, error, residue, committed: self.board.has_commit_point() }
    }

    /// Why the run did not come to its end; without a failed step it was interrupted.
    fn cause(&self) -> (Option<StepId>, Error) {
        match &self.failure {
            Some(failure) => (Some(failure.step.clone()), failure.error.clone()),
            None => (None, Error::new(ErrorKind::Interrupted, "interrupted")),
        }
    }

    fn context(&self, id: &StepId, cancel: CancellationToken) -> StepContext<'a> {
        let outputs = self.board.outputs().clone();
        StepContext { id: id.clone(), outputs, cancel, events: self.sink }
    }
}

/// Ends when everything is to be dropped where it is.
async fn cut(options: &Options<'_>) -> Cut {
    let lost = async {
        match options.fence {
            Some(fence) => fence.lost().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = options.abort.cancelled() => Cut::Aborted,
        error = lost => Cut::LockLost(error),
    }
}

/// Fails if the lock was lost.
async fn allowed(fence: Option<&dyn Fence>) -> Result<()> {
    match fence {
        Some(fence) => fence.check().await,
        None => Ok(()),
    }
}

fn millis_since(clock: &dyn Clock, begin: Duration) -> u64 {
    let elapsed = clock.now().saturating_sub(begin);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
