//! Compares what should be with what is: pure. The Workers' own steps come from
//! [`crate::workers::cloud::diff`]; here they get what is around them.

use super::{
    desired::{CurrentRelease, Desired, Observed},
    op::Op,
};
use crate::{
    check::Gate,
    error::{Context, Error, ErrorKind, Result},
    model::ReleaseId,
    plan::{Change, Plan, PlanBuilder, ResourceId, Step, StepId, Undo, with_known_needs},
    workers::cloud::{
        Scripts,
        diff::{self as workers, Goal, Ground, Needs, Part},
    },
};

/// What a plan is made for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// `mizan deploy`: from source.
    Deploy,
    /// `mizan rollback`: the versions of this release again.
    Rollback(&'a CurrentRelease),
}

/// What must change, in order.
///
/// # Errors
/// A script or host name is somebody else's, or an earlier version is gone.
pub fn plan(desired: &Desired, observed: &Observed, purpose: Purpose<'_>) -> Result<Plan<Op>> {
    let live = observed.current.as_ref();
    let ground = Ground {
        desired: &desired.plane,
        seen: &observed.plane,
        live: live.map(|live| &live.live),
        foreseen: &observed.foreseen,
    };
    let artifacts = ResourceId::new("artifacts", desired.plane.scripts.app.to_string());
    let goal = goal(&ground, observed, purpose);
    let check = desired.check.as_ref().and_then(|gate| check(gate, goal, &artifacts));
    let needs = Needs {
        artifacts: vec![artifacts.step_id()],
        serving: check.iter().map(|step| step.id.clone()).collect(),
        ..Needs::default()
    };
    let part = workers::plan(ground, goal, &needs)?;
    let mut planner = Planner { builder: PlanBuilder::default(), steps: Vec::new() };
    let uploads = matches!(goal, Goal::Release(_));
    if uploads && desired.image.is_some() && !observed.artifacts_cached {
        let what = "take bundle, assets and schema out of the image".to_owned();
        let undo = Undo::None { why: "they stay in the cache".into() };
        planner.step(artifacts, Change::Run { what }, vec![], Op::TakeArtifacts, undo);
    }
    planner.steps.extend(check);
    let Part { before, after, unchanged, notes } = part;
    planner.steps.extend(before.into_iter().map(worker_step));
    unchanged.into_iter().for_each(|resource| planner.builder.unchanged(resource));
    notes.into_iter().for_each(|note| planner.builder.note(note));
    let recorded = record(&mut planner, goal, purpose, live);
    let mut committed = recorded.unwrap_or_else(|| planner.ids());
    for step in after {
        let mut step = worker_step(step);
        step.needs.append(&mut committed.clone());
        planner.steps.push(step);
    }
    let keep = match goal {
        Goal::Release(release) | Goal::Return { release, .. } => {
            committed = vec![release_resource(release).step_id()];
            // The new one is kept, too.
            desired.keep_releases.saturating_sub(1)
        }
        // A deploy that was killed after its record may not have come to this.
        Goal::Repair(_) => desired.keep_releases,
    };
    planner.forget(desired, observed, keep, &committed);
    planner.finish()
}

/// New versions lead visitors to the app by its schema: it must keep to it.
fn check(gate: &Gate, goal: Goal<'_>, artifacts: &ResourceId) -> Option<Step<Op>> {
    let Goal::Release(release) = goal else { return None };
    let resource = ResourceId::new("check", release.to_string());
    Some(Step {
        id: resource.step_id(),
        resource,
        change: Change::Run { what: gate.what("the app") },
        needs: vec![artifacts.step_id()],
        op: Op::CheckOrigin { gate: gate.clone() },
        undo: Undo::None { why: "nothing was changed".into() },
        after_commit: false,
    })
}

/// The release that a deploy would make, if it would make one.
pub fn next_release(desired: &Desired, observed: &Observed) -> Option<ReleaseId> {
    let ground = Ground {
        desired: &desired.plane,
        seen: &observed.plane,
        live: observed.current.as_ref().map(|live| &live.live),
        foreseen: &observed.foreseen,
    };
    workers::needs_release(&ground).then(|| observed.next_release())
}

fn goal<'a>(ground: &Ground<'_>, observed: &'a Observed, purpose: Purpose<'a>) -> Goal<'a> {
    match (purpose, &observed.current) {
        (Purpose::Rollback(to), _) => {
            Goal::Return { release: observed.next_release(), to: &to.live.recorded }
        }
        (Purpose::Deploy, Some(live)) if !workers::needs_release(ground) => Goal::Repair(live.id),
        (Purpose::Deploy, _) => Goal::Release(observed.next_release()),
    }
}

/// Everything of this environment goes; last the ledger.
///
/// # Errors
/// Only if the planner itself is wrong.
pub fn plan_teardown(scripts: &Scripts, observed: &Observed, has_ledger: bool) -> Result<Plan<Op>> {
    let mut planner = Planner { builder: PlanBuilder::default(), steps: Vec::new() };
    let removal = workers::removal(scripts, &observed.plane, "destroy");
    planner.steps.extend(removal.into_iter().map(worker_step));
    if has_ledger {
        let resource = ResourceId::new("ledger", scripts.app.to_string());
        let needs = planner.ids();
        let change = Change::Delete { why: "destroy".to_owned() };
        let undo = Undo::None { why: "what was removed is gone".into() };
        planner.step(resource, change, needs, Op::DeleteLedger, undo);
        // A teardown goes on past a failure: what can be removed is removed.
        planner.steps.iter_mut().for_each(|step| step.after_commit = true);
    }
    planner.finish()
}

struct Planner {
    builder: PlanBuilder<Op>,
    steps: Vec<Step<Op>>,
}

impl Planner {
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

    fn ids(&self) -> Vec<StepId> {
        self.steps.iter().map(|step| step.id.clone()).collect()
    }

    /// Releases beyond those that are kept; never the live one, unless another takes its place.
    fn forget(&mut self, desired: &Desired, observed: &Observed, keep: usize, needs: &[StepId]) {
        let is_kept = keep >= desired.keep_releases;
        let live = observed.current.as_ref().map(|live| live.id).filter(|_| is_kept);
        for release in observed.releases.iter().skip(keep).filter(|id| Some(**id) != live) {
            let resource = ResourceId::new("release", release.to_string());
            let why = format!("the last {} are kept", desired.keep_releases);
            self.steps.push(Step {
                id: resource.step_id(),
                resource,
                change: Change::Delete { why },
                needs: needs.to_vec(),
                op: Op::ForgetRelease { release: *release },
                undo: Undo::None { why: "what was removed is gone".into() },
                after_commit: true,
            });
        }
    }

    fn finish(mut self) -> Result<Plan<Op>> {
        let steps = with_known_needs(self.steps);
        steps.into_iter().for_each(|step| self.builder.step(step));
        self.builder.build().context(ErrorKind::Failed, || "cannot plan".into())
    }
}

/// The commit point: after everything else that can be taken back.
fn record(
    planner: &mut Planner,
    goal: Goal<'_>,
    purpose: Purpose<'_>,
    live: Option<&CurrentRelease>,
) -> Option<Vec<StepId>> {
    let (Goal::Release(release) | Goal::Return { release, .. }) = goal else { return None };
    let rollback_to = match purpose {
        Purpose::Deploy => None,
        Purpose::Rollback(to) => Some(to.id),
    };
    let what = match rollback_to {
        None => format!("record {release}"),
        Some(to) => format!("record {release}, which brings back {to}"),
    };
    let before = live.map(|live| live.id);
    let undo = Undo::Restore { op: Box::new(Op::UnrecordRelease { release, before }) };
    let op = Op::RecordRelease { release, rollback_to };
    let resource = release_resource(release);
    let needs = planner.ids();
    planner.step(resource.clone(), Change::Run { what }, needs, op, undo);
    Some(vec![resource.step_id()])
}

fn worker_step(step: Step<crate::workers::cloud::Op>) -> Step<Op> {
    step.map_op(|worker| Op::Worker { worker })
}

fn release_resource(release: ReleaseId) -> ResourceId {
    ResourceId::new("release", release.to_string())
}

/// A record that cannot be read.
pub fn unreadable(release: ReleaseId) -> Error {
    Error::failed(format!("the record of {release} is of another version of mizan"))
        .hint("`mizan deploy` makes a new release")
}
