//! Faults on purpose: an executor that fails, hangs or dies at a chosen step. The conformance
//! suite strikes every step this way and then looks whether the world is as if nothing happened.

use std::{fmt, str::FromStr};

use rustix::process::{Signal, getpid, kill_process};

use super::{Executor, StepContext, StepOutput};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::{Step, StepId},
};

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPoint {
    /// Before the step has done anything.
    Before,
    /// After its effect, before its reply.
    After,
    /// When the step is to be taken back, before that has done anything.
    DuringUndo,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// An error is returned.
    Fail,
    /// The process is killed (SIGKILL): nobody cleans up.
    Kill,
    /// Nothing happens any more until the step is cancelled.
    Hang,
}

/// One fault, as text `kind:point:step`, e.g. `kill:after:service/web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which step it strikes.
    pub step: StepId,
    /// When.
    pub point: FaultPoint,
    /// What it does.
    pub kind: FaultKind,
}

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no fault: write {{fail|kill|hang}}:{{before|after|during-undo}}:<step>")]
pub struct FaultError(String);

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let wrong = || FaultError(text.to_owned());
        // A step's name may itself contain colons, so only the first two separate.
        let mut parts = text.splitn(3, ':');
        let kind = match parts.next() {
            Some("fail") => FaultKind::Fail,
            Some("kill") => FaultKind::Kill,
            Some("hang") => FaultKind::Hang,
            _ => return Err(wrong()),
        };
        let point = match parts.next() {
            Some("before") => FaultPoint::Before,
            Some("after") => FaultPoint::After,
            Some("during-undo") => FaultPoint::DuringUndo,
            _ => return Err(wrong()),
        };
        let step = parts.next().filter(|step| !step.is_empty()).ok_or_else(wrong)?;
        Ok(Self { step: StepId(step.to_owned()), point, kind })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FaultKind::Fail => "fail",
            FaultKind::Kill => "kill",
            FaultKind::Hang => "hang",
        };
        let point = match self.point {
            FaultPoint::Before => "before",
            FaultPoint::After => "after",
            FaultPoint::DuringUndo => "during-undo",
        };
        write!(f, "{kind}:{point}:{}", self.step)
    }
}

impl Fault {
    async fn strike(&self, context: &StepContext<'_>) -> Result<()> {
        match self.kind {
            FaultKind::Fail => Err(Error::failed(format!("a fault was injected: {self}"))),
            FaultKind::Kill => {
                // The signal cannot be caught; if it could not be sent, the test would lie.
                kill_process(getpid(), Signal::KILL)
                    .map_err(|error| Error::failed("could not kill myself").because(&error))?;
                std::future::pending().await
            }
            FaultKind::Hang => {
                context.cancel.cancelled().await;
                let message = format!("a fault was injected: {self}, then the run was cancelled");
                Err(Error::new(ErrorKind::Interrupted, message))
            }
        }
    }
}

/// An executor with faults in it.
#[derive(Debug)]
pub struct Faulty<E> {
    inner: E,
    faults: Vec<Fault>,
}

impl<E> Faulty<E> {
    /// The executor `inner`, struck by `faults`; without any it behaves exactly like `inner`.
    pub fn new(inner: E, faults: Vec<Fault>) -> Self {
        Self { inner, faults }
    }

    async fn strike(&self, point: FaultPoint, context: &StepContext<'_>) -> Result<()> {
        for fault in &self.faults {
            if fault.point == point && fault.step == context.id {
                fault.strike(context).await?;
            }
        }
        Ok(())
    }
}

impl<O, E: Executor<O>> Executor<O> for Faulty<E> {
    async fn apply(&self, step: &Step<O>, context: &StepContext<'_>) -> Result<StepOutput> {
        self.strike(FaultPoint::Before, context).await?;
        let output = self.inner.apply(step, context).await?;
        self.strike(FaultPoint::After, context).await?;
        Ok(output)
    }

    async fn undo(
        &self,
        step: &Step<O>,
        output: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        self.strike(FaultPoint::DuringUndo, context).await?;
        self.inner.undo(step, output, context).await
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::Outputs;

    #[test]
    fn a_fault_is_written_as_it_is_read() {
        for text in ["kill:after:service/web", "fail:before:image/a:b", "hang:during-undo:x"] {
            assert_eq!(text.parse::<Fault>().map(|fault| fault.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_form_it_should_have() {
        for text in ["", "kill", "kill:after", "kill:after:", "burn:after:x", "kill:soon:x"] {
            assert_eq!(text.parse::<Fault>(), Err(FaultError(text.to_owned())));
        }
    }

    #[test]
    fn a_kill_leaves_nobody_to_clean_up() {
        use std::{env, os::unix::process::ExitStatusExt, process::Command};

        const VICTIM: &str = "MIZAN_TEST_VICTIM";
        if env::var_os(VICTIM).is_some() {
            let context = StepContext {
                id: StepId::new("service", "web"),
                outputs: Outputs::new(),
                cancel: CancellationToken::new(),
                events: &|_| {},
            };
            let fault: Fault = "kill:after:service/web".parse().expect("a fault");
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(fault.strike(&context)).expect("dead before this");
        }
        let this = env::current_exe().expect("this test's program");
        let name = "engine::fault::tests::a_kill_leaves_nobody_to_clean_up";
        let victim = Command::new(this).args(["--exact", name]).env(VICTIM, "1").output();
        assert_eq!(victim.expect("started").status.signal(), Some(9));
    }
}
