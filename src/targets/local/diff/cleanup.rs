//! What goes: leftovers of interrupted runs, the release before, removed services, old releases.

use std::collections::BTreeSet;

use super::{
    super::{
        desired::ServiceSpec,
        observe::{ContainerRole, SeenContainer},
        op::Op,
    },
    Planner, kept,
};
use crate::{
    model::ReleaseId,
    plan::{Change, Note, ResourceId, StepId, Undo},
};

impl<'a> Planner<'a> {
    /// What belongs neither to the live release nor to the one about to start.
    pub(super) fn leftovers(&mut self) {
        let retired = self.left_over_workers();
        let desired: BTreeSet<&str> = self.desired.released().map(|(name, _)| name).collect();
        for seen in &self.observed.containers {
            let wanted = match seen.role {
                ContainerRole::Accessory => true,
                ContainerRole::Service => {
                    let live = self.live.is_some() && seen.release == self.live;
                    let next = self.release.is_some() && seen.release == self.release;
                    live || (next && desired.contains(seen.service.as_str()))
                }
                ContainerRole::ReleaseStep => {
                    let needed = self.desired.release_step.is_some();
                    needed && self.release.is_some() && seen.release == self.release
                }
                ContainerRole::OneOff => seen.running,
                // Whoever takes something out of an image holds the lock, which is ours now.
                ContainerRole::Artifacts => false,
            };
            let retires = seen.role == ContainerRole::Service
                && seen.release.is_some_and(|release| retired.contains(&release));
            if !wanted && !retires {
                let why = "left over from an interrupted run".into();
                let undo = Undo::None { why: kept::LEFTOVER.into() };
                let op = Op::RemoveContainer { container: seen.name.clone() };
                let resource = ResourceId::new("container", seen.name.clone());
                self.step(resource, Change::Delete { why }, &[], op, undo);
            }
        }
    }

    /// Workers that an interrupted run left at the front. Their release may have been live and have
    /// requests under way, so it is retired as a whole; answers those releases.
    fn left_over_workers(&mut self) -> BTreeSet<ReleaseId> {
        let prepared = self.observed.front.iter().flat_map(|front| &front.prepared);
        let wanted = [self.live, self.release];
        let left = prepared.copied().filter(|id| !wanted.contains(&Some(*id)));
        let left: BTreeSet<ReleaseId> = left.collect();
        for release in left.iter().copied() {
            let services = self.observed.containers.iter().filter(|seen| {
                seen.role == ContainerRole::Service && seen.release == Some(release)
            });
            let containers = services.map(|seen| seen.name.clone()).collect();
            let change = Change::Run { what: format!("drain and stop {release}") };
            let resource = ResourceId::new("retire", release.to_string());
            let op = Op::RetireRelease { release, containers };
            let undo = Undo::None { why: kept::LEFTOVER.into() };
            self.step(resource, change, &[], op, undo);
        }
        left
    }

    /// The old release: drained, stopped and removed once the new one is recorded.
    pub(super) fn retire(&mut self, release: ReleaseId, needs: &[StepId]) {
        let Some(live) = self.live.filter(|live| *live != release) else { return };
        let kept: BTreeSet<&str> = self.desired.released().map(|(name, _)| name).collect();
        let containers = self.live_containers();
        let containers: Vec<String> = containers
            .filter(|seen| kept.contains(seen.service.as_str()))
            .map(|seen| seen.name.clone())
            .collect();
        let change = Change::Run { what: format!("drain and stop {live}") };
        let resource = ResourceId::new("retire", live.to_string());
        self.late_step(resource, change, needs, Op::RetireRelease { release: live, containers });
    }

    pub(super) fn removed_services(&mut self, needs: &[StepId]) {
        let kept: BTreeSet<&str> = self.desired.released().map(|(name, _)| name).collect();
        let gone: Vec<&SeenContainer> =
            self.live_containers().filter(|seen| !kept.contains(seen.service.as_str())).collect();
        for seen in gone {
            let renamed = self.desired.renames.iter().find(|(_, former)| **former == seen.service);
            let why = match renamed {
                Some((new, _)) => format!("renamed to {new}"),
                None => "no longer in mizan.yaml".to_owned(),
            };
            let resource = ResourceId::new("service", seen.service.clone());
            let op = Op::RemoveContainer { container: seen.name.clone() };
            self.late_step(resource, Change::Delete { why }, needs, op);
        }
    }

    pub(super) fn removed_accessories(&mut self) {
        let kept =
            |name: &str| self.desired.services.get(name).is_some_and(ServiceSpec::is_accessory);
        let containers = self.observed.containers.iter();
        let gone: Vec<&SeenContainer> = containers
            .filter(|seen| seen.role == ContainerRole::Accessory && !kept(&seen.service))
            .collect();
        let needs = self.recorded();
        for seen in gone {
            let why = "no longer in mizan.yaml; its volumes are kept".to_owned();
            let resource = ResourceId::new("accessory", seen.service.clone());
            let op = Op::RemoveContainer { container: seen.name.clone() };
            self.late_step(resource, Change::Delete { why }, &needs, op);
        }
    }

    /// Releases beyond `keep_releases`.
    pub(super) fn old_releases(&mut self) {
        // The record of a live release may still be owed, by a run that was interrupted.
        let newest = self.release.or(self.live);
        let new = usize::from(newest.is_some_and(|new| !self.observed.has_record(new)));
        let keep = self.desired.keep_releases.saturating_sub(new);
        let live = self.live;
        let old: Vec<ReleaseId> = self.observed.releases.iter().copied().skip(keep).collect();
        let mut needs = self.recorded();
        if let Some(live) = live {
            needs.push(ResourceId::new("retire", live.to_string()).step_id());
        }
        // A live release that no deploy retires is never forgotten.
        let retires = self.release.is_some();
        for release in old.into_iter().filter(|old| Some(*old) != live || retires) {
            let why = format!("beyond keep_releases: {}", self.desired.keep_releases);
            let resource = ResourceId::new("release", release.to_string());
            let op = Op::ForgetRelease { release };
            self.late_step(resource, Change::Delete { why }, &needs, op);
        }
    }

    pub(super) fn notes(&mut self) {
        if self.desired.plane.is_none() && self.observed.live_plane.is_some() {
            self.builder.note(Note::Warning(
                "the edge is switched off: every request goes to the web service, pages that \
                 Render served and static assets too"
                    .to_owned(),
            ));
        }
        if let Some(live) = self.live.filter(|_| self.is_forgotten()) {
            self.builder.note(Note::Warning(format!(
                "the front no longer knows {live}: visitors get an error until the next release"
            )));
        }
        let used: BTreeSet<String> = self
            .desired
            .volumes()
            .into_iter()
            .map(|name| self.desired.scope.volume(name))
            .collect();
        for volume in self.observed.volumes.difference(&used) {
            self.builder.note(Note::Info(format!(
                "volume {volume} is no longer mounted and is kept; `mizan destroy --volumes` removes it"
            )));
        }
    }

    pub(super) fn recorded(&self) -> Vec<StepId> {
        let newest = self.release.or(self.live);
        newest.map(|id| ResourceId::new("release", id.to_string()).step_id()).into_iter().collect()
    }
}
