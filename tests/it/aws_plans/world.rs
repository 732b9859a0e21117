//! An account in memory that does what the AWS executor does, so that the planner's own promises
//! can be tested: applying a plan to a world makes it the desired one.

use std::collections::{BTreeMap, BTreeSet};

use mizan::{
    config::ConfigFile,
    model::{App, EnvName, ReleaseId},
    plan::{Late, Plan, ResourceId, Seen, StepId},
    targets::aws::{
        CurrentRelease, Desired, Egress, GivenBalancer, Inputs, Network, Observed, Op, Scope,
        SeenService, SeenThing, Subnet,
        spec::{ServiceSpec, Thing},
    },
    workers::cloud::SeenPlane,
};

use crate::support::{plan_cases::fixtures, plane as workers};

const ACCOUNT: &str = "123456789012";
pub const GIVEN: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shared/0a1b2c3d4e5f6071";

/// An account, with what was recorded of it.
#[derive(Clone)]
pub struct World {
    pub seen: Observed,
    /// All releases, as they were recorded.
    pub history: Vec<CurrentRelease>,
}

impl Default for World {
    /// Nothing is there, and Cloudflare said so.
    fn default() -> Self {
        let seen = Observed { plane: Some(SeenPlane::default()), ..Observed::default() };
        Self { seen, history: Vec::new() }
    }
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
pub fn image(version: u32) -> String {
    format!("{version:016x}")
}

pub fn scope(app: &App) -> Scope {
    Scope {
        account: ACCOUNT.into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        app: app.name.clone(),
        env: app.env.clone(),
    }
}

/// A VPC with a public subnet in each of three zones.
pub fn network() -> Network {
    let subnet = |number: usize, zone: &str| Subnet {
        id: format!("subnet-0000000{number}"),
        vpc: "vpc-00000001".into(),
        zone: format!("eu-west-1{zone}"),
        egress: Egress::Public,
    };
    Network {
        vpc: "vpc-00000001".into(),
        subnets: vec![subnet(1, "a"), subnet(2, "b"), subnet(3, "c")],
    }
}

/// A load balancer that others use too.
pub fn shared_balancer() -> GivenBalancer {
    GivenBalancer {
        arn: GIVEN.into(),
        dns: "shared.elb.example".into(),
        vpc: "vpc-00000001".into(),
        ports: BTreeSet::from([80, 443]),
        groups: BTreeSet::from(["sg-0000000a".to_owned()]),
    }
}

fn is_given(app: &App) -> bool {
    match &app.target {
        mizan::model::Target::Aws(aws) => aws.load_balancer.is_some(),
        _ => false,
    }
}

impl World {
    /// What is wanted of an app whose source is at a version, in this world.
    pub fn desired(&self, app: &App, version: u32) -> Desired {
        self.desired_of(app, Late::Known(image(version)))
    }

    pub fn desired_of(&self, app: &App, image: Late<String>) -> Desired {
        let scope = scope(app);
        let version_of = |name: &str| {
            let id = ResourceId::new("secret", name);
            self.thing(&id).map(|seen| seen.attributes["version"].clone())
        };
        let secret = |name: &str| {
            let generated = app.secrets.get(name).is_some_and(|secret| secret.generate);
            match generated {
                true => version_of(&scope.secret(name)),
                false => Some(format!("version of {name}")),
            }
        };
        let balancer_dns = ResourceId::new("load-balancer", scope.balancer());
        let inputs = Inputs {
            network: &network(),
            image,
            secret: &secret,
            caller: &|name| Some(format!("fingerprint of {name}")),
            origin_secret_versions: version_of(&scope.origin_secret()).into_iter().collect(),
            balancer: is_given(app).then(shared_balancer),
            balancer_dns: self.thing(&balancer_dns).map(|seen| seen.attributes["dns"].clone()),
            place: workers::place(app),
            scope: scope.clone(),
        };
        Desired::new(app, &inputs).expect("a desired state")
    }

    pub fn thing(&self, id: &ResourceId) -> Option<&SeenThing> {
        self.seen.things.get(id)?.present()
    }

    pub fn service(&mut self, name: &str) -> &mut SeenService {
        match self.seen.services.get_mut(name) {
            Some(Seen::Present(seen)) => seen,
            other => panic!("there is no service {name}: {other:?}"),
        }
    }

    /// The thing of a kind.
    pub fn thing_of(&mut self, kind: &str) -> &mut SeenThing {
        let mut things = self.seen.things.iter_mut().filter(|(id, _)| id.kind == kind);
        match things.next() {
            Some((_, Seen::Present(seen))) => seen,
            other => panic!("there is no {kind}: {other:?}"),
        }
    }

    /// The source has changed: its image is nowhere yet.
    pub fn new_source(&mut self) {
        self.seen.image_digest = None;
        self.seen.artifacts_cached = false;
    }

    /// What this world looks like after a plan was executed in it.
    pub fn after(&self, plan: &Plan<Op>, desired: &Desired, version: u32) -> Self {
        let mut world = self.clone();
        world.seen.bucket = true;
        world.seen.bucket_users.insert(desired.scope.ledger_prefix());
        for step in &plan.steps {
            world.execute(&step.op, desired, version);
        }
        world
    }

    /// What steps find out.
    fn find(version: u32) -> impl Fn(&StepId, &str) -> Option<String> {
        move |step, output| match output {
            "dns" => Some("balancer.elb.example".to_owned()),
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
            Op::TakeArtifacts => self.seen.artifacts_cached = true,
            Op::Put { thing } => {
                let resolved = Self::resolved(desired, version);
                let known = match thing {
                    Thing::Rule(_) => resolved.thing(&thing.id()),
                    _ => None,
                };
                self.put(known.unwrap_or(thing).clone());
            }
            Op::Delete { thing } => {
                self.seen.things.retain(|_, seen| {
                    seen.present().is_none_or(|seen| !seen.ours || seen.thing != *thing)
                });
            }
            // Their tasks have ended and are gone.
            Op::RunReleaseStep { .. } | Op::CheckRelease { .. } => {}
            Op::PutService { service, release, spec, task_definition } => {
                let spec = spec.resolved(&desired.scope, &Self::find(version));
                let revision = task_definition.clone();
                self.put_service(service, *release, spec, revision, &desired.scope);
            }
            Op::RestoreService { .. } => panic!("an undo is no step"),
            Op::StopService { service } => self.service(service).desired = 0,
            Op::DeleteService { service } => {
                self.seen.services.remove(service);
            }
            Op::Worker { worker } => {
                let plane = self.seen.plane.get_or_insert_default();
                let spec = Self::resolved(desired, version).plane;
                workers::execute(plane, worker, spec.as_ref());
            }
            Op::RecordRelease { release, .. } => self.record(*release, desired, version),
            Op::UnrecordRelease { .. } => panic!("an undo is no step"),
            Op::ForgetRelease { release } => self.seen.releases.retain(|known| known != release),
            Op::DeleteFamily { family } => {
                self.seen.families.remove(family);
            }
            Op::DeleteSecrets => {
                self.seen.secrets.clear();
                self.seen.things.retain(|id, _| id.kind != "secret");
            }
            Op::DeleteLedger => {
                self.seen.bucket_users.remove(&desired.scope.ledger_prefix());
                self.seen.current = None;
                self.seen.newest = None;
                self.seen.releases.clear();
            }
            Op::DeleteBucket { .. } => self.seen.bucket = false,
            Op::Sweep { resource, .. } => {
                self.seen.leftovers.remove(resource);
            }
        }
    }

    fn put(&mut self, thing: Thing) {
        let id = thing.id();
        let attributes = match &thing {
            Thing::LoadBalancer(_) => [("dns", "balancer.elb.example".to_owned())],
            _ => [("version", format!("first version of {}", id.step_id()))],
        };
        if let Thing::Secret(secret) = &thing {
            self.seen.secrets.insert(secret.name.clone());
        }
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
        let arn = format!("arn of {id}");
        self.seen
            .things
            .insert(id, Seen::Present(SeenThing { thing, arn, ours: true, attributes }));
    }

    fn put_service(
        &mut self,
        name: &str,
        release: ReleaseId,
        spec: ServiceSpec,
        revision: Option<String>,
        scope: &Scope,
    ) {
        let family = scope.service(name);
        self.seen.families.insert(family.clone());
        let task_definition = revision.unwrap_or_else(|| {
            scope.arn("ecs", &format!("task-definition/{family}:{}", release.0))
        });
        let seen = SeenService {
            arn: scope.arn("ecs", &format!("service/{family}")),
            ours: true,
            task_definition,
            release: Some(release),
            applied: mizan::plan::hash(&spec).ok(),
            desired: spec.count,
            running: spec.count,
            unsettled: None,
            spec,
        };
        self.seen.services.insert(name.to_owned(), Seen::Present(seen));
        self.seen.newest = self.seen.newest.max(Some(release));
    }

    fn record(&mut self, release: ReleaseId, desired: &Desired, version: u32) {
        let present = |(name, seen): (&String, &Seen<SeenService>)| {
            Some((name.clone(), seen.present()?.task_definition.clone()))
        };
        let task_definitions: BTreeMap<String, String> =
            self.seen.services.iter().filter_map(present).collect();
        let desired = Self::resolved(desired, version);
        let record = CurrentRelease {
            id: release,
            plane: workers::recorded(self.seen.plane.as_ref(), desired.plane.as_ref()),
            desired,
            task_definitions,
            digest: format!("sha256:{version}"),
        };
        self.history.push(record.clone());
        self.seen.current = Some(record);
        self.seen.releases.insert(0, release);
        self.seen.newest = self.seen.newest.max(Some(release));
    }
}
