//! The check of a new release, before visitors are sent there.

use super::{super::op::Op, Planner, Purpose, artifacts_resource, kept};
use crate::plan::{Change, ResourceId, StepId, Undo};

impl Planner<'_> {
    /// The check, if the release has to be asked; answers what visitors wait for. A release that is
    /// brought back was asked when it was new.
    pub(super) fn check(&mut self, needs: &[StepId]) -> Option<StepId> {
        let gate = self.desired.check.clone()?;
        let release = self.release.filter(|_| self.purpose == Purpose::Deploy)?;
        let (service, _) = self.desired.web()?;
        if self.was_asked() {
            return None;
        }
        let group = self.groups.get(service)?.clone();
        let mut needs = needs.to_vec();
        needs.push(artifacts_resource(self.desired).step_id());
        let resource = ResourceId::new("check", release.to_string());
        let change = Change::Run { what: gate.what(&release.to_string()) };
        let op = Op::CheckRelease { gate, release, group };
        let undo = Undo::None { why: kept::ASKED.into() };
        Some(self.step(resource, change, needs, op, undo))
    }

    /// True if the live release was asked the same: the same app, schema and Workers.
    fn was_asked(&self) -> bool {
        let (Some(live), Some((name, web))) = (self.live, self.desired.web()) else {
            return false;
        };
        live.desired.check == self.desired.check
            && self.recorded(name).is_some_and(|recorded| recorded.container == web.container)
            && live.desired.artifacts == self.desired.artifacts
            && live.desired.plane == self.desired.plane
    }
}
