//! Makes the operations of an AWS plan true, and takes them back. Here is only which operation is
//! done by what; each kind of work has a file of its own.

mod certificate;
mod check;
mod dns_record;
mod family;
mod image;
mod leftover;
mod one_task;
mod ownership;
mod pace;
mod patience;
mod probe;
mod record;
mod release_step;
mod revision;
mod rollout;
mod run;
mod secrets;
mod service;
mod task_definition;
mod things;
mod wait;
mod workers;

use std::path::PathBuf;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{clients::Clients, desired::Desired, names::Scope, op::Op, seen::Observed};
use crate::{
    cloudflare::Cloudflare,
    engine::{Clock, Executor, StepContext, StepOutput},
    error::{Error, Result},
    ledger::Ledger,
    plan::{ResourceId, Step, Undo},
    targets::Source,
    workers::cloud,
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
    /// Cancelled before the lock's file is removed with the ledger: that is no loss of the lock.
    pub lock_removed: CancellationToken,
    /// Where artifacts of images are cached on this machine.
    pub artifacts: PathBuf,
    /// By which waits are measured.
    pub clock: Box<dyn Clock>,
    /// Where the records of the domain and the Workers are; `None` without a token.
    pub cloudflare: Option<Cloudflare>,
    /// Held by who looks for a revision of the web service, or registers it: a first release and its
    /// check, which go on at once, run the same one.
    pub registering: Mutex<()>,
    /// The Workers of the release that is brought back, for a rollback.
    pub returning: Option<cloud::Recorded>,
}

impl AwsExecutor {
    fn desired(&self) -> Result<&Desired> {
        self.desired.as_ref().ok_or_else(|| Error::failed("this plan has no desired state"))
    }

    /// The ECS cluster; a teardown finds it where the live release is.
    fn cluster(&self) -> String {
        let current = self.observed.current.as_ref().map(|current| &current.desired);
        let desired = self.desired.as_ref().or(current);
        desired.map_or_else(|| self.scope.cluster(), |desired| desired.cluster.clone())
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

    /// The futures of the operations are large and of very different sizes: each lives on the heap.
    async fn apply_op(&self, op: &Op, context: &StepContext<'_>) -> Result<StepOutput> {
        match op {
            Op::PushImage { image } => Box::pin(self.push_image(image, context)).await,
            Op::TakeArtifacts => Box::pin(self.take_artifacts(context)).await,
            Op::Put { thing } => Box::pin(self.put(thing, context)).await,
            Op::RunReleaseStep { release, spec } => {
                Box::pin(self.run_release_step(*release, spec, context)).await
            }
            Op::CheckRelease { gate, service, release, spec, task_definition } => {
                let given = task_definition.as_deref();
                Box::pin(self.check_release(gate, service, *release, spec, given, context))
                    .await
                    .map(|()| StepOutput::new())
            }
            Op::PutService { service, release, spec, task_definition } => {
                let given = task_definition.as_deref();
                Box::pin(self.put_service(service, *release, spec, given, context)).await
            }
            Op::RestoreService { service, spec, release, task_definition, desired } => {
                let restored = self.restore_service(
                    service,
                    spec,
                    *release,
                    task_definition,
                    *desired,
                    context,
                );
                Box::pin(restored).await
            }
            Op::StopService { service } => {
                Box::pin(self.stop_service(service, context)).await.map(|()| StepOutput::new())
            }
            Op::Worker { worker } => Box::pin(self.worker(worker, context)).await,
            Op::RecordRelease { release, rollback_to } => {
                Box::pin(self.record_release(*release, *rollback_to, context)).await
            }
            Op::UnrecordRelease { release, before } => {
                Box::pin(self.unrecord_release(*release, *before)).await
            }
            Op::ForgetRelease { release } => Box::pin(self.forget_release(*release, context)).await,
            Op::Delete { .. }
            | Op::DeleteService { .. }
            | Op::DeleteFamily { .. }
            | Op::DeleteSecrets
            | Op::DeleteLedger
            | Op::DeleteBucket { .. }
            | Op::Sweep { .. } => {
                Box::pin(self.remove(op, context)).await.map(|()| StepOutput::new())
            }
        }
    }

    /// The operations after which something is gone.
    async fn remove(&self, op: &Op, context: &StepContext<'_>) -> Result<()> {
        match op {
            Op::Delete { thing } => Box::pin(self.delete(thing, context)).await,
            Op::DeleteService { service } => Box::pin(self.delete_service(service, context)).await,
            Op::DeleteFamily { family } => Box::pin(self.delete_family(family)).await,
            Op::DeleteSecrets => Box::pin(self.delete_secrets()).await,
            Op::DeleteLedger => self.delete_ledger().await,
            Op::DeleteBucket { bucket } => self.delete_bucket(bucket, context).await,
            Op::Sweep { resource, arn } => Box::pin(self.sweep(resource, arn, context)).await,
            // The others leave something behind.
            _ => Ok(()),
        }
    }

    /// Deletes what an operation created; finds it gone or never made just as well.
    async fn delete_made(&self, op: &Op, context: &StepContext<'_>) -> Result<()> {
        match op {
            Op::Put { thing } => Box::pin(self.unmake(thing, context)).await,
            Op::PutService { service, .. } => Box::pin(self.delete_service(service, context)).await,
            Op::Worker { worker } => Box::pin(self.unmake_worker(worker, context)).await,
            Op::CheckRelease { .. } => Box::pin(self.end_checks(context)).await,
            // The planner declares `Undo::Delete` for the operations above only.
            _ => Ok(()),
        }
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
            Undo::Delete => self.delete_made(&step.op, context).await,
            Undo::Restore { op } => self.apply_op(op, context).await.map(drop),
            Undo::None { .. } => Ok(()),
        }
    }
}
