//! The Workers before the load balancer: uploaded beside the rollout, asked when it is done, and then
//! given the visitors.

use super::{
    super::{
        desired::Desired,
        op::Op,
        seen::{CurrentRelease, Observed},
    },
    Planner, Purpose, Refusal, artifacts_resource,
};
use crate::{
    plan::{Late, Step, StepId},
    workers::cloud::{
        SeenPlane,
        diff::{self as workers, Goal, Ground, Needs},
    },
};

/// True if the Workers alone need a new release.
pub(super) fn needs_release(live: &CurrentRelease, desired: &Desired, observed: &Observed) -> bool {
    let (Some(wanted), Some(seen)) = (&desired.plane, &observed.plane) else {
        return desired.plane.is_some() != live.desired.plane.is_some();
    };
    let ground =
        Ground { desired: wanted, seen, live: live.plane.as_ref(), foreseen: &observed.foreseen };
    workers::needs_release(&ground)
}

impl Planner<'_> {
    /// The Workers' part of the plan.
    ///
    /// # Errors
    /// A script or host name is somebody else's, or an earlier version is gone.
    pub(super) fn plane(&mut self) -> Result<(), Refusal> {
        let (Some(desired), Some(seen)) = (&self.desired.plane, &self.observed.plane) else {
            self.plane_goes();
            return Ok(());
        };
        let live = self.live.and_then(|live| live.plane.as_ref());
        let ground = Ground { desired, seen, live, foreseen: &self.observed.foreseen };
        let goal = match (self.release, self.purpose) {
            (None, _) => Goal::Repair(self.number),
            (Some(release), Purpose::Rollback(to)) => match &to.plane {
                Some(plane) => Goal::Return { release, to: &plane.recorded },
                None => Goal::Release(release),
            },
            (Some(release), Purpose::Deploy) => Goal::Release(release),
        };
        // A key that is made up has to be there before it is handed on.
        let key = match &desired.purge_key {
            Some(Late::After(step)) => Some(step.clone()),
            Some(Late::Known(_)) | None => None,
        };
        let artifacts = artifacts_resource(self.desired).step_id();
        let needs = Needs {
            origin: self.for_traffic(),
            artifacts: [artifacts].into_iter().chain(key).collect(),
            serving: self.before_commit(),
            migrated: self.runs_release_step(),
        };
        let part = workers::plan(ground, goal, &needs).map_err(Refusal::Workers)?;
        self.steps.extend(part.before.into_iter().map(wrapped));
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

    /// The edge was switched off: what was there of it goes once the release without it is live.
    fn plane_goes(&mut self) {
        let (None, Some(live)) =
            (&self.desired.plane, self.live.and_then(|live| live.plane.as_ref()))
        else {
            return;
        };
        let nothing = SeenPlane::default();
        let seen = self.observed.plane.as_ref().unwrap_or(&nothing);
        let removal = workers::removal(&live.spec.scripts, seen, "no longer in mizan.yaml");
        self.late_plane = removal.into_iter().map(wrapped).collect();
    }

    fn runs_release_step(&self) -> bool {
        let id = self.release.map(|release| StepId::new("release-step", &release.to_string()));
        id.is_some_and(|id| self.steps.iter().any(|step| step.id == id))
    }
}

pub(super) fn wrapped(step: Step<crate::workers::cloud::Op>) -> Step<Op> {
    step.map_op(|worker| Op::Worker { worker })
}
