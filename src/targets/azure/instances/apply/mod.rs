//! Makes the operations on Container Instances true, and takes them back. Here is only which operation
//! is done by what; each kind of work has a file of its own.

mod check;
mod group;
mod image;
mod ledger;
mod once;
mod output;
mod ready;
mod record;
mod release_step;
mod run;
mod things;
mod values;
mod workers;

use std::path::PathBuf;

use tokio::sync::{OnceCell, RwLock};
use tokio_util::sync::CancellationToken;

use self::things::NEW;
use super::{
    desired::Desired,
    op::Op,
    seen::{CurrentRelease, Observed},
};
use crate::{
    cloudflare::Cloudflare,
    engine::{Clock, Executor, StepContext, StepOutput},
    error::{Error, Result},
    ledger::Ledger,
    plan::{ResourceId, Step, StepId, Undo},
    targets::{
        Source,
        azure::{
            Clients,
            names::Scope,
            secrets::{Removal, Store},
        },
    },
};

/// Executes the operations of the target.
pub struct InstancesExecutor {
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
    /// The values of its secrets.
    pub secrets: RwLock<Store>,
    /// The source, for a deploy.
    pub source: Option<Source>,
    /// The release that is brought back, for a rollback.
    pub returning: Option<CurrentRelease>,
    /// Cancelled before the lock's file is removed with the ledger: that is no loss of the lock.
    pub lock_removed: CancellationToken,
    /// Where artifacts of images are cached on this machine.
    pub artifacts: PathBuf,
    /// By which waits are measured.
    pub clock: Box<dyn Clock>,
    /// Where visitors are led when the plan is done: the base URL of the web service's group.
    pub origin: Option<String>,
    /// Where the Workers are; `None` without a token.
    pub cloudflare: Option<Cloudflare>,
    /// The host of the registry, once somebody has asked for it.
    pub login_server: OnceCell<String>,
}

impl InstancesExecutor {
    fn desired(&self) -> Result<&Desired> {
        self.desired.as_ref().ok_or_else(|| Error::failed("this plan has no desired state"))
    }

    /// The futures of the operations are large and of very different sizes: each lives on the heap.
    async fn apply_op(&self, op: &Op, context: &StepContext<'_>) -> Result<StepOutput> {
        let done = |()| StepOutput::new();
        match op {
            Op::PushImage { image } => Box::pin(self.push_image(image, context)).await,
            Op::PushSidecar { image } => {
                Box::pin(self.push_sidecar(image, context)).await.map(done)
            }
            Op::TakeArtifacts => Box::pin(self.take_artifacts(context)).await.map(done),
            Op::Put { thing } => Box::pin(self.put(thing, context)).await,
            Op::Delete { thing } => {
                Box::pin(self.delete(thing, Removal::Final, context)).await.map(done)
            }
            Op::RunReleaseStep { release, group, spec } => {
                Box::pin(self.run_release_step(*release, group, spec, context)).await.map(done)
            }
            Op::CreateGroup { group, service, release, spec } => {
                Box::pin(self.create_group(group, service, *release, spec, context)).await
            }
            Op::StartGroup { group, instead_of } => {
                Box::pin(self.start_group(group, instead_of.as_deref(), context)).await.map(done)
            }
            Op::StopGroup { group, drain } => {
                Box::pin(self.stop_group(group, *drain, context)).await.map(done)
            }
            Op::DeleteGroup { group, drain } => {
                Box::pin(self.delete_group(group, *drain, context)).await.map(done)
            }
            Op::CheckRelease { gate, group, .. } => {
                Box::pin(self.check_release(gate, group, context)).await.map(done)
            }
            Op::LeadBack { origin } => Box::pin(self.lead_back(origin, context)).await.map(done),
            Op::Worker { worker } => Box::pin(self.worker(worker, context)).await,
            Op::RecordRelease { release, rollback_to, groups } => {
                Box::pin(self.record_release(*release, *rollback_to, groups, context))
                    .await
                    .map(done)
            }
            Op::UnrecordRelease { release, before } => {
                Box::pin(self.unrecord_release(*release, *before)).await.map(done)
            }
            Op::ForgetRelease { release } => {
                Box::pin(self.forget_release(*release, context)).await.map(done)
            }
            Op::DeleteLedger => Box::pin(self.delete_ledger()).await.map(done),
            Op::DeleteStorage { account } => {
                Box::pin(self.delete_storage(account, context)).await.map(done)
            }
        }
    }

    /// Deletes what an operation created; finds it gone or never made just as well.
    async fn delete_made(
        &self,
        op: &Op,
        output: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        match op {
            // Into a vault that was brought back, somebody may have put what cannot be made again.
            Op::Put { thing } => {
                let is_new = output.and_then(|output| output.get(NEW));
                let how = match is_new.map(String::as_str) {
                    Some("true") => Removal::Final,
                    _ => Removal::Recoverable,
                };
                Box::pin(self.delete(thing, how, context)).await
            }
            Op::CreateGroup { group, .. } => Box::pin(self.delete_group(group, 0, context)).await,
            Op::Worker { worker } => Box::pin(self.unmake_worker(worker, context)).await,
            // The planner declares `Undo::Delete` for the operations above only.
            _ => Ok(()),
        }
    }

    /// Looks up what the steps before found out.
    fn found(&self, context: &StepContext<'_>) -> impl Fn(&StepId, &str) -> Option<String> {
        move |step, name| context.output(step, name).map(str::to_owned)
    }
}

impl Executor<Op> for InstancesExecutor {
    async fn apply(&self, step: &Step<Op>, context: &StepContext<'_>) -> Result<StepOutput> {
        self.apply_op(&step.op, context).await
    }

    async fn undo(
        &self,
        step: &Step<Op>,
        output: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        match &step.undo {
            Undo::Delete => self.delete_made(&step.op, output, context).await,
            Undo::Restore { op } => self.apply_op(op, context).await.map(drop),
            Undo::None { .. } => Ok(()),
        }
    }
}

/// What is said about a foreign thing that has the name of one that is to go.
fn left_alone(id: &ResourceId) -> String {
    format!("the {id} is not ours and is left alone")
}
