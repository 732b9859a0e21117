//! The release step, and the record that is the commit point.

use super::{super::op::Op, Planner, Purpose, kept, release_resource, services::late_steps};
use crate::plan::{Change, ResourceId, StepId, Undo};

impl Planner<'_> {
    /// The release step, if it must run; answers what the services wait for.
    pub(super) fn release_step(&mut self) -> Vec<StepId> {
        let mut needs = self.for_tasks();
        let (Some(release), Some(spec)) = (self.release, &self.desired.release_step) else {
            return needs;
        };
        if self.purpose != Purpose::Deploy || self.is_migrated() {
            return needs;
        }
        needs.extend(late_steps(&spec.task));
        let resource = ResourceId::new("release-step", release.to_string());
        let what = spec.task.command.as_ref().map(|words| words.join(" ")).unwrap_or_default();
        let op = Op::RunReleaseStep { release, spec: Box::new(spec.clone()) };
        let undo = Undo::None { why: kept::MIGRATION.into() };
        self.step(resource.clone(), Change::Run { what }, needs.clone(), op, undo);
        needs.push(resource.step_id());
        needs
    }

    /// True if the release step has run for this very image, command and environment: in an
    /// interrupted run, or for the live release.
    fn is_migrated(&self) -> bool {
        let live = self.live.and_then(|live| live.desired.release_step.as_ref());
        self.release == self.observed.migrated || live == self.desired.release_step.as_ref()
    }

    /// The commit point: after everything else that can be taken back.
    pub(super) fn record(&mut self) {
        let Some(release) = self.release else { return };
        let (rollback_to, what) = match self.purpose {
            Purpose::Deploy => (None, format!("record {release}")),
            Purpose::Rollback(to) => {
                (Some(to.id), format!("record {release}, which brings back {}", to.id))
            }
        };
        let before = self.live.map(|live| live.id);
        let undo = Undo::Restore { op: Box::new(Op::UnrecordRelease { release, before }) };
        let op = Op::RecordRelease { release, rollback_to };
        let needs = self.before_commit();
        self.step(release_resource(release), Change::Run { what }, needs, op, undo);
    }
}
