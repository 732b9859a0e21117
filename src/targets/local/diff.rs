//! Compares what should be with what is: pure, and the only place that decides what a deploy does.
//!
//! A release is one set of containers from one image and configuration. If anything in it differs,
//! a whole new release is started beside the old one, traffic moves, and the old one is retired.
//! Accessories, volumes, the network and the front outlive releases.

mod cleanup;
mod fields;
mod release;
mod surroundings;
mod teardown;

use std::collections::BTreeSet;

pub use teardown::{Teardown, plan_teardown};

use super::{
    desired::{Desired, ServiceSpec},
    observe::{ContainerRole, Observed, SeenContainer},
    op::Op,
};
use crate::{
    model::ReleaseId,
    plan::{Change, Late, Plan, PlanBuilder, PlanError, ResourceId, Step, StepId, Undo},
};

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `mizan deploy`: from source.
    Deploy,
    /// `mizan rollback`: the image and configuration of this release again. Nothing is built and
    /// the release step does not run: migrations are not taken back.
    Rollback(ReleaseId),
}

/// Why an operation is not undone although the run failed.
mod kept {
    pub const IMAGE: &str = "the image stays in the engine's cache";
    pub const ARTIFACTS: &str = "they stay in the cache, beside the image";
    pub const MIGRATION: &str = "a migration is not taken back";
    pub const ASKED: &str = "nothing was changed";
    pub const FRONT: &str = "it serves on as before";
    pub const IN_USE: &str = "the live release is connected to it";
    pub const LEFTOVER: &str = "it was left over";
    pub const RECORD: &str = "it tells what is";
    pub const GONE: &str = "what was removed is gone";
}

/// What must change, in order, so that the local target looks as desired.
///
/// # Errors
/// Only if the planner itself is wrong: duplicate, missing or circular steps.
pub fn plan(
    desired: &Desired,
    observed: &Observed,
    purpose: Purpose,
) -> Result<Plan<Op>, PlanError> {
    let mut planner = Planner::new(desired, observed, purpose);
    planner.image();
    planner.surroundings();
    planner.accessories();
    planner.leftovers();
    match planner.release {
        Some(release) => planner.new_release(release),
        None => planner.same_release(),
    }
    planner.removed_accessories();
    planner.old_releases();
    planner.notes();
    planner.builder.build()
}

/// The release a deploy of `desired` would make, or `None` if the live one is as desired.
pub fn next_release(desired: &Desired, observed: &Observed) -> Option<ReleaseId> {
    Planner::new(desired, observed, Purpose::Deploy).release
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    purpose: Purpose,
    live: Option<ReleaseId>,
    release: Option<ReleaseId>,
    builder: PlanBuilder<Op>,
}

impl<'a> Planner<'a> {
    fn new(desired: &'a Desired, observed: &'a Observed, purpose: Purpose) -> Self {
        let live = observed.live();
        let mut planner = Self {
            desired,
            observed,
            purpose,
            live,
            release: None,
            builder: PlanBuilder::default(),
        };
        planner.release = planner.is_outdated().then(|| observed.next_release());
        planner
    }

    /// True if the live release is not what is desired.
    fn is_outdated(&self) -> bool {
        let services = self.desired.released().any(|(name, spec)| match self.live_of(name) {
            Some(seen) => !seen.is_like(spec),
            None => true,
        });
        let names: BTreeSet<&str> = self.desired.released().map(|(name, _)| name).collect();
        let removed = self.live_containers().any(|seen| !names.contains(seen.service.as_str()));
        services
            || removed
            || self.observed.live_plane != self.desired.plane
            || self.stale_origin()
            || self.is_forgotten()
    }

    /// True if the front does not know the live release: its state was lost.
    fn is_forgotten(&self) -> bool {
        self.live.is_some() && self.observed.served().is_none()
    }

    /// True if the Workers of the live release point to a port its container no longer has.
    fn stale_origin(&self) -> bool {
        let Some((web, _)) = self.desired.web() else { return false };
        match (self.live_of(web), &self.observed.front) {
            (Some(seen), Some(front)) => {
                front.origin_port.is_some() && front.origin_port != seen.host_port
            }
            _ => false,
        }
    }

    fn live_containers(&self) -> impl Iterator<Item = &'a SeenContainer> {
        let live = self.live;
        self.observed.containers.iter().filter(move |seen| {
            seen.role == ContainerRole::Service && live.is_some() && seen.release == live
        })
    }

    fn live_of(&self, service: &str) -> Option<&'a SeenContainer> {
        self.live_containers().find(|seen| seen.service == service)
    }

    /// Adds a step; `needs` that are not in the plan (their resource is unchanged) are dropped.
    fn step(&mut self, id: ResourceId, change: Change, needs: &[StepId], op: Op, undo: Undo<Op>) {
        self.push(id, change, needs, op, undo, false);
    }

    /// Adds a step after the commit point.
    fn late_step(&mut self, id: ResourceId, change: Change, needs: &[StepId], op: Op) {
        self.push(id, change, needs, op, Undo::None { why: kept::GONE.into() }, true);
    }

    fn push(
        &mut self,
        resource: ResourceId,
        change: Change,
        needs: &[StepId],
        op: Op,
        undo: Undo<Op>,
        after_commit: bool,
    ) {
        let needs = needs.iter().filter(|id| self.builder.has(id)).cloned().collect();
        self.builder.step(Step {
            id: resource.step_id(),
            resource,
            change,
            needs,
            op,
            undo,
            after_commit,
        });
    }

    fn surroundings_of(&self, spec: &ServiceSpec) -> Vec<StepId> {
        let network = ResourceId::new("network", self.desired.scope.prefix()).step_id();
        let volumes = spec.volumes.keys().map(|name| self.volume_step(name));
        std::iter::once(network).chain(volumes).collect()
    }

    fn volume_step(&self, name: &str) -> StepId {
        ResourceId::new("volume", self.desired.scope.volume(name)).step_id()
    }
}

/// The image's resource.
pub(super) fn image_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("image", desired.scope.app.to_string())
}

/// The resource of what is taken out of the image.
pub(super) fn artifacts_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("artifacts", desired.scope.app.to_string())
}

/// The front's resource.
pub(super) fn front_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("front", desired.scope.host())
}

/// The Edge's resource.
pub(super) fn edge_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("edge", desired.scope.app.to_string())
}

/// How the container of the release before becomes one of `spec`.
fn replace(seen: &SeenContainer, spec: &ServiceSpec) -> Change {
    let fields = match &seen.spec {
        Some(before) => fields::diff(before, spec),
        None => fields::of_new(spec),
    };
    let why = if !seen.running {
        format!("it is not running ({})", seen.state)
    } else if fields.iter().any(|field| field.field == "image") {
        "a container cannot change its image".to_owned()
    } else if fields.is_empty() {
        "a release runs all its services from one image and configuration".to_owned()
    } else {
        "a container cannot change its configuration".to_owned()
    };
    Change::Replace { why, fields }
}

/// True while a value waits for a step of the plan.
fn is_late<T>(value: &Late<T>) -> bool {
    matches!(value, Late::After(_))
}
