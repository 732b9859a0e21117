//! A new release: release step, services, Workers, traffic, record.

use super::{
    super::{
        desired::{Kind, PlaneSpec, ServiceSpec},
        observe::SeenContainer,
        op::Op,
    },
    Planner, Purpose, artifacts_resource, edge_resource, fields, front_resource, image_resource,
    kept, replace,
};
use crate::{
    model::ReleaseId,
    plan::{Change, FieldDiff, FieldValue, ResourceId, StepId, Undo},
};

impl<'a> Planner<'a> {
    pub(super) fn new_release(&mut self, release: ReleaseId) {
        let migrated = self.release_step(release);
        let web = self.web_service(release, &migrated);
        let mut before_traffic: Vec<StepId> = web.iter().cloned().collect();
        before_traffic.extend(self.other_services(release, &web));
        before_traffic.extend(self.check(release, &web));
        before_traffic.extend(self.plane(release, &web));
        before_traffic.push(front_resource(self.desired).step_id());
        let recorded = self.traffic(release, &before_traffic);
        self.retire(release, &recorded);
        self.removed_services(&recorded);
    }

    pub(super) fn release_step(&mut self, release: ReleaseId) -> Vec<StepId> {
        let mut needs = self.base_needs();
        let Some(spec) = &self.desired.release_step else { return needs };
        if self.purpose != Purpose::Deploy || self.is_migrated() {
            return needs;
        }
        let resource = ResourceId::new("release-step", release.to_string());
        let change = Change::Run { what: spec.command.join(" ") };
        let op = Op::RunReleaseStep { release, spec: Box::new(spec.clone()) };
        let undo = Undo::None { why: kept::MIGRATION.into() };
        needs.extend(spec.volumes.keys().map(|name| self.volume_step(name)));
        self.step(resource.clone(), change, &needs, op, undo);
        vec![resource.step_id()]
    }

    /// True if the release step has run for this very image and environment: the live release is
    /// only started again, because something of it has died.
    fn is_migrated(&self) -> bool {
        let web = self.desired.web();
        let live = web.and_then(|(name, spec)| Some((self.live_of(name)?, spec)));
        let same = live.is_some_and(|(seen, spec)| seen.spec.as_deref() == Some(spec));
        same && self.live == self.observed.current
    }

    pub(super) fn web_service(&mut self, release: ReleaseId, needs: &[StepId]) -> Option<StepId> {
        let (name, spec) = self.desired.web()?;
        Some(self.service(name, spec, release, needs))
    }

    /// Workers and singletons start once the web service is healthy: a release that fails its
    /// health check never touches the queue.
    pub(super) fn other_services(
        &mut self,
        release: ReleaseId,
        web: &Option<StepId>,
    ) -> Vec<StepId> {
        let needs: Vec<StepId> = web.iter().cloned().collect();
        let desired = self.desired;
        let others = desired.released().filter(|(_, spec)| !matches!(spec.kind, Kind::Web { .. }));
        others.map(|(name, spec)| self.service(name, spec, release, &needs)).collect()
    }

    pub(super) fn service(
        &mut self,
        name: &str,
        spec: &ServiceSpec,
        release: ReleaseId,
        needs: &[StepId],
    ) -> StepId {
        let resource = ResourceId::new("service", name);
        let live = self.live_of(name);
        let stop_first = self.stop_first(name, spec).map(|seen| seen.name.clone());
        let undo = match &stop_first {
            Some(container) => {
                Undo::Restore { op: Box::new(Op::StartContainer { container: container.clone() }) }
            }
            None => Undo::Delete,
        };
        let change = match live {
            None => Change::Create { fields: fields::of_new(spec) },
            Some(seen) => replace(seen, spec),
        };
        let mut needs = needs.to_vec();
        needs.extend(self.surroundings_of(spec));
        let spec = Box::new(spec.clone());
        let op = Op::RunService { service: name.to_owned(), release, spec, stop_first };
        self.step(resource.clone(), change, &needs, op, undo);
        resource.step_id()
    }

    /// The running singleton that a new one replaces, under its name or its former name.
    pub(super) fn stop_first(&self, name: &str, spec: &ServiceSpec) -> Option<&'a SeenContainer> {
        if spec.kind != Kind::Singleton {
            return None;
        }
        let former = self.desired.renames.get(name).and_then(|former| self.live_of(former));
        self.live_of(name).or(former)
    }

    /// A release that is brought back was checked when it was new.
    fn check(&mut self, release: ReleaseId, web: &Option<StepId>) -> Option<StepId> {
        let gate = self.desired.check.clone().filter(|_| self.purpose == Purpose::Deploy)?;
        let mut needs: Vec<StepId> = web.iter().cloned().collect();
        needs.push(artifacts_resource(self.desired).step_id());
        let resource = ResourceId::new("check", release.to_string());
        let change = Change::Run { what: gate.what(&release.to_string()) };
        let undo = Undo::None { why: kept::ASKED.into() };
        self.step(resource.clone(), change, &needs, Op::CheckRelease { gate }, undo);
        Some(resource.step_id())
    }

    pub(super) fn plane(&mut self, release: ReleaseId, web: &Option<StepId>) -> Vec<StepId> {
        let Some(plane) = self.desired.plane.clone() else { return vec![] };
        let artifacts = artifacts_resource(self.desired).step_id();
        let before = self.observed.live_plane.as_ref();
        let mut edge_needs: Vec<StepId> = web.iter().cloned().collect();
        edge_needs.push(front_resource(self.desired).step_id());
        edge_needs.push(artifacts.clone());
        if let Some(change) = fields::render_change(before, &plane) {
            let resource = ResourceId::new("render", self.desired.scope.app.to_string());
            let op = Op::StageRender { release, plane: plane.clone() };
            self.step(resource.clone(), change, &edge_needs, op, Undo::Delete);
            edge_needs.push(resource.step_id());
        } else if plane.render.is_some() {
            self.builder.unchanged(ResourceId::new("render", self.desired.scope.app.to_string()));
        }
        let resource = edge_resource(self.desired);
        let change = self.edge_change(before, &plane, release);
        let op = Op::StartEdge { release, plane };
        self.step(resource.clone(), change, &edge_needs, op, Undo::Delete);
        vec![resource.step_id()]
    }

    pub(super) fn edge_change(
        &self,
        before: Option<&PlaneSpec>,
        after: &PlaneSpec,
        release: ReleaseId,
    ) -> Change {
        let Some(before) = before else {
            return Change::Create { fields: fields::edge_of_new(after) };
        };
        let mut fields = fields::edge_diff(before, after);
        let origin = |release: Option<ReleaseId>| match release {
            Some(release) => FieldValue::Known(format!("release {release}")),
            None => FieldValue::Unset,
        };
        fields.push(FieldDiff {
            field: "origin".into(),
            before: origin(self.live),
            after: origin(Some(release)),
        });
        Change::Update { fields }
    }

    pub(super) fn traffic(&mut self, release: ReleaseId, needs: &[StepId]) -> Vec<StepId> {
        let traffic = ResourceId::new("traffic", self.desired.scope.app.to_string());
        let from = self.live.map_or_else(String::new, |live| format!("from {live} "));
        let change = Change::Run { what: format!("move traffic {from}to {release}") };
        let undo = match self.observed.served() {
            Some(live) => Undo::Restore { op: Box::new(Op::MoveTraffic { release: live }) },
            None => Undo::Delete,
        };
        self.step(traffic.clone(), change, needs, Op::MoveTraffic { release }, undo);
        self.record(release, &[traffic.step_id()])
    }

    pub(super) fn record(&mut self, release: ReleaseId, needs: &[StepId]) -> Vec<StepId> {
        let resource = ResourceId::new("release", release.to_string());
        let rollback_to = match self.purpose {
            Purpose::Deploy => None,
            Purpose::Rollback(to) => Some(to),
        };
        let what = match rollback_to {
            None => format!("record {release}"),
            Some(to) => format!("record {release}, which brings back {to}"),
        };
        let op = Op::RecordRelease { release, rollback_to };
        let before = self.observed.current;
        let undo = match self.live {
            // What takes the traffic already is only written down.
            Some(live) if live == release => Undo::None { why: kept::RECORD.into() },
            _ => Undo::Restore { op: Box::new(Op::UnrecordRelease { release, before }) },
        };
        self.step(resource.clone(), Change::Run { what }, needs, op, undo);
        vec![resource.step_id()]
    }

    /// Nothing to start; an interrupted deploy may still owe the ledger its record.
    pub(super) fn same_release(&mut self) {
        for (name, _) in self.desired.released() {
            self.builder.unchanged(ResourceId::new("service", name));
        }
        if self.desired.plane.is_some() {
            self.builder.unchanged(edge_resource(self.desired));
        }
        if let Some(live) = self.live.filter(|live| self.observed.current != Some(*live)) {
            self.record(live, &[]);
        }
    }

    /// What every container of the app waits for.
    pub(super) fn base_needs(&self) -> Vec<StepId> {
        let accessories = self.desired.services.iter().filter(|(_, spec)| spec.is_accessory());
        let accessories = accessories.map(|(name, _)| StepId::new("accessory", name));
        let network = ResourceId::new("network", self.desired.scope.prefix()).step_id();
        accessories
            .chain([
                network,
                image_resource(self.desired).step_id(),
                artifacts_resource(self.desired).step_id(),
            ])
            .collect()
    }
}
