//! The release step, and the record that is the commit point.

use super::{super::op::Op, Planner, Purpose, kept, order, release_resource};
use crate::plan::{Change, ResourceId, StepId, Undo};

/// What the release step's group is called after; no service has the name.
const RELEASE_STEP: &str = "release-step";

impl Planner<'_> {
    /// The release step, if it must run; answers what the services wait for.
    pub(super) fn release_step(&mut self) -> Vec<StepId> {
        let needs = order::for_containers(self.desired);
        let mut needs: Vec<StepId> = needs.iter().map(ResourceId::step_id).collect();
        let (Some(release), Some(spec)) = (self.release, &self.desired.release_step) else {
            return needs;
        };
        if self.purpose != Purpose::Deploy || self.is_migrated() {
            return needs;
        }
        let resource = ResourceId::new(RELEASE_STEP, release.to_string());
        let command = spec.container.command.as_ref();
        let what = command.map(|words| words.join(" ")).unwrap_or_default();
        let group = self.desired.scope.group(release, RELEASE_STEP);
        let op = Op::RunReleaseStep { release, group, spec: Box::new(spec.clone()) };
        let undo = Undo::None { why: kept::MIGRATION.into() };
        needs.push(self.step(resource, Change::Run { what }, needs.clone(), op, undo));
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
        let op = Op::RecordRelease { release, rollback_to, groups: self.groups.clone() };
        let needs = self.before_commit();
        self.step(release_resource(release), Change::Run { what }, needs, op, undo);
    }
}
