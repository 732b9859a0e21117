//! The check of a new release, before visitors are sent there.

use super::{super::op::Op, Planner, Purpose, artifacts_resource, services::late_steps};
use crate::plan::{Change, ResourceId, StepId, Undo};

impl Planner<'_> {
    /// The check, if the release has to be asked; answers what visitors wait for. A release that is
    /// brought back was asked when it was new.
    pub(super) fn check(&mut self, migrated: &[StepId]) -> Option<StepId> {
        let gate = self.desired.check.clone()?;
        let release = self.release.filter(|_| self.purpose == Purpose::Deploy)?;
        let (service, spec) = self.desired.web()?;
        if self.was_asked() {
            return None;
        }
        let mut needs = migrated.to_vec();
        needs.extend(self.for_traffic());
        needs.extend(late_steps(&spec.task));
        needs.push(artifacts_resource(self.desired).step_id());
        let resource = ResourceId::new("check", release.to_string());
        let change = Change::Run { what: gate.what(&release.to_string()) };
        let op = Op::CheckRelease {
            gate,
            service: service.to_owned(),
            release,
            spec: Box::new(spec.clone()),
            task_definition: self.revision(service, spec),
        };
        self.step(resource.clone(), change, needs, op, Undo::Delete);
        Some(resource.step_id())
    }

    /// True if the live release was asked the same: the same app, schema and Workers.
    fn was_asked(&self) -> bool {
        let (Some(live), Some((name, web))) = (self.live, self.desired.web()) else {
            return false;
        };
        live.desired.check == self.desired.check
            && self.recorded(name).is_some_and(|recorded| recorded.task == web.task)
            && live.desired.artifacts == self.desired.artifacts
            && live.desired.plane == self.desired.plane
    }
}
