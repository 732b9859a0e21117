//! Compares what should be with what is: pure, and the only place that decides what a deploy does.
//!
//! A release is what the ledger records: if what is desired is not what it recorded last, a deploy
//! makes a new one. Only the services that differ are rolled out; another image changes all of
//! them. If the record says what is desired, but the account does not look like it, a deploy
//! repairs it under the live release's number.

mod bridge;
mod check;
mod cleanup;
mod fields;
mod notes;
mod order;
mod plane;
mod refusal;
mod release;
mod services;
mod teardown;
mod things;

use std::collections::BTreeSet;

pub use refusal::Refusal;
pub use teardown::{Teardown, plan_teardown};

use super::{
    desired::Desired,
    op::Op,
    seen::{CurrentRelease, Observed},
    spec::{Rule, ServiceSpec, Thing},
};
use crate::{
    model::ReleaseId,
    plan::{Change, Plan, PlanBuilder, ResourceId, Seen, Step, StepId, Undo, with_known_needs},
};

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// `mizan deploy`: from source.
    Deploy,
    /// `mizan rollback`: the task definitions of this release again. Nothing is built and the
    /// release step does not run: migrations are not taken back.
    Rollback(&'a CurrentRelease),
}

/// Why an operation is not undone although the run failed.
mod kept {
    pub const IMAGE: &str = "the image stays in the repository";
    pub const GOES_ALONG: &str = "it goes with the repository";
    pub const ARTIFACTS: &str = "they stay in the cache";
    pub const MIGRATION: &str = "a migration is not taken back";
    pub const IN_USE: &str = "the live release uses it";
    pub const UNKNOWN: &str = "nobody could tell what it was before";
    pub const GONE: &str = "what was removed is gone";
}

/// What must change, in order, so that the account looks as desired.
///
/// # Errors
/// What is there must not be touched, or cannot be changed into what is desired.
pub fn plan(
    desired: &Desired,
    observed: &Observed,
    purpose: Purpose<'_>,
) -> Result<Plan<Op>, Refusal> {
    refusal::check(desired, observed, purpose)?;
    let mut planner = Planner::new(desired, observed, purpose);
    planner.image();
    planner.things();
    let migrated = planner.release_step();
    let checked = planner.check(&migrated);
    planner.services(&migrated, checked.as_ref());
    planner.plane()?;
    planner.record();
    planner.late_plane();
    planner.obsolete();
    planner.narrow();
    planner.old_releases();
    planner.leftovers();
    planner.notes();
    planner.finish()
}

/// The release a deploy of `desired` would make, or `None` if the recorded one is as desired.
pub fn next_release(desired: &Desired, observed: &Observed) -> Option<ReleaseId> {
    Planner::new(desired, observed, Purpose::Deploy).release
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    purpose: Purpose<'a>,
    /// The live release, as it was recorded.
    live: Option<&'a CurrentRelease>,
    /// Something of it runs: after a destroy that did not come to its end, nothing does.
    serves: bool,
    /// The release that this plan makes, if it makes one.
    release: Option<ReleaseId>,
    /// The release that services run after this plan: the new one, or the live one.
    number: ReleaseId,
    steps: Vec<Step<Op>>,
    /// Rules whose successors stand at another listener.
    replaced: Vec<Rule>,
    /// Things that still have what the live release uses, and lose it once it is gone.
    bridged: Vec<(Thing, Thing)>,
    /// Steps of the Workers that come after the commit point.
    late_plane: Vec<Step<Op>>,
    builder: PlanBuilder<Op>,
}

impl<'a> Planner<'a> {
    fn new(desired: &'a Desired, observed: &'a Observed, purpose: Purpose<'a>) -> Self {
        let live = observed.current.as_ref();
        let current = live.filter(|live| {
            !is_outdated(&live.desired, desired) && !plane::needs_release(live, desired, observed)
        });
        let next = observed.next_release();
        Self {
            desired,
            observed,
            purpose,
            live,
            serves: observed.services.values().any(|seen| !matches!(seen, Seen::Absent)),
            release: current.is_none().then_some(next),
            number: current.map_or(next, |live| live.id),
            steps: Vec::new(),
            replaced: Vec::new(),
            bridged: Vec::new(),
            late_plane: Vec::new(),
            builder: PlanBuilder::default(),
        }
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
    ) {
        let id = resource.step_id();
        self.steps.push(Step { id, resource, change, needs, op, undo, after_commit: false });
    }

    /// Adds the removal of something, after the commit point.
    fn remove(&mut self, resource: ResourceId, why: String, needs: Vec<StepId>, op: Op) {
        self.late_step(resource, Change::Delete { why }, needs, op);
    }

    /// Adds a step after the commit point.
    fn late_step(&mut self, resource: ResourceId, change: Change, mut needs: Vec<StepId>, op: Op) {
        needs.extend(self.committed());
        self.steps.push(Step {
            id: resource.step_id(),
            resource,
            change,
            needs,
            op,
            undo: Undo::None { why: kept::GONE.into() },
            after_commit: true,
        });
    }

    /// What must be done before anything is removed: the record, which comes after everything
    /// else, or, in a plan without one, everything else.
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

impl Observed {
    /// The id of the next release. A release that a run began and never recorded goes on under its
    /// number, so that a release step that still runs is found.
    pub fn next_release(&self) -> ReleaseId {
        let recorded = self.releases.iter().copied().chain(self.current.as_ref().map(|it| it.id));
        let recorded = recorded.max().unwrap_or(ReleaseId(0));
        let begun = self.newest.unwrap_or(ReleaseId(0)).max(self.migrated.unwrap_or(ReleaseId(0)));
        if begun > recorded { begun } else { ReleaseId(recorded.0 + 1) }
    }
}

/// The image's resource.
fn image_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("image", desired.scope.app.to_string())
}

/// The resource of what is taken out of the image.
fn artifacts_resource(desired: &Desired) -> ResourceId {
    ResourceId::new("artifacts", desired.scope.app.to_string())
}

fn release_resource(release: ReleaseId) -> ResourceId {
    ResourceId::new("release", release.to_string())
}

fn service_resource(service: &str) -> ResourceId {
    ResourceId::new("service", service)
}
