//! What goes once the new release is recorded: services and things that are no longer desired, old
//! releases. Only what is ours is seen here.

use super::{
    super::{
        op::Op,
        seen::SeenThing,
        spec::{Rule, Thing},
    },
    Planner, order, release_resource, service_resource,
};
use crate::{
    model::ReleaseId,
    plan::{ResourceId, Seen, StepId},
};

const NOT_WANTED: &str = "no longer in mizan.yaml";

impl<'a> Planner<'a> {
    pub(super) fn obsolete(&mut self) {
        let things = self.obsolete_things();
        let services = self.removed_services();
        for thing in &things {
            let mut needs = order::gone_before(thing, things.iter().copied());
            if !matches!(thing, Thing::Scaling(_)) {
                needs.extend(services.iter().map(|name| service_resource(name)));
            }
            let needs = steps(&needs);
            let op = Op::Delete { thing: (*thing).clone() };
            self.remove(thing.id(), NOT_WANTED.to_owned(), needs, op);
        }
        for name in services {
            // What scales a service goes before it.
            let needs = vec![ResourceId::new("scaling", name).step_id()];
            let why = match self.desired.renames.iter().find(|(_, former)| *former == name) {
                Some((new, _)) => format!("renamed to {new}"),
                None => NOT_WANTED.to_owned(),
            };
            let op = Op::DeleteService { service: name.to_owned() };
            self.remove(service_resource(name), why, needs, op);
        }
        for rule in std::mem::take(&mut self.replaced) {
            self.old_rule(rule);
        }
    }

    /// Things of ours that nobody wants any more. A secret's value is data, and stays until
    /// somebody asks for its end.
    fn obsolete_things(&self) -> Vec<&'a Thing> {
        let seen = self.observed.things.values().filter_map(Seen::present);
        let ours = seen.filter(|seen| seen.ours).map(|SeenThing { thing, .. }| thing);
        ours.filter(|thing| !matches!(thing, Thing::Secret(_)))
            .filter(|thing| self.desired.thing(&thing.id()).is_none())
            .collect()
    }

    pub(super) fn removed_services(&self) -> Vec<&'a str> {
        let seen = self.observed.services.iter();
        let ours = seen.filter(|(_, seen)| seen.present().is_some_and(|seen| seen.ours));
        ours.map(|(name, _)| name.as_str())
            .filter(|name| !self.desired.services.contains_key(*name))
            .collect()
    }

    /// The rule that another one has replaced at another listener.
    fn old_rule(&mut self, rule: Rule) {
        let resource = ResourceId::new("rule", format!("{} at port {}", rule.name, rule.port));
        let why = "it was replaced".to_owned();
        self.remove(resource, why, Vec::new(), Op::Delete { thing: Thing::Rule(rule) });
    }

    /// Tasks that an interrupted check left running; the next check ends them itself.
    pub(super) fn leftovers(&mut self) {
        let checks = self.steps.iter().any(|step| matches!(step.op, Op::CheckRelease { .. }));
        for (resource, arn) in self.observed.leftovers.iter().filter(|_| !checks) {
            let op = Op::Sweep { resource: resource.clone(), arn: arn.clone() };
            let why = "an interrupted check left it".to_owned();
            self.remove(resource.clone(), why, Vec::new(), op);
        }
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
            self.remove(release_resource(release), why, Vec::new(), op);
        }
    }
}

fn steps(resources: &[ResourceId]) -> Vec<StepId> {
    resources.iter().map(ResourceId::step_id).collect()
}
