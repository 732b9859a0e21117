//! What stops and what goes once the new release is recorded: the groups of the release before stop
//! and are kept for the way back; older ones, and what an interrupted deploy left, are deleted. Only
//! what is ours is seen here.

use std::collections::BTreeSet;

use super::{
    super::{op::Op, seen::SeenGroup, spec::ServiceSpec},
    Planner, group_resource, kept, release_resource,
};
use crate::{
    model::ReleaseId,
    plan::{Change, Note, ResourceId, Undo},
};

impl<'a> Planner<'a> {
    pub(super) fn old_groups(&mut self) {
        let (observed, kept) = (self.observed, self.kept_groups());
        let step_group = self.step_group();
        for (group, seen) in observed.own_groups() {
            let runs_on = self.groups.values().any(|used| used == group);
            if runs_on || step_group.as_deref() == Some(group) {
                continue;
            }
            if seen.is_running_command() {
                let text = format!("{} runs a command: it is left alone", group_resource(group));
                self.builder.note(Note::Info(text));
                continue;
            }
            if seen.is_running_release_step() {
                let text = format!(
                    "{} still runs the release step of a deploy that was killed: it may end",
                    group_resource(group)
                );
                self.builder.note(Note::Warning(text));
                continue;
            }
            match (kept.contains(group), seen.may_run()) {
                (true, true) => self.stop(group, seen),
                (true, false) => self.builder.unchanged(group_resource(group)),
                (false, _) => self.delete(group, seen),
            }
        }
    }

    /// The groups of the release that was live before the one that is after this plan. If but one
    /// release is kept, there is no way back.
    fn kept_groups(&self) -> BTreeSet<&'a str> {
        if self.desired.keep_releases < 2 {
            return BTreeSet::new();
        }
        let groups = match (self.release, self.live) {
            (Some(_), Some(live)) => &live.groups,
            (Some(_), None) | (None, _) => &self.observed.previous,
        };
        groups.values().map(String::as_str).collect()
    }

    /// The group that this plan's release step runs in: it ends it itself.
    fn step_group(&self) -> Option<String> {
        self.steps.iter().find_map(|step| match &step.op {
            Op::RunReleaseStep { group, .. } => Some(group.clone()),
            _ => None,
        })
    }

    fn stop(&mut self, group: &str, seen: &SeenGroup) {
        let resource = ResourceId::new("stop", group);
        // A singleton stopped before its successor started.
        if self.steps.iter().any(|step| step.resource == resource) {
            return;
        }
        let drain = seen.spec.as_ref().map_or(0, ServiceSpec::drain);
        let what = match drain {
            0 => "kept as it was for a rollback".to_owned(),
            drain => {
                format!("when its requests had {drain}s to end; kept as it was for a rollback")
            }
        };
        let op = Op::StopGroup { group: group.to_owned(), drain };
        let start = Op::StartGroup { group: group.to_owned(), instead_of: None };
        let undo = Undo::Restore { op: Box::new(start) };
        self.late_step(resource, Change::Run { what }, op, undo);
    }

    fn delete(&mut self, group: &str, seen: &SeenGroup) {
        let drain = seen.spec.as_ref().filter(|_| seen.may_run()).map_or(0, ServiceSpec::drain);
        let was_live = self.live.is_some_and(|live| live.groups.values().any(|it| it == group))
            || seen.release.is_some_and(|release| self.observed.releases.contains(&release));
        let why = match was_live {
            true => "its release is no longer the one before".to_owned(),
            false => "an interrupted deploy left it".to_owned(),
        };
        let op = Op::DeleteGroup { group: group.to_owned(), drain };
        let undo = Undo::None { why: kept::GONE.into() };
        self.late_step(group_resource(group), Change::Delete { why }, op, undo);
    }

    /// Releases beyond `keep_releases`.
    pub(super) fn old_releases(&mut self) {
        let new = usize::from(self.release.is_some());
        let keep = self.desired.keep_releases.saturating_sub(new);
        // The live release is forgotten only when another takes its place.
        let live = self.live.map(|live| live.id).filter(|_| self.release.is_none());
        let old: Vec<ReleaseId> = self.observed.releases.iter().copied().skip(keep).collect();
        for release in old.into_iter().filter(|old| Some(*old) != live) {
            let why = format!("beyond keep_releases: {}", self.desired.keep_releases);
            let op = Op::ForgetRelease { release };
            let undo = Undo::None { why: kept::GONE.into() };
            self.late_step(release_resource(release), Change::Delete { why }, op, undo);
        }
    }
}
