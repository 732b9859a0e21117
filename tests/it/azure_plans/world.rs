//! A subscription in memory that does what an executor would do, so that the planner's own promises
//! can be tested: applying a plan to a world makes it the desired one. It refuses what must never
//! happen: visitors who are led to a group that does not run, and a singleton that runs twice.

use std::collections::{BTreeMap, BTreeSet};

use mizan::{
    config::ConfigFile,
    model::{App, EnvName, ReleaseId},
    plan::{Late, Plan, ResourceId, Seen, Step, StepId, Undo},
    targets::azure::{
        instances::{
            CurrentRelease, Desired, Inputs, Observed, Op, SeenGroup, SeenThing, State,
            spec::{Kind, ServiceSpec},
        },
        names::Scope,
        things::Thing,
    },
    workers::cloud::{self, CloudSpec, Kind as Script},
};

use crate::support::{plan_cases::fixtures, plane};

/// A subscription, with what was recorded of it.
#[derive(Clone, Default)]
pub struct World {
    pub seen: Observed,
    /// All releases, as they were recorded.
    pub history: Vec<CurrentRelease>,
    /// How often somebody has set secrets.
    secrets: u32,
}

/// The file of a case.
pub fn file(text: &str) -> ConfigFile {
    ConfigFile::parse("mizan.yaml", text, &fixtures().join("app")).expect("a valid file")
}

pub fn production() -> EnvName {
    EnvName::new("production").expect("a name")
}

pub fn app(text: &str) -> App {
    file(text).resolve(&production()).expect("a valid environment")
}

/// The tag of the image of source at a version.
fn image(version: u32) -> String {
    format!("{version:016x}")
}

pub fn scope(app: &App) -> Scope {
    Scope {
        subscription: "00000000-0000-0000-0000-000000000001".into(),
        location: "westeurope".into(),
        app: app.name.clone(),
        env: app.env.clone(),
    }
}

impl World {
    /// What is wanted of an app whose source is at a version, in this world.
    pub fn desired(&self, app: &App, version: u32) -> Desired {
        self.desired_of(app, Late::Known(image(version)))
    }

    pub fn desired_of(&self, app: &App, image: Late<String>) -> Desired {
        let scope = scope(app);
        let made = |name: &str| {
            let id = ResourceId::new("secret", name);
            let is_there = self.seen.things.get(&id).is_some_and(|seen| seen.present().is_some());
            is_there.then(|| format!("first version of {}", id.step_id()))
        };
        let secret = |name: &str| {
            let generated = app.secrets.get(name).is_some_and(|secret| secret.generate);
            match generated {
                true => made(&scope.secret(name)),
                false => Some(format!("version {} of {name}", self.secrets)),
            }
        };
        let inputs = Inputs {
            image,
            sidecar: "caddy:2".into(),
            secret: &secret,
            caller: &|name| Some(format!("fingerprint of {name}")),
            origin_secret_versions: made(&scope.origin_secret()).into_iter().collect(),
            place: plane::place(app).expect("an edge"),
            local: None,
            scope: scope.clone(),
        };
        Desired::new(app, &inputs).expect("a desired state")
    }

    pub fn group(&mut self, name: &str) -> &mut SeenGroup {
        match self.seen.groups.get_mut(name) {
            Some(Seen::Present(seen)) => seen,
            other => panic!("there is no group {name}: {other:?}"),
        }
    }

    /// The source has changed: its image is nowhere yet.
    pub fn new_source(&mut self) {
        self.seen.image_digest = None;
        self.seen.artifacts_cached = false;
    }

    /// Somebody has set the secrets anew.
    pub fn new_secrets(&mut self) {
        self.secrets += 1;
    }

    /// The base URL that the Hub leads visitors to.
    pub fn origin(&self) -> Option<&String> {
        self.seen.plane.scripts.get(&Script::Hub)?.vars.get("ORIGIN")
    }

    /// What this world looks like after a plan was executed in it.
    pub fn after(&self, plan: &Plan<Op>, desired: &Desired, version: u32) -> Self {
        let mut world = self.clone();
        world.seen.storage = true;
        world.seen.storage_users.insert(desired.scope.ledger_prefix());
        for step in &plan.steps {
            world.execute(&step.op, desired, version);
        }
        world
    }

    /// What it looks like when the steps that a plan has begun with are taken back.
    pub fn taken_back(&self, steps: &[Step<Op>], desired: &Desired, version: u32) -> Self {
        let mut world = self.clone();
        for step in steps.iter().rev() {
            match &step.undo {
                Undo::Delete => world.delete(&step.op, desired),
                Undo::Restore { op } => world.execute(op, desired, version),
                Undo::None { .. } => {}
            }
        }
        world
    }

    fn find(version: u32) -> impl Fn(&StepId, &str) -> Option<String> {
        move |step, output| match output {
            "version" => Some(format!("first version of {step}")),
            "image" => Some(image(version)),
            _ => None,
        }
    }

    pub fn resolved(desired: &Desired, version: u32) -> Desired {
        desired.resolved(&Self::find(version))
    }

    fn execute(&mut self, op: &Op, desired: &Desired, version: u32) {
        match op {
            Op::PushImage { .. } => self.seen.image_digest = Some(format!("sha256:{version}")),
            Op::PushSidecar { .. } => self.seen.sidecar_pushed = true,
            Op::TakeArtifacts => self.seen.artifacts_cached = true,
            Op::Put { thing } => self.put(thing.clone()),
            Op::Delete { thing } => self.remove(thing),
            Op::RunReleaseStep { release, .. } => {
                self.seen.migrated = Some(*release);
                self.seen.newest = self.seen.newest.max(Some(*release));
            }
            // It is asked at its own host name.
            Op::CheckRelease { group, .. } => assert_eq!(self.group(group).state, State::Running),
            Op::CreateGroup { group, service, release, spec } => {
                let spec = spec.resolved(&desired.scope, &Self::find(version));
                self.create(group, service, *release, spec, &desired.scope);
            }
            Op::StartGroup { group, instead_of } => {
                if let Some(other) = instead_of.as_ref().filter(|it| self.seen.group(it).is_some())
                {
                    self.group(other).state = State::Stopped;
                }
                self.group(group).state = State::Running;
                self.assert_alone(group);
            }
            Op::StopGroup { group, .. } => {
                self.assert_no_visitors(group, &desired.scope);
                self.group(group).state = State::Stopped;
            }
            Op::DeleteGroup { group, .. } => {
                self.assert_no_visitors(group, &desired.scope);
                self.seen.groups.remove(group);
            }
            Op::LeadBack { origin } => {
                let worker = cloud::Op::PutHub { origin: Late::Known(origin.clone()), mark: None };
                self.worker(&worker, desired, version);
            }
            Op::Worker { worker } => self.worker(worker, desired, version),
            Op::RecordRelease { release, groups, .. } => {
                self.record(*release, groups.clone(), desired, version);
            }
            Op::UnrecordRelease { release, .. } => self.unrecord(*release),
            Op::ForgetRelease { release } => self.seen.releases.retain(|known| known != release),
            Op::DeleteLedger => {
                self.seen.storage_users.remove(&desired.scope.ledger_prefix());
                self.seen.current = None;
                self.seen.previous.clear();
                self.seen.newest = None;
                self.seen.migrated = None;
                self.seen.releases.clear();
            }
            Op::DeleteStorage { .. } => self.seen.storage = false,
        }
    }

    /// Takes back what an operation has made.
    fn delete(&mut self, op: &Op, desired: &Desired) {
        match op {
            Op::Put { thing } => self.remove(thing),
            Op::CreateGroup { group, .. } => {
                self.assert_no_visitors(group, &desired.scope);
                self.seen.groups.remove(group);
            }
            Op::Worker { worker } => {
                let undone = match worker {
                    cloud::Op::PutHub { .. } => cloud::Op::DeleteScript { kind: Script::Hub },
                    cloud::Op::UploadRender { .. } => {
                        cloud::Op::DeleteScript { kind: Script::Render }
                    }
                    cloud::Op::UploadEdge { .. } => cloud::Op::DeleteScript { kind: Script::Edge },
                    cloud::Op::PutDomain { hostname, .. } => {
                        cloud::Op::DeleteDomain { hostname: hostname.clone() }
                    }
                    cloud::Op::PutSubdomain { enabled } => {
                        cloud::Op::PutSubdomain { enabled: !enabled }
                    }
                    other => panic!("nothing was made: {other:?}"),
                };
                plane::execute(&mut self.seen.plane, &undone, None);
            }
            other => panic!("nothing was made: {other:?}"),
        }
    }

    fn put(&mut self, thing: Thing) {
        if let Thing::Secret(secret) = &thing {
            self.seen.secrets.insert(secret.name.clone());
        }
        let id = thing.id();
        let seen = SeenThing { id: format!("id of {id}"), ours: true, thing };
        self.seen.things.insert(id, Seen::Present(seen));
    }

    /// What is in it goes along.
    fn remove(&mut self, thing: &Thing) {
        match thing {
            Thing::Secret(secret) => {
                self.seen.secrets.remove(&secret.name);
            }
            Thing::Vault(_) => {
                self.seen.secrets.clear();
                self.seen.things.retain(|id, _| id.kind != "secret");
            }
            Thing::ResourceGroup(_) => assert!(self.seen.groups.is_empty(), "{:?}", self.seen),
            _ => {}
        }
        self.seen.things.remove(&thing.id());
    }

    fn create(
        &mut self,
        group: &str,
        service: &str,
        release: ReleaseId,
        spec: ServiceSpec,
        scope: &Scope,
    ) {
        if let Some(there) = self.seen.group(group) {
            if there.is_like(&spec) && there.state == State::Running {
                return;
            }
            self.assert_no_visitors(group, scope);
        }
        let seen = SeenGroup {
            id: format!("id of {group}"),
            ours: true,
            service: Some(service.to_owned()),
            release: Some(release),
            secrets: spec.secrets_hash(),
            spec: Some(spec.without_versions()),
            state: State::Running,
        };
        assert!(seen.secrets.is_some(), "{group} has secrets that nobody made");
        self.seen.groups.insert(group.to_owned(), Seen::Present(seen));
        self.seen.newest = self.seen.newest.max(Some(release));
        self.assert_alone(group);
    }

    /// A singleton never runs twice.
    fn assert_alone(&self, group: &str) {
        let of = |name: &str| self.seen.group(name).and_then(|seen| seen.service.clone());
        let is_singleton =
            |seen: &SeenGroup| seen.spec.as_ref().is_some_and(|spec| spec.role == Kind::Singleton);
        let runs = self.seen.own_groups().filter(|(_, seen)| seen.state == State::Running);
        let same: Vec<_> = runs.filter(|(_, seen)| seen.service == of(group)).collect();
        let single = same.iter().any(|(_, seen)| is_singleton(seen));
        assert!(!single || same.len() == 1, "a singleton runs twice: {same:?}");
    }

    /// Visitors are not led to a group that ends.
    fn assert_no_visitors(&self, group: &str, scope: &Scope) {
        let host = format!("https://{}", scope.host(group));
        assert_ne!(self.origin(), Some(&host), "visitors are led to {group}");
    }

    fn worker(&mut self, worker: &cloud::Op, desired: &Desired, version: u32) {
        let mut spec = Self::resolved(desired, version).plane;
        if let cloud::Op::PutHub { origin, .. } = worker {
            self.assert_serves(origin, &desired.scope);
            spec = CloudSpec { origin: origin.clone(), ..spec };
        }
        plane::execute(&mut self.seen.plane, worker, Some(&spec));
    }

    /// Visitors are led to a group that runs.
    fn assert_serves(&self, origin: &Late<String>, scope: &Scope) {
        let Late::Known(origin) = origin else { panic!("no origin: {origin:?}") };
        let mut groups = self.seen.own_groups();
        let group = groups.find(|(name, _)| format!("https://{}", scope.host(name)) == *origin);
        let (name, seen) = group.unwrap_or_else(|| panic!("nobody is at {origin}"));
        assert_eq!(seen.state, State::Running, "{name}");
    }

    fn record(
        &mut self,
        release: ReleaseId,
        groups: BTreeMap<String, String>,
        desired: &Desired,
        version: u32,
    ) {
        let desired = Self::resolved(desired, version);
        let record = CurrentRelease {
            id: release,
            plane: plane::recorded(Some(&self.seen.plane), Some(&desired.plane))
                .expect("recorded Workers"),
            desired,
            groups,
            digest: format!("sha256:{version}"),
        };
        let before = self.seen.current.replace(record.clone());
        self.seen.previous = before.map(|before| before.groups).unwrap_or_default();
        self.history.push(record);
        self.seen.releases.insert(0, release);
        self.seen.newest = self.seen.newest.max(Some(release));
        self.seen.migrated = None;
    }

    fn unrecord(&mut self, release: ReleaseId) {
        self.history.retain(|known| known.id != release);
        self.seen.releases.retain(|known| *known != release);
        self.seen.current = self.history.last().cloned();
        let before = self.history.iter().rev().nth(1);
        self.seen.previous = before.map(|before| before.groups.clone()).unwrap_or_default();
    }

    /// The groups that run.
    pub fn running(&self) -> BTreeSet<String> {
        let groups = self.seen.own_groups().filter(|(_, seen)| seen.state == State::Running);
        groups.map(|(name, _)| name.to_owned()).collect()
    }
}
