//! Compares what should be with what is: pure, and the only place that decides what a deploy does.
//!
//! A release is what the ledger records: if what is desired is not what it recorded last, a deploy
//! makes a new one. A service that differs gets a new container group beside the one that runs;
//! visitors move when the Hub names the new one as its origin, and only then the old one stops. It
//! is kept as it was for the way back, until the next release. A live group that somebody changed
//! is replaced the same way, by a release; one that is gone or was stopped is brought back under
//! the live release's number.

mod check;
mod cleanup;
mod fields;
mod group_steps;
mod groups;
mod notes;
mod order;
mod plane;
mod refusal;
mod release;
mod teardown;
mod things;

use std::collections::{BTreeMap, BTreeSet};

pub use refusal::Refusal;
pub use teardown::{Teardown, plan_teardown};

use super::{
    desired::Desired,
    op::Op,
    seen::{CurrentRelease, Observed},
    spec::ServiceSpec,
};
use crate::{
    model::ReleaseId,
    plan::{Change, Plan, PlanBuilder, ResourceId, Seen, Step, StepId, Undo, with_known_needs},
    targets::azure::{names::Scope, things::Thing},
};

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// `mizan deploy`: from source.
    Deploy,
    /// `mizan rollback`: what this release ran again. Nothing is built and the release step does
    /// not run: migrations are not taken back.
    Rollback(&'a CurrentRelease),
}

/// Why an operation is not undone although the run failed.
mod kept {
    pub const IMAGE: &str = "the image stays in the registry";
    pub const GOES_ALONG: &str = "it goes with the registry";
    pub const ARTIFACTS: &str = "they stay in the cache";
    pub const MIGRATION: &str = "a migration is not taken back";
    pub const ASKED: &str = "nothing was changed";
    pub const IN_USE: &str = "the live release uses it";
    pub const LIVE: &str = "that is where the live release is";
    pub const SHARED: &str = "the whole subscription may use it";
    pub const UNKNOWN: &str = "nobody could tell what it was before";
    pub const GONE: &str = "what was removed is gone";
}

/// What must change, in order, so that the subscription looks as desired.
///
/// # Errors
/// What is there must not be touched, or cannot be changed into what is desired.
pub fn plan(
    desired: &Desired,
    observed: &Observed,
    purpose: Purpose<'_>,
) -> Result<Plan<Op>, Refusal> {
    let mut planner = Planner::new(desired, observed, purpose);
    refusal::check(&planner)?;
    planner.lead_back();
    planner.image();
    planner.things();
    let migrated = planner.release_step();
    planner.services(&migrated);
    planner.plane()?;
    planner.record();
    planner.late_plane();
    planner.old_groups();
    planner.old_releases();
    planner.notes();
    planner.finish()
}

/// The release a deploy of `desired` would make, or `None` if the recorded one is as desired.
pub fn next_release(desired: &Desired, observed: &Observed) -> Option<ReleaseId> {
    Planner::new(desired, observed, Purpose::Deploy).release
}

/// The base URL that visitors are led to when a plan is done: that of the web service's group.
pub fn origin_after(plan: &Plan<Op>, desired: &Desired, observed: &Observed) -> Option<String> {
    let (web, _) = desired.web()?;
    let recorded = plan.steps.iter().find_map(|step| match &step.op {
        Op::RecordRelease { groups, .. } => Some(groups),
        _ => None,
    });
    let live = observed.current.as_ref().map(|live| &live.groups);
    recorded.or(live)?.get(web).map(|group| desired.origin(group))
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    purpose: Purpose<'a>,
    /// The live release, as it was recorded.
    live: Option<&'a CurrentRelease>,
    /// The release that this plan makes, if it makes one.
    release: Option<ReleaseId>,
    /// The release that runs after this plan: the new one, or the live one.
    number: ReleaseId,
    /// The groups that run after this plan, by service.
    groups: BTreeMap<String, String>,
    steps: Vec<Step<Op>>,
    /// Steps of the Workers that come after the commit point.
    late_plane: Vec<Step<Op>>,
    builder: PlanBuilder<Op>,
}

impl<'a> Planner<'a> {
    fn new(desired: &'a Desired, observed: &'a Observed, purpose: Purpose<'a>) -> Self {
        let live = observed.current.as_ref();
        let current = live.filter(|live| {
            !is_outdated(&live.desired, desired)
                && !plane::needs_release(live, desired, observed)
                && !groups::has_changed(live, desired, observed)
        });
        let next = groups::free_release(desired, observed);
        Self {
            desired,
            observed,
            purpose,
            live,
            release: current.is_none().then_some(next),
            number: current.map_or(next, |live| live.id),
            groups: BTreeMap::new(),
            steps: Vec::new(),
            late_plane: Vec::new(),
            builder: PlanBuilder::default(),
        }
    }

    /// Something of the live release runs: after a destroy that did not come to its end, nothing
    /// does.
    fn serves(&self) -> bool {
        let groups = self.live.into_iter().flat_map(|live| live.groups.values());
        let seen = groups.filter_map(|group| self.observed.groups.get(group));
        seen.into_iter().any(|seen| !matches!(seen, Seen::Absent))
    }

    /// What the live release recorded of a service.
    fn recorded(&self, service: &str) -> Option<&'a ServiceSpec> {
        self.live?.desired.services.get(service)
    }

    /// Adds a step; `needs` that are not in the plan (their resource is unchanged) are dropped.
    fn step(
        &mut self,
        resource: ResourceId,
        change: Change,
        needs: Vec<StepId>,
        op: Op,
        undo: Undo<Op>,
    ) -> StepId {
        let id = resource.step_id();
        let step = Step { id: id.clone(), resource, change, needs, op, undo, after_commit: false };
        self.steps.push(step);
        id
    }

    /// Adds a step after the commit point.
    fn late_step(&mut self, resource: ResourceId, change: Change, op: Op, undo: Undo<Op>) {
        self.steps.push(Step {
            id: resource.step_id(),
            resource,
            change,
            needs: self.committed(),
            op,
            undo,
            after_commit: true,
        });
    }

    /// What must be done before anything stops or is removed: the record, which comes after
    /// everything else, or, in a plan without one, everything else.
    fn committed(&self) -> Vec<StepId> {
        match self.release {
            Some(release) => vec![release_resource(release).step_id()],
            None => self.before_commit(),
        }
    }

    fn before_commit(&self) -> Vec<StepId> {
        let steps = self.steps.iter().filter(|step| !step.after_commit);
        steps.map(|step| step.id.clone()).collect()
    }

    fn finish(mut self) -> Result<Plan<Op>, Refusal> {
        let steps = with_known_needs(self.steps);
        steps.into_iter().for_each(|step| self.builder.step(step));
        Ok(self.builder.build()?)
    }
}

/// True if a release must be recorded so that the record says what is desired.
fn is_outdated(recorded: &Desired, desired: &Desired) -> bool {
    let names = |desired: &Desired| -> BTreeSet<ResourceId> {
        desired.things.iter().map(Thing::id).collect()
    };
    recorded.services != desired.services
        || recorded.artifacts != desired.artifacts
        || names(recorded) != names(desired)
}

/// The container group that a release has for a service, if it makes one.
fn group_name(scope: &Scope, release: ReleaseId, service: &str, spec: &ServiceSpec) -> String {
    match spec.is_web() {
        true => scope.web_group(release),
        false => scope.group(release, service),
    }
}

/// The image's resource.
fn image_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("image", desired.scope.app.to_string())
}

/// The sidecar's image.
fn sidecar_resource(image: &str) -> ResourceId {
    ResourceId::new("sidecar", image)
}

/// The resource of what is taken out of the image.
fn artifacts_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("artifacts", desired.scope.app.to_string())
}

/// The visitors, where a killed deploy has led them.
fn visitors_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("visitors", desired.scope.app.to_string())
}

fn release_resource(release: ReleaseId) -> ResourceId {
    ResourceId::new("release", release.to_string())
}

fn group_resource(group: &str) -> ResourceId {
    ResourceId::new("container-group", group)
}
