//! The Workers before the group: uploaded beside it, asked when it answers, and then given the
//! visitors. The Hub's origin is where the release serves.

use super::{
    super::{
        desired::Desired,
        op::Op,
        seen::{CurrentRelease, Observed, State},
    },
    Planner, Purpose, Refusal, artifacts_resource, group_resource,
    groups::origin_of_hub,
    kept, visitors_resource,
};
use crate::{
    plan::{Change, Late, Step, StepId, Undo},
    workers::cloud::{
        self, CloudSpec, Kind, SeenPlane,
        diff::{self as workers, Goal, Ground, Needs},
    },
};

/// True if the Workers alone need a new release.
pub(super) fn needs_release(live: &CurrentRelease, desired: &Desired, observed: &Observed) -> bool {
    workers::needs_release(&Ground {
        desired: &desired.plane,
        seen: &observed.plane,
        live: Some(&live.plane),
        foreseen: &observed.foreseen,
    })
}

impl Planner<'_> {
    /// A deploy that was killed has led visitors to what it had started, and no release says so.
    /// They go back to the live release first: whatever comes next may be taken back, wherever it
    /// fails.
    pub(super) fn lead_back(&mut self) {
        let Some(origin) = self.origin_to_lead_back_to() else { return };
        let live = self.live.map(|live| live.id.to_string()).unwrap_or_default();
        let what = format!("lead them back to {live} until {} is recorded", self.number);
        let undo = Undo::None { why: kept::LIVE.into() };
        let (id, op) = (visitors_resource(self.desired), Op::LeadBack { origin });
        self.step(id, Change::Run { what }, vec![], op, undo);
    }

    /// Where the live release serves, if visitors are led elsewhere.
    fn origin_to_lead_back_to(&self) -> Option<String> {
        let live = self.live.filter(|_| self.release.is_some())?;
        let (web, _) = live.desired.web()?;
        let group = live.groups.get(web)?;
        let serves = self.observed.group(group).is_some_and(|seen| seen.state == State::Running);
        let origin = live.desired.origin(group);
        let elsewhere = *origin_of_hub(self.observed)? != origin;
        (serves && elsewhere).then_some(origin)
    }

    /// The Workers as they are when the visitors have been led back.
    fn seen_plane(&self) -> SeenPlane {
        let mut seen = self.observed.plane.clone();
        let origin = self.origin_to_lead_back_to();
        if let (Some(origin), Some(hub)) = (origin, seen.scripts.get_mut(&Kind::Hub)) {
            hub.vars.insert("ORIGIN".to_owned(), origin);
        }
        seen
    }

    /// The Workers' part of the plan.
    ///
    /// # Errors
    /// A script or host name is somebody else's, or an earlier version is gone.
    pub(super) fn plane(&mut self) -> Result<(), Refusal> {
        let web = self.desired.web().and_then(|(name, _)| self.groups.get(name)).cloned();
        let origin = web.as_deref().map(|group| self.desired.origin(group));
        let origin = Late::Known(origin.unwrap_or_default());
        let desired = CloudSpec { origin, ..self.desired.plane.clone() };
        let seen = self.seen_plane();
        let ground = Ground {
            desired: &desired,
            seen: &seen,
            live: self.live.map(|live| &live.plane),
            foreseen: &self.observed.foreseen,
        };
        let goal = match (self.release, self.purpose) {
            (None, _) => Goal::Repair(self.number),
            (Some(release), Purpose::Rollback(to)) => {
                Goal::Return { release, to: &to.plane.recorded }
            }
            (Some(release), Purpose::Deploy) => Goal::Release(release),
        };
        // A key that is made up has to be there before it is handed on.
        let key = match &desired.purge_key {
            Some(Late::After(step)) => Some(step.clone()),
            Some(Late::Known(_)) | None => None,
        };
        let artifacts = artifacts_resource(self.desired).step_id();
        let needs = Needs {
            origin: web.iter().map(|group| group_resource(group).step_id()).collect(),
            artifacts: [artifacts].into_iter().chain(key).collect(),
            serving: self.before_commit(),
            migrated: self.runs_release_step(),
        };
        let part = workers::plan(ground, goal, &needs).map_err(Refusal::Workers)?;
        let is_repair = self.release.is_none();
        let before = part.before.into_iter().map(|mut step| {
            // Visitors are led back to a group only when it serves again.
            step.needs.extend(needs.origin.iter().filter(|_| is_repair).cloned());
            wrapped(step)
        });
        self.steps.extend(before);
        part.unchanged.into_iter().for_each(|resource| self.builder.unchanged(resource));
        part.notes.into_iter().for_each(|note| self.builder.note(note));
        self.late_plane = part.after.into_iter().map(wrapped).collect();
        Ok(())
    }

    /// Steps after the commit point need it.
    pub(super) fn late_plane(&mut self) {
        for mut step in std::mem::take(&mut self.late_plane) {
            step.needs.extend(self.committed());
            self.steps.push(step);
        }
    }

    fn runs_release_step(&self) -> bool {
        let id = self.release.map(|release| StepId::new("release-step", &release.to_string()));
        id.is_some_and(|id| self.steps.iter().any(|step| step.id == id))
    }
}

/// The step of this target's plan. Taking back the Hub's origin is followed by deleting the group
/// that it named.
pub(super) fn wrapped(step: Step<cloud::Op>) -> Step<Op> {
    let mut step = step.map_op(|worker| Op::Worker { worker });
    if let Undo::Restore { op } = &mut step.undo
        && let Op::Worker { worker: cloud::Op::PutHub { origin: Late::Known(origin), .. } } = &**op
    {
        **op = Op::LeadBack { origin: origin.clone() };
    }
    step
}
