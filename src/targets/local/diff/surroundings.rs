//! What outlives releases: image, network, volumes, front, accessories.

use super::{
    super::op::Op, Planner, Purpose, artifacts_resource, fields, front_resource, image_resource,
    kept, replace,
};
use crate::plan::{Change, FieldDiff, ResourceId, Undo};

impl<'a> Planner<'a> {
    pub(super) fn image(&mut self) {
        let resource = image_resource(self.desired);
        let needs_build = self.purpose == Purpose::Deploy && !self.observed.image_exists;
        if needs_build {
            let fields = vec![fields::created("tag", &self.desired.image)];
            let undo = Undo::None { why: kept::IMAGE.into() };
            self.step(resource.clone(), Change::Create { fields }, &[], Op::BuildImage, undo);
        } else {
            self.builder.unchanged(resource.clone());
        }
        if needs_build || !self.observed.artifacts_cached {
            let what = "take bundle, assets and schema out of the image".to_owned();
            let undo = Undo::None { why: kept::ARTIFACTS.into() };
            let id = artifacts_resource(self.desired);
            self.step(id, Change::Run { what }, &[resource.step_id()], Op::TakeArtifacts, undo);
        }
    }

    /// Network, volumes and front: what outlives releases.
    pub(super) fn surroundings(&mut self) {
        let network = self.desired.scope.prefix();
        let resource = ResourceId::new("network", network.clone());
        if self.observed.network {
            self.builder.unchanged(resource);
        } else {
            let change = Change::Create { fields: vec![] };
            self.step(resource, change, &[], Op::CreateNetwork { network }, Undo::Delete);
        }
        for name in self.desired.volumes() {
            let volume = self.desired.scope.volume(name);
            let resource = ResourceId::new("volume", volume.clone());
            if self.observed.volumes.contains(&volume) {
                self.builder.unchanged(resource);
            } else {
                let change = Change::Create { fields: vec![] };
                self.step(resource, change, &[], Op::CreateVolume { volume }, Undo::Delete);
            }
        }
        self.front();
    }

    pub(super) fn front(&mut self) {
        let resource = front_resource(self.desired);
        let op = Op::StartFront { port: self.desired.port };
        match &self.observed.front {
            None => {
                let fields = vec![fields::literal("url", self.desired.url())];
                // It may come back with a live release, which a failed deploy must not take down.
                let undo = match self.observed.served() {
                    Some(_) => Undo::None { why: kept::FRONT.into() },
                    None => Undo::Delete,
                };
                self.step(resource, Change::Create { fields }, &[], op, undo);
            }
            Some(front) if front.port != self.desired.port => {
                let fields = vec![FieldDiff {
                    field: "port".into(),
                    before: front.port.to_string().into(),
                    after: self.desired.port.to_string().into(),
                }];
                let why = "a listening socket cannot change its port".into();
                let undo = Undo::Restore { op: Box::new(Op::StartFront { port: front.port }) };
                self.step(resource, Change::Replace { why, fields }, &[], op, undo);
            }
            Some(front) => {
                let fields = fields::front_diff(front, self.desired);
                if fields.is_empty() {
                    self.builder.unchanged(resource);
                } else {
                    let undo = Undo::None { why: kept::FRONT.into() };
                    self.step(resource, Change::Update { fields }, &[], op, undo);
                }
            }
        }
    }

    pub(super) fn accessories(&mut self) {
        let desired = self.desired;
        for (name, spec) in desired.services.iter().filter(|(_, spec)| spec.is_accessory()) {
            let resource = ResourceId::new("accessory", name.clone());
            let op = Op::RunAccessory { service: name.clone(), spec: Box::new(spec.clone()) };
            let needs = self.surroundings_of(spec);
            match self.observed.accessory(name) {
                None => {
                    let change = Change::Create { fields: fields::of_new(spec) };
                    self.step(resource, change, &needs, op, Undo::Delete);
                }
                Some(seen) if seen.is_like(spec) => self.builder.unchanged(resource),
                Some(seen) => {
                    let change = replace(seen, spec);
                    let undo = match &seen.spec {
                        Some(before) => Undo::Restore {
                            op: Box::new(Op::RunAccessory {
                                service: name.clone(),
                                spec: before.clone(),
                            }),
                        },
                        None => Undo::Delete,
                    };
                    self.step(resource, change, &needs, op, undo);
                }
            }
        }
    }
}
