//! What outlives releases: image, artifacts, and the things, each compared by itself.

use super::{
    super::{op::Op, seen::SeenThing},
    Planner, Purpose, artifacts_resource, fields, image_resource, kept, order, sidecar_resource,
};
use crate::{
    plan::{Change, Note, ResourceId, Seen, Undo},
    targets::azure::things::Thing,
};

impl Planner<'_> {
    pub(super) fn image(&mut self) {
        if self.purpose != Purpose::Deploy {
            return;
        }
        let resource = image_resource(self.desired);
        if self.observed.image_digest.is_some() {
            self.builder.unchanged(resource);
        } else {
            let registry = ResourceId::new("registry", self.desired.scope.registry());
            let change = Change::Create { fields: vec![fields::late("tag", &self.desired.image)] };
            let op = Op::PushImage { image: self.desired.image.clone() };
            // A new registry is taken back, and its image with it.
            let why = if self.observed.things.get(&registry).and_then(Seen::present).is_some() {
                kept::IMAGE
            } else {
                kept::GOES_ALONG
            };
            let undo = Undo::None { why: why.into() };
            self.step(resource, change, vec![registry.step_id()], op, undo);
        }
        self.sidecar();
        self.artifacts();
    }

    /// Another registry may be slow, or count what is pulled: groups get their sidecar from ours.
    fn sidecar(&mut self) {
        let Some(image) = self.desired.sidecar() else { return };
        let resource = sidecar_resource(image);
        if self.observed.sidecar_pushed {
            return self.builder.unchanged(resource);
        }
        let registry = ResourceId::new("registry", self.desired.scope.registry());
        let what = "copy it into the registry".to_owned();
        let op = Op::PushSidecar { image: image.to_owned() };
        let undo = Undo::None { why: kept::IMAGE.into() };
        self.step(resource, Change::Run { what }, vec![registry.step_id()], op, undo);
    }

    /// A machine that changes nothing does not need bundle, assets and schema.
    fn artifacts(&mut self) {
        if self.release.is_none() || self.observed.artifacts_cached {
            return;
        }
        let what = "take bundle, assets and schema out of the image".to_owned();
        let needs = vec![image_resource(self.desired).step_id()];
        let undo = Undo::None { why: kept::ARTIFACTS.into() };
        let resource = artifacts_resource(self.desired);
        self.step(resource, Change::Run { what }, needs, Op::TakeArtifacts, undo);
    }

    pub(super) fn things(&mut self) {
        for thing in &self.desired.things {
            let id = thing.id();
            match self.observed.things.get(&id) {
                None | Some(Seen::Absent) => self.make(thing),
                Some(Seen::Present(seen)) => self.compare(thing, seen),
                Some(Seen::Unknown(why)) => self.unknown(thing, why),
            }
        }
    }

    fn make(&mut self, thing: &Thing) {
        // What was removed by hand and is made again is in use by the live release.
        let in_use = self.serves()
            && self.live.is_some_and(|live| live.desired.thing(&thing.id()).is_some());
        let undo = match thing {
            Thing::Provider(_) => Undo::None { why: kept::SHARED.into() },
            _ if in_use => Undo::None { why: kept::IN_USE.into() },
            _ => Undo::Delete,
        };
        let change = match thing {
            Thing::Provider(_) => {
                Change::Run { what: "register the subscription for it".to_owned() }
            }
            _ => Change::Create { fields: fields::of_new_thing(thing) },
        };
        self.put(thing, change, undo);
    }

    fn compare(&mut self, thing: &Thing, seen: &SeenThing) {
        if seen.thing == *thing {
            self.builder.unchanged(thing.id());
            return;
        }
        let fields = fields::of_things(&seen.thing, thing);
        let (change, undo) = match thing {
            Thing::RoleAssignment(_) => {
                let why = "a role assignment cannot be given to another".to_owned();
                // The one that it was given to is gone, or was never ours.
                (Change::Replace { why, fields }, Undo::None { why: kept::IN_USE.into() })
            }
            _ => {
                let op = Op::Put { thing: seen.thing.clone() };
                (Change::Update { fields }, Undo::Restore { op: Box::new(op) })
            }
        };
        self.put(thing, change, undo);
    }

    /// What cannot be seen is left alone while a release is live. Before the first one it must be
    /// made: the operation itself finds out what is there.
    fn unknown(&mut self, thing: &Thing, why: &str) {
        let text = format!("{} cannot be compared: {why}", thing.id());
        self.builder.note(Note::Warning(text));
        if self.live.is_none() {
            let change = Change::Create { fields: fields::of_new_thing(thing) };
            self.put(thing, change, Undo::None { why: kept::UNKNOWN.into() });
        }
    }

    fn put(&mut self, thing: &Thing, change: Change, undo: Undo<Op>) {
        let needs = order::needs(thing, &self.desired.scope);
        let needs = needs.iter().map(ResourceId::step_id).collect();
        self.step(thing.id(), change, needs, Op::Put { thing: thing.clone() }, undo);
    }
}
