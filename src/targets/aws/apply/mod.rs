//! Makes the operations of an AWS plan true, and takes them back.

use std::path::PathBuf;

use super::{clients::Clients, desired::Desired, names::Scope, op::Op, seen::Observed};
use crate::{
    engine::{Executor, StepContext, StepOutput},
    error::{Error, Result},
    ledger::Ledger,
    plan::{ResourceId, Step, Undo},
    targets::Source,
};

/// Executes the operations of the AWS target.
pub struct AwsExecutor {
    /// The APIs.
    pub clients: Clients,
    /// Whose it is.
    pub scope: Scope,
    /// What is to be; `None` for a teardown.
    pub desired: Option<Desired>,
    /// What was there when the plan was made.
    pub observed: Observed,
    /// Its releases.
    pub ledger: Ledger,
    /// The source, for a deploy.
    pub source: Option<Source>,
    /// Where artifacts of images are cached on this machine.
    pub artifacts: PathBuf,
}

impl AwsExecutor {
    fn desired(&self) -> Result<&Desired> {
        self.desired.as_ref().ok_or_else(|| Error::failed("this plan has no desired state"))
    }

    /// An output of the step that put a thing or service, else what was seen of it.
    fn found(&self, id: &ResourceId, name: &str, context: &StepContext<'_>) -> Option<String> {
        if let Some(output) = context.output(&id.step_id(), name) {
            return Some(output.to_owned());
        }
        let seen = self.observed.things.get(id)?.present()?;
        if name == "arn" { Some(seen.arn.clone()) } else { seen.attributes.get(name).cloned() }
    }

    /// The ARN or id of a thing that is there, by now.
    fn arn(&self, id: &ResourceId, context: &StepContext<'_>) -> Result<String> {
        self.found(id, "arn", context)
            .ok_or_else(|| Error::failed(format!("the {id} is not there, although it should be")))
    }

    async fn apply_op(&self, op: &Op, _context: &StepContext<'_>) -> Result<StepOutput> {
        Err(Error::failed(format!("{op:?}")))
    }
}

impl Executor<Op> for AwsExecutor {
    async fn apply(&self, step: &Step<Op>, context: &StepContext<'_>) -> Result<StepOutput> {
        self.apply_op(&step.op, context).await
    }

    async fn undo(
        &self,
        step: &Step<Op>,
        _output: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        match &step.undo {
            Undo::Delete => Ok(()),
            Undo::Restore { op } => self.apply_op(op, context).await.map(drop),
            Undo::None { .. } => Ok(()),
        }
    }
}
