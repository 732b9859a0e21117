//! The Workers before the group: uploaded beside it, asked when it answers, and then given the
//! visitors. The Hub's origin is where the release serves.

use super::{
    super::{
        desired::Desired,
        op::Op,
        seen::{CurrentRelease, Observed},
    },
    Planner, Purpose, Refusal, artifacts_resource, group_resource,
};
use crate::{
    plan::{Late, Step, StepId},
    workers::cloud::{
        self, CloudSpec,
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
    /// The Workers' part of the plan.
    ///
    /// # Errors
    /// A script or host name is somebody else's, or an earlier version is gone.
    pub(super) fn plane(&mut self) -> Result<(), Refusal> {
        let web = self.desired.web().and_then(|(name, _)| self.groups.get(name)).cloned();
        let origin = web.as_deref().map(|group| self.desired.origin(group));
        let origin = Late::Known(origin.unwrap_or_default());
        let desired = CloudSpec { origin, ..self.desired.plane.clone() };
        let ground = Ground {
            desired: &desired,
            seen: &self.observed.plane,
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

pub(super) fn wrapped(step: Step<cloud::Op>) -> Step<Op> {
    step.map_op(|worker| Op::Worker { worker })
}
