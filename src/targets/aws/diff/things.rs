//! What outlives releases: image, artifacts, and the things, each compared by itself.

use super::{
    super::{
        op::Op,
        seen::SeenThing,
        spec::{Rule, Thing},
    },
    Planner, Purpose, artifacts_resource, fields, image_resource, kept, order, service_resource,
};
use crate::plan::{Change, FieldDiff, Note, ResourceId, Seen, StepId, Undo};

impl Planner<'_> {
    pub(super) fn image(&mut self) {
        if self.purpose != Purpose::Deploy {
            return;
        }
        let resource = image_resource(self.desired);
        if self.observed.image_digest.is_some() {
            self.builder.unchanged(resource);
        } else {
            let repository = ResourceId::new("repository", self.desired.scope.repository());
            let change = Change::Create { fields: vec![fields::late("tag", &self.desired.image)] };
            let op = Op::PushImage { image: self.desired.image.clone() };
            // A new repository is taken back, and its image with it.
            let why = if self.observed.things.get(&repository).and_then(Seen::present).is_some() {
                kept::IMAGE
            } else {
                kept::GOES_ALONG
            };
            let undo = Undo::None { why: why.into() };
            self.step(resource, change, vec![repository.step_id()], op, undo);
        }
        self.artifacts();
    }

    /// Bundle, assets and schema are for the edge alone. A machine that changes nothing does not
    /// need them.
    fn artifacts(&mut self) {
        let edge = self.desired.probe.as_ref().is_some_and(|probe| probe.secret.is_some());
        if !edge || self.release.is_none() || self.observed.artifacts_cached {
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
                None | Some(Seen::Absent) => self.create(thing),
                Some(Seen::Present(seen)) => self.compare(thing, seen),
                Some(Seen::Unknown(why)) => self.unknown(thing, why),
            }
        }
    }

    fn create(&mut self, thing: &Thing) {
        // What was removed by hand and is made again is in use by the live release.
        let id = thing.id();
        let in_use = self.serves && self.live.is_some_and(|it| it.desired.thing(&id).is_some());
        let undo = if in_use { Undo::None { why: kept::IN_USE.into() } } else { Undo::Delete };
        let change = Change::Create { fields: fields::of_new_thing(thing) };
        self.put(thing, change, undo);
    }

    fn compare(&mut self, thing: &Thing, seen: &SeenThing) {
        if seen.thing == *thing {
            self.builder.unchanged(thing.id());
            return;
        }
        if let Some(wide) = self.bridge(thing, seen) {
            if wide != seen.thing {
                self.update(&wide, seen);
            }
            self.bridged.push((wide, thing.clone()));
            return;
        }
        let fields = fields::of_things(&seen.thing, thing);
        if let (Thing::Rule(old), Thing::Rule(new)) = (&seen.thing, thing)
            && (old.port, &old.balancer) != (new.port, &new.balancer)
        {
            self.move_rule(old, thing, fields);
            return;
        }
        self.update(thing, seen);
    }

    fn update(&mut self, thing: &Thing, seen: &SeenThing) {
        let fields = fields::of_things(&seen.thing, thing);
        let undo = Undo::Restore { op: Box::new(Op::Put { thing: seen.thing.clone() }) };
        self.put(thing, Change::Update { fields }, undo);
    }

    /// A rule stays at its listener: the new one is made first, the old one goes when the release
    /// is recorded.
    fn move_rule(&mut self, old: &Rule, new: &Thing, fields: Vec<FieldDiff>) {
        let why = "a rule cannot move to another listener".to_owned();
        self.put(new, Change::Replace { why, fields }, Undo::Delete);
        self.replaced.push(old.clone());
    }

    /// What cannot be seen is left alone while a release is live. Before the first one it must be
    /// made: the operation itself finds out what is there.
    fn unknown(&mut self, thing: &Thing, why: &str) {
        let id = thing.id();
        let text = format!("{id} cannot be compared: {why}");
        self.builder.note(Note::Warning(text));
        if self.live.is_none() {
            let change = Change::Create { fields: fields::of_new_thing(thing) };
            self.put(thing, change, Undo::None { why: kept::UNKNOWN.into() });
        }
    }

    fn put(&mut self, thing: &Thing, change: Change, undo: Undo<Op>) {
        let needs = match self.comes_after_web(&thing.id()) {
            true => {
                self.desired.web().map(|(name, _)| service_resource(name)).into_iter().collect()
            }
            false => order::needs(thing),
        };
        let needs = needs.iter().filter(|id| !self.comes_after_web(id)).map(ResourceId::step_id);
        let needs = needs.collect();
        self.step(thing.id(), change, needs, Op::Put { thing: thing.clone() }, undo);
    }

    /// What every task needs: image, roles, logs, cluster, network, secrets.
    pub(super) fn for_tasks(&self) -> Vec<StepId> {
        let things = self.desired.things.iter().filter(|thing| {
            matches!(
                thing,
                Thing::Repository(_)
                    | Thing::LogGroup(_)
                    | Thing::Role(_)
                    | Thing::SecurityGroup(_)
                    | Thing::Cluster(_)
                    | Thing::Secret(_)
            )
        });
        let own =
            [image_resource(self.desired).step_id(), artifacts_resource(self.desired).step_id()];
        things.map(|thing| thing.id().step_id()).chain(own).collect()
    }

    /// What the web service needs beside: a target group that a listener knows.
    pub(super) fn for_traffic(&self) -> Vec<StepId> {
        let things = self.desired.things.iter();
        let things = things.filter(|thing| !matches!(thing, Thing::Scaling(_)));
        let ids = things.map(Thing::id).filter(|id| !self.comes_after_web(id));
        ids.map(|id| id.step_id()).collect()
    }

    /// True for the target group with tasks in it: it asks for another health path only when no task
    /// is left that does not know it, or ECS would kill the live release.
    fn comes_after_web(&self, id: &ResourceId) -> bool {
        *id == ResourceId::new("target-group", self.desired.scope.target_group())
            && self.live.is_some()
            && self.observed.things.get(id).is_some_and(|seen| seen.present().is_some())
    }
}
