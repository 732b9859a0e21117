//! The plan of `mizan destroy`: everything of the environment goes, data only when asked.

use super::super::{
    names::Scope,
    observe::{ContainerRole, Observed},
    op::Op,
};
use crate::plan::{Change, Note, Plan, PlanBuilder, PlanError, ResourceId, Step, StepId, Undo};

/// What a teardown takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Teardown {
    /// Volumes and secrets: the data.
    pub volumes: bool,
}

/// Everything of this environment goes: first the front, then containers, then what they used.
///
/// # Errors
/// Only if the planner itself is wrong.
pub fn plan_teardown(
    scope: &Scope,
    observed: &Observed,
    teardown: Teardown,
) -> Result<Plan<Op>, PlanError> {
    let mut builder = PlanBuilder::default();
    let mut gone: Vec<StepId> = Vec::new();
    if observed.front.is_some() {
        let front = ResourceId::new("front", scope.host());
        gone.push(front.step_id());
        builder.step(delete(front, &[], Op::StopFront));
    }
    let before_containers = gone.clone();
    for seen in &observed.containers {
        let resource = match seen.role {
            ContainerRole::Service if seen.running && seen.release == observed.live() => {
                ResourceId::new("service", seen.service.clone())
            }
            ContainerRole::Accessory => ResourceId::new("accessory", seen.service.clone()),
            _ => ResourceId::new("container", seen.name.clone()),
        };
        gone.push(resource.step_id());
        let op = Op::RemoveContainer { container: seen.name.clone() };
        builder.step(delete(resource, &before_containers, op));
    }
    if observed.network {
        let network = scope.prefix();
        let resource = ResourceId::new("network", network.clone());
        builder.step(delete(resource, &gone, Op::RemoveNetwork { network }));
    }
    volumes(&mut builder, observed, teardown, &gone);
    if observed.state_exists && (teardown.volumes || !observed.releases.is_empty()) {
        let resource = ResourceId::new("ledger", scope.folder());
        let op = Op::RemoveState { secrets: teardown.volumes };
        let step = delete(resource, &gone, op);
        // Images that a ledger still names are kept.
        gone.push(step.id.clone());
        builder.step(step);
    }
    if observed.any_image {
        let resource = ResourceId::new("image", scope.app.to_string());
        builder.step(delete(resource, &gone, Op::RemoveImages));
    }
    builder.build()
}

fn volumes(
    builder: &mut PlanBuilder<Op>,
    observed: &Observed,
    teardown: Teardown,
    needs: &[StepId],
) {
    for volume in &observed.volumes {
        if teardown.volumes {
            let resource = ResourceId::new("volume", volume.clone());
            let op = Op::RemoveVolume { volume: volume.clone() };
            builder.step(delete(resource, needs, op));
        } else {
            builder.note(Note::Info(format!(
                "volume {volume} and its data are kept; --volumes removes them, and the secrets"
            )));
        }
    }
}

fn delete(resource: ResourceId, needs: &[StepId], op: Op) -> Step<Op> {
    Step {
        id: resource.step_id(),
        resource,
        change: Change::Delete { why: "destroy".into() },
        needs: needs.to_vec(),
        op,
        undo: Undo::None { why: "what was removed is gone".into() },
        // A teardown goes on past a failure: what can be removed is removed.
        after_commit: true,
    }
}
