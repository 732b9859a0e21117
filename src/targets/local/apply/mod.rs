//! Makes the operations of a local plan true, and takes them back.

mod container;
mod image;
mod plane;
mod record;
mod release_step;
mod remove;
mod run;
mod service;
mod surroundings;

use std::{cell::RefCell, collections::BTreeMap, env};

use bollard::Docker;

use container::Containers;
pub use container::into_bytes;

use super::{desired::Desired, names::Scope, op::Op, secrets::SecretStore, state::StateDir};
use crate::{
    engine::{Executor, StepContext, StepOutput},
    error::{Error, ErrorKind, Result},
    ledger::Ledger,
    plan::{Late, Step, Undo},
    targets::{EnvSpec, Source},
};

/// Executes the operations of the local target.
pub struct LocalExecutor {
    /// The Docker engine.
    pub docker: Docker,
    /// What is to be; `None` for a teardown.
    pub desired: Option<Desired>,
    /// Whose it is.
    pub scope: Scope,
    /// Its folders.
    pub state: StateDir,
    /// Its secrets.
    pub secrets: RefCell<SecretStore>,
    /// Its releases.
    pub ledger: Ledger,
    /// The source, for a deploy.
    pub source: Option<Source>,
}

impl LocalExecutor {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn containers(&self) -> Containers<'_> {
        Containers { docker: &self.docker, scope: &self.scope }
    }

    fn desired(&self) -> Result<&Desired> {
        self.desired.as_ref().ok_or_else(|| Error::failed("this plan has no desired state"))
    }

    fn port(&self) -> u16 {
        self.desired.as_ref().map_or(0, |desired| desired.port)
    }

    /// The image, from the plan or from the build step before.
    fn resolve_image(&self, image: &Late<String>, context: &StepContext<'_>) -> Result<String> {
        match image {
            Late::Known(reference) => Ok(reference.clone()),
            Late::After(step) => context
                .output(step, "image")
                .map(str::to_owned)
                .ok_or_else(|| Error::failed(format!("{step} did not tell its image"))),
        }
    }

    /// `NAME=value` for each variable; values are looked up here and nowhere else.
    fn env_values(&self, env: &BTreeMap<String, EnvSpec>) -> Result<Vec<String>> {
        let secrets = self.secrets.borrow();
        let mut values = Vec::with_capacity(env.len() + 1);
        for (name, spec) in env {
            let value = match spec {
                EnvSpec::Literal(text) => text.clone(),
                EnvSpec::Late { step, .. } => {
                    return Err(Error::failed(format!("env {name}: {step} did not tell it")));
                }
                EnvSpec::Caller { from, .. } => env::var(from).map_err(|_| {
                    Error::new(ErrorKind::Invalid, format!("env {name}: {from} is not set"))
                        .hint(format!("export {from}=… and run the command again"))
                })?,
                EnvSpec::Secret { .. } => match secrets.get(name) {
                    Some(value) => value.expose().to_owned(),
                    None => {
                        return Err(Error::failed(format!("the secret {name} has no value"))
                            .hint(format!("mizan secrets set {name}")));
                    }
                },
            };
            values.push(format!("{name}={value}"));
        }
        Ok(values)
    }

    /// Volume names of `mizan.yaml` as the engine knows them.
    fn volume_names(&self, volumes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let names = volumes.iter();
        names.map(|(name, path)| (self.scope.volume(name), path.clone())).collect()
    }

    async fn apply_op(&self, op: &Op, context: &StepContext<'_>) -> Result<StepOutput> {
        match op {
            Op::BuildImage => self.build_image(context).await,
            Op::TakeArtifacts => self.take_artifacts(context).await,
            Op::CreateNetwork { network } => self.create_network(network).await,
            Op::CreateVolume { volume } => self.create_volume(volume).await,
            Op::StartFront { port } => self.start_front(*port).await,
            Op::RunAccessory { service, spec } => self.run_accessory(service, spec, context).await,
            Op::RunReleaseStep { release, spec } => {
                self.run_release_step(*release, spec, context).await
            }
            Op::RunService { service, release, spec, stop_first } => {
                self.run_service(service, *release, spec, stop_first.as_deref(), context).await
            }
            Op::StartContainer { container } => {
                self.containers().start(container).await.map(|()| StepOutput::new())
            }
            Op::StageRender { release, plane } => self.stage_render(*release, plane, context).await,
            Op::StartEdge { release, plane } => self.start_edge(*release, plane, context).await,
            Op::CheckRelease { gate } => self.check_release(gate, context).await,
            Op::MoveTraffic { release } => self.move_traffic(*release, context).await,
            Op::RecordRelease { release, rollback_to } => {
                self.record_release(*release, *rollback_to, context).await
            }
            Op::RetireRelease { release, containers } => {
                self.retire_release(*release, containers, context).await
            }
            Op::UnrecordRelease { release, before } => {
                self.unrecord_release(*release, *before).await
            }
            Op::RemoveContainer { container } => self.remove_container(container).await,
            Op::ForgetRelease { release } => self.forget_release(*release, context).await,
            Op::StopFront => self.stop_front().await,
            Op::RemoveNetwork { network } => self.remove_network(network).await,
            Op::RemoveVolume { volume } => self.remove_volume(volume).await,
            Op::RemoveImages => self.remove_images(context).await,
            Op::RemoveState { secrets } => self.remove_state(*secrets).await,
        }
    }

    /// Deletes what an operation created; finds it gone or never made just as well.
    async fn delete(&self, op: &Op) -> Result<()> {
        match op {
            Op::CreateNetwork { network } => self.remove_network(network).await,
            Op::CreateVolume { volume } => self.remove_volume(volume).await,
            Op::StartFront { .. } | Op::MoveTraffic { .. } => self.forget_front().await,
            Op::RunAccessory { service, .. } => {
                self.remove_container(&self.scope.accessory(service)).await
            }
            Op::RunService { service, release, .. } => {
                self.remove_container(&self.scope.container(service, *release)).await
            }
            Op::StageRender { release, .. } | Op::StartEdge { release, .. } => {
                self.drop_generation(*release).await
            }
            // The planner declares `Undo::Delete` for the operations above only.
            _ => Ok(StepOutput::new()),
        }
        .map(drop)
    }
}

impl Executor<Op> for LocalExecutor {
    async fn apply(&self, step: &Step<Op>, context: &StepContext<'_>) -> Result<StepOutput> {
        self.apply_op(&step.op, context).await
    }

    async fn undo(
        &self,
        step: &Step<Op>,
        _output: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let op = &step.op;
        match &step.undo {
            Undo::Delete => self.delete(op).await,
            Undo::Restore { op: before } => {
                // A service gives way to the one it had stopped; an accessory is replaced by it.
                if matches!(op, Op::RunService { .. }) {
                    self.delete(op).await?;
                }
                self.apply_op(before, context).await?;
                match op {
                    Op::MoveTraffic { release } => self.leave_traffic(*release).await,
                    _ => Ok(()),
                }
            }
            Undo::None { .. } => Ok(()),
        }
    }
}

/// A wait that ended because the run was cancelled.
fn cancelled() -> Error {
    Error::new(ErrorKind::Interrupted, "cancelled")
}
