//! What the local target should look like, made from the app. Pure: everything that comes from
//! outside (the image's identity, ports, fingerprints of secret values) is handed in.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::names::Scope;
use crate::{
    check::Gate,
    error::Result,
    images::ArtifactRequest,
    model::{App, Role, Service},
    plan::Late,
    targets::{EnvSpec, add_env},
    workers::policy::PlaneConfig,
};

/// What the local target should look like. It is stored with each release, so that a rollback can
/// bring it back; it holds names and fingerprints of secrets, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Whose it is.
    pub scope: Scope,
    /// The public port on 127.0.0.1.
    pub port: u16,
    /// Host names the front accepts besides its own.
    pub hosts: Vec<String>,
    /// The image of the app's own services.
    pub image: Late<String>,
    /// The services, by name; accessories among them.
    pub services: BTreeMap<String, ServiceSpec>,
    /// What runs once before traffic moves.
    pub release_step: Option<ReleaseSpec>,
    /// Edge and Render; without them the front forwards to the web service.
    pub plane: Option<PlaneSpec>,
    /// What is taken out of the image.
    pub artifacts: ArtifactRequest,
    /// What is asked of a new release before it gets traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Gate>,
    /// How many releases are kept.
    pub keep_releases: usize,
    /// Services that took over another's place: new name to former name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub renames: BTreeMap<String, String>,
}

/// What kind of service a container runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Takes the traffic.
    Web {
        /// The port inside the container.
        port: u16,
        /// The health path.
        health: String,
        /// How long it may take to become healthy, in seconds.
        health_timeout: u64,
        /// How long the old release may finish its requests, in seconds.
        drain: u64,
    },
    /// Runs beside it.
    Worker,
    /// Runs once; the old one stops first.
    Singleton,
    /// A foreign image, kept across releases.
    Accessory,
}

/// One service's container, complete but for names and secret values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// What it is for.
    #[serde(flatten)]
    pub kind: Kind,
    /// Its image.
    pub image: Late<String>,
    /// Its command; the image's own if absent.
    pub command: Option<Vec<String>>,
    /// Its environment.
    pub env: BTreeMap<String, EnvSpec>,
    /// CPU limit in thousandths of a core.
    pub cpu: Option<u32>,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// Volumes: name to path in the container.
    pub volumes: BTreeMap<String, String>,
    /// Seconds between the stop signal and the kill.
    pub stop_timeout: u64,
}

/// The release step, complete but for names and secret values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSpec {
    /// The command.
    pub command: Vec<String>,
    /// How long it may take, in seconds.
    pub timeout: u64,
    /// Its image.
    pub image: Late<String>,
    /// Its environment.
    pub env: BTreeMap<String, EnvSpec>,
    /// Volumes: name to path in the container.
    pub volumes: BTreeMap<String, String>,
}

/// Edge and Render.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaneSpec {
    /// The hash of the Edge's code and policy, once the schema is known.
    pub edge: Late<String>,
    /// The hash of Render's code, bundle and assets, if the app is rendered.
    pub render: Option<Late<String>>,
    /// What `mizan.yaml` says about them.
    pub config: PlaneConfig,
    /// What the policy says, for the reader of a plan.
    pub summary: BTreeMap<String, String>,
}

/// What `Desired` needs beside the app.
pub struct Inputs<'a> {
    /// The image, known or known after the build.
    pub image: Late<String>,
    /// The public port.
    pub port: u16,
    /// Edge and Render, if they are on.
    pub plane: Option<PlaneSpec>,
    /// A keyed hash of a secret's value in the store, if it has one.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
    /// A keyed hash of a variable of the caller's environment, if it is set.
    pub caller: &'a dyn Fn(&str) -> Option<String>,
}

impl Desired {
    /// What the local target should look like for this app.
    ///
    /// # Errors
    /// A variable that `env: {X: {from: NAME}}` takes from the caller's environment is not set.
    pub fn new(app: &App, inputs: &Inputs<'_>) -> Result<Self> {
        let scope = Scope::new(&app.name, &app.env, &app.root);
        let hosts = hosts(app, &scope);
        let shared = shared_env(app, &scope, inputs, &hosts)?;
        let mut services = BTreeMap::new();
        for (name, service) in &app.services {
            services.insert(name.to_string(), service_spec(service, &shared, inputs)?);
        }
        let release_step = app.release.as_ref().map(|step| ReleaseSpec {
            command: step.command.0.clone(),
            timeout: step.timeout.as_secs(),
            image: inputs.image.clone(),
            env: web_env(&services).unwrap_or_else(|| shared.clone()),
            volumes: web_volumes(&services),
        });
        Ok(Self {
            scope,
            port: inputs.port,
            hosts,
            image: inputs.image.clone(),
            services,
            release_step,
            plane: inputs.plane.clone(),
            artifacts: ArtifactRequest::of(app),
            check: Gate::of(app),
            keep_releases: app.keep_releases.get(),
            renames: renames(app),
        })
    }

    /// The public URL.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.scope.host(), self.port)
    }

    /// Every volume some service mounts, by its name in `mizan.yaml`.
    pub fn volumes(&self) -> BTreeSet<&str> {
        let specs = self.services.values().map(|spec| &spec.volumes);
        specs.flat_map(BTreeMap::keys).map(String::as_str).collect()
    }

    /// The web service, with its name.
    pub fn web(&self) -> Option<(&str, &ServiceSpec)> {
        let mut services = self.services.iter();
        let (name, spec) = services.find(|(_, spec)| matches!(spec.kind, Kind::Web { .. }))?;
        Some((name, spec))
    }

    /// The services that belong to a release: all but the accessories.
    pub fn released(&self) -> impl Iterator<Item = (&str, &ServiceSpec)> {
        let services = self.services.iter();
        services.filter(|(_, spec)| !spec.is_accessory()).map(|(name, spec)| (name.as_str(), spec))
    }

    /// How long the old release may finish its requests.
    pub fn drain(&self) -> Duration {
        match self.web().map(|(_, spec)| &spec.kind) {
            Some(Kind::Web { drain, .. }) => Duration::from_secs(*drain),
            _ => Duration::ZERO,
        }
    }
}

impl ServiceSpec {
    /// True for a foreign image that is kept across releases.
    pub fn is_accessory(&self) -> bool {
        matches!(self.kind, Kind::Accessory)
    }
}

/// Host names under which the app is reached.
fn hosts(app: &App, scope: &Scope) -> Vec<String> {
    let own = [scope.host(), "localhost".to_owned(), "127.0.0.1".to_owned()];
    let domain = app.edge.as_ref().and_then(|edge| edge.domain.clone());
    own.into_iter().chain(domain).collect()
}

/// The services that `renamed_from` says took over another's place.
fn renames(app: &App) -> BTreeMap<String, String> {
    let services = app.services.iter();
    let renamed = services.filter_map(|(name, service)| {
        Some((name.to_string(), service.renamed_from.as_ref()?.to_string()))
    });
    renamed.collect()
}

/// The variables every service of the app gets.
fn shared_env(
    app: &App,
    scope: &Scope,
    inputs: &Inputs<'_>,
    hosts: &[String],
) -> Result<BTreeMap<String, EnvSpec>> {
    let url = format!("http://{}:{}", scope.host(), inputs.port);
    let mut env = BTreeMap::from([
        ("MIZAN_URL".to_owned(), EnvSpec::Literal(url)),
        ("MIZAN_HOSTS".to_owned(), EnvSpec::Literal(hosts.join(","))),
    ]);
    for name in app.secrets.keys() {
        env.insert(name.clone(), EnvSpec::Secret { fingerprint: (inputs.secret)(name) });
    }
    add_env(&mut env, &app.env_vars, inputs.caller)?;
    Ok(env)
}

/// One service of the app or an accessory.
fn service_spec(
    service: &Service,
    shared: &BTreeMap<String, EnvSpec>,
    inputs: &Inputs<'_>,
) -> Result<ServiceSpec> {
    let (kind, image, mut env) = match &service.role {
        Role::Web { port, health, health_timeout, drain } => {
            let kind = Kind::Web {
                port: *port,
                health: health.clone(),
                health_timeout: health_timeout.as_secs(),
                drain: drain.0.as_secs(),
            };
            let mut env = shared.clone();
            env.insert("PORT".to_owned(), EnvSpec::Literal(port.to_string()));
            (kind, inputs.image.clone(), env)
        }
        Role::Worker => (Kind::Worker, inputs.image.clone(), shared.clone()),
        Role::Singleton => (Kind::Singleton, inputs.image.clone(), shared.clone()),
        // A foreign image gets none of the app's variables or secrets, only its own.
        Role::Accessory { image } => (Kind::Accessory, Late::Known(image.clone()), BTreeMap::new()),
    };
    add_env(&mut env, &service.env, inputs.caller)?;
    Ok(ServiceSpec {
        kind,
        image,
        command: service.command.as_ref().map(|command| command.0.clone()),
        env,
        cpu: service.cpu.map(|cpu| cpu.0),
        memory: service.memory.map(|memory| memory.0),
        volumes: service.volumes.clone(),
        stop_timeout: service.stop_timeout.as_secs(),
    })
}

/// The release step sees what the web service sees.
fn web_env(services: &BTreeMap<String, ServiceSpec>) -> Option<BTreeMap<String, EnvSpec>> {
    let web = services.values().find(|spec| matches!(spec.kind, Kind::Web { .. }))?;
    Some(web.env.clone())
}

/// The release step migrates what the web service mounts.
fn web_volumes(services: &BTreeMap<String, ServiceSpec>) -> BTreeMap<String, String> {
    let web = services.values().find(|spec| matches!(spec.kind, Kind::Web { .. }));
    web.map(|spec| spec.volumes.clone()).unwrap_or_default()
}
