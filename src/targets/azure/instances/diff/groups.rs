//! The container groups: which of those that are there can be used, which are made anew, and in
//! which order. The steps themselves are made in [`super::group_steps`].

use super::{
    super::{
        desired::Desired,
        seen::{CurrentRelease, Observed, SeenGroup, State},
        spec::{Kind, ServiceSpec},
    },
    Planner, Purpose, group_name, group_resource, visitors_resource,
};
use crate::{
    model::ReleaseId,
    plan::{Note, Seen, StepId},
    workers::cloud::Kind as Script,
};

/// True if a live group is there and is not what was recorded: whoever changed it did so in place,
/// and taking that back in place would stop it under its visitors.
pub(super) fn has_changed(live: &CurrentRelease, desired: &Desired, observed: &Observed) -> bool {
    let groups = live.groups.iter();
    let mut wanted = groups.filter_map(|(service, group)| {
        Some((observed.group(group)?, desired.services.get(service)?))
    });
    wanted.any(|(seen, spec)| is_broken(seen) || !seen.is_like(spec))
}

fn is_broken(seen: &SeenGroup) -> bool {
    matches!(seen.state, State::Failed(_))
}

/// The number of the next release. One that was begun and never recorded goes on under its number,
/// unless visitors are led to its group already and another one must take its place.
pub(super) fn free_release(desired: &Desired, observed: &Observed) -> ReleaseId {
    let next = observed.next_release();
    let Some((_, spec)) = desired.web() else { return next };
    let group = desired.scope.web_group(next);
    let has_visitors = origin_of_hub(observed) == Some(&desired.origin(&group));
    match observed.group(&group) {
        Some(seen) if has_visitors && !seen.is_like(spec) => ReleaseId(next.0 + 1),
        _ => next,
    }
}

pub(super) fn origin_of_hub(observed: &Observed) -> Option<&String> {
    observed.plane.scripts.get(&Script::Hub)?.vars.get("ORIGIN")
}

impl<'a> Planner<'a> {
    /// The web service comes first: a release that fails its health check never touches the queue.
    /// Nobody visits its group before the Hub names it, so it comes up while the old one serves.
    pub(super) fn services(&mut self, migrated: &[StepId]) {
        let desired = self.desired;
        let (web, others): (Vec<_>, Vec<_>) =
            desired.services.iter().partition(|(_, spec)| spec.is_web());
        let mut needs = migrated.to_vec();
        needs.push(visitors_resource(desired).step_id());
        for (name, spec) in web {
            needs.extend(self.service(name, spec, &needs));
        }
        needs.extend(self.check(&needs));
        for (name, spec) in others {
            self.service(name, spec, &needs);
        }
    }

    fn service(&mut self, name: &str, spec: &ServiceSpec, needs: &[StepId]) -> Option<StepId> {
        if let Some(group) = self.unseen(name, spec) {
            self.groups.insert(name.to_owned(), group);
            return None;
        }
        if let Some(group) = self.usable(name, spec, &State::Running) {
            self.groups.insert(name.to_owned(), group.to_owned());
            return self.running(name, group, spec, needs);
        }
        if let Some(group) = self.usable(name, spec, &State::Stopped) {
            self.groups.insert(name.to_owned(), group.to_owned());
            let needs = self.alone(name, spec, group, needs);
            return Some(self.start(name, group, needs));
        }
        let group = self.new_group(name, spec);
        self.groups.insert(name.to_owned(), group.clone());
        let needs = self.alone(name, spec, &group, needs);
        Some(self.create(name, &group, spec, needs))
    }

    /// A group that runs as desired. If it is not one of the live release, a deploy that was killed
    /// has started it: it is taken into this one, and goes back with it. Where no release is
    /// recorded, there is nothing to go back to, and it may be all that serves: it stays.
    fn running(
        &mut self,
        name: &str,
        group: &str,
        spec: &ServiceSpec,
        needs: &[StepId],
    ) -> Option<StepId> {
        if self.release.is_none() || self.live.is_none() || self.is_live(name, group) {
            self.builder.unchanged(group_resource(group));
            return None;
        }
        let needs = self.alone(name, spec, group, needs);
        Some(self.take_over(name, group, spec, needs))
    }

    /// The live group, if it cannot be seen and need not change: it is left alone.
    fn unseen(&mut self, name: &str, spec: &ServiceSpec) -> Option<String> {
        let group = self.live?.groups.get(name)?;
        let Seen::Unknown(why) = self.observed.groups.get(group)? else { return None };
        let text = format!("{} cannot be compared: {why}", group_resource(group));
        self.builder.note(Note::Warning(text));
        (self.recorded(name) == Some(spec)).then(|| group.clone())
    }

    /// A group that is there and would run exactly this: the live one, one of a release that is
    /// brought back or was live before, or one that an interrupted run has made.
    fn usable(&self, name: &str, spec: &ServiceSpec, state: &State) -> Option<&'a str> {
        let observed = self.observed;
        let back = match self.purpose {
            Purpose::Rollback(to) => to.groups.get(name),
            Purpose::Deploy => None,
        };
        let live = self.live.and_then(|live| live.groups.get(name));
        let own = group_name(&self.desired.scope, self.number, name, spec);
        let own = observed.groups.get_key_value(&own).map(|(name, _)| name);
        let known = [live, back, observed.previous.get(name), own].into_iter().flatten();
        let mut known = known.filter(|group| {
            observed.group(group).is_some_and(|seen| seen.is_like(spec) && seen.state == *state)
        });
        known.next().map(String::as_str)
    }

    /// What a group that must be made is called: a live one that is gone comes back under its name.
    fn new_group(&self, name: &str, spec: &ServiceSpec) -> String {
        let live = self.live.filter(|_| self.release.is_none());
        let gone = live.and_then(|live| live.groups.get(name)).cloned();
        gone.unwrap_or_else(|| group_name(&self.desired.scope, self.number, name, spec))
    }

    /// What a group waits for: a singleton never runs twice, so every other group of its service
    /// stops before.
    fn alone(
        &mut self,
        name: &str,
        spec: &ServiceSpec,
        group: &str,
        needs: &[StepId],
    ) -> Vec<StepId> {
        let mut needs = needs.to_vec();
        let former = self.desired.renames.get(name).map(String::as_str);
        let live = self.live.and_then(|live| {
            live.groups.get(name).or_else(|| live.groups.get(former?)).map(String::as_str)
        });
        let observed = self.observed;
        let others = observed.own_groups().filter(|(other, seen)| {
            let is_same = |service: &str| service == name || Some(service) == former;
            // A live one that a killed deploy has stopped runs again if this one fails.
            let runs_or_should = seen.may_run() || Some(*other) == live;
            *other != group && runs_or_should && seen.service.as_deref().is_some_and(is_same)
        });
        // The live one last: while what a killed deploy has started runs, it must not run again.
        let (lives, strays): (Vec<_>, Vec<_>) = others.partition(|(other, _)| Some(*other) == live);
        let is_singleton = |role: &Kind| *role == Kind::Singleton;
        for (other, seen) in strays.into_iter().chain(lives) {
            let was = seen.spec.as_ref().is_some_and(|seen| is_singleton(&seen.role));
            if was || is_singleton(&spec.role) {
                let back = match live {
                    Some(live) if live != other => (live, other),
                    _ => (other, group),
                };
                needs.push(self.stop_before(other, back, needs.clone()));
            }
        }
        needs
    }
}
