//! Things that old and new tasks share while a release is rolled out: ports and permissions are
//! added before it, and taken away when nothing of the old release runs any more. A listener that
//! lets visitors through does so until they have another way in.

use std::collections::BTreeMap;

use super::{
    super::{
        op::Op,
        seen::SeenThing,
        spec::{DefaultAction, Listener, Role, SecurityGroup, Thing},
    },
    Planner, fields, service_resource,
};
use crate::plan::{Change, ResourceId};

/// How the policies are called that only the old release needs.
const BEFORE: &str = "before";

impl Planner<'_> {
    /// The thing with what the live release still uses of it, if that is more than it should be.
    pub(super) fn bridge(&self, thing: &Thing, seen: &SeenThing) -> Option<Thing> {
        let live = self.live.filter(|_| self.release.is_some())?;
        let wide = match (thing, live.desired.thing(&thing.id())?, &seen.thing) {
            (Thing::SecurityGroup(new), Thing::SecurityGroup(old), Thing::SecurityGroup(seen)) => {
                Thing::SecurityGroup(open(new, old, seen))
            }
            (Thing::Role(new), Thing::Role(old), _) => Thing::Role(allow(new, old)),
            (Thing::Listener(new), Thing::Listener(_), Thing::Listener(seen)) => {
                Thing::Listener(pass(new, seen))
            }
            _ => return None,
        };
        // What only adds to the old needs no bridge.
        (!fields::of_things(&wide, thing).is_empty()).then_some(wide)
    }

    /// After the commit, what only the old release used is taken away.
    pub(super) fn narrow(&mut self) {
        for (wide, thing) in std::mem::take(&mut self.bridged) {
            let id = thing.id();
            let name = format!("{} without what is no longer used", id.name);
            let change = Change::Update { fields: fields::of_things(&wide, &thing) };
            let services = self.removed_services().into_iter().map(service_resource);
            let needs = services.map(|service| service.step_id()).collect();
            self.late_step(ResourceId::new(id.kind, name), change, needs, Op::Put { thing });
        }
    }
}

/// With the ports that are open for the live release.
fn open(new: &SecurityGroup, old: &SecurityGroup, seen: &SecurityGroup) -> SecurityGroup {
    let in_use = old.ingress.intersection(&seen.ingress).cloned();
    SecurityGroup { ingress: new.ingress.iter().cloned().chain(in_use).collect(), ..new.clone() }
}

/// What goes to the app by default still does.
fn pass(new: &Listener, seen: &Listener) -> Listener {
    match &seen.default {
        DefaultAction::Forward(_) => Listener { default: seen.default.clone(), ..new.clone() },
        _ => new.clone(),
    }
}

/// With the policies of the live release beside the new ones.
fn allow(new: &Role, old: &Role) -> Role {
    let mut policies: BTreeMap<String, String> = new.policies.clone();
    for (name, policy) in &old.policies {
        if new.policies.get(name) != Some(policy) {
            policies.insert(format!("{name}-{BEFORE}"), policy.clone());
        }
    }
    Role { policies, ..new.clone() }
}
