//! The app as one environment runs it: defaults filled in, references checked, paths absolute.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{AppName, EnvName, ServiceName};

/// The secret with the keys by which an Edge knows who may purge from outside: the first one signs,
/// and all of them are accepted, so that one can be rotated. Containers get it as a variable.
pub const PURGE_KEY: &str = "MIZAN_PURGE_KEY";

/// Everything a target needs to know, for one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct App {
    /// The app's name.
    pub name: AppName,
    /// The environment.
    pub env: EnvName,
    /// The folder of `mizan.yaml`, absolute.
    pub root: PathBuf,
    /// How the image is built.
    pub build: Build,
    /// Where the exported schema comes from.
    pub schema: SchemaSource,
    /// The services, by name.
    pub services: BTreeMap<ServiceName, Service>,
    /// What runs once before traffic moves.
    pub release: Option<ReleaseStep>,
    /// Environment variables of every service and the release step.
    pub env_vars: BTreeMap<String, EnvValue>,
    /// The secrets every service gets as environment variables, by name.
    pub secrets: BTreeMap<String, SecretSpec>,
    /// The public host name, where the environment has one of its own.
    pub domain: Option<String>,
    /// The edge in front of the app, if it is on for this environment.
    pub edge: Option<Edge>,
    /// Server rendering, if the app has it; nothing renders without the edge.
    pub render: Option<Render>,
    /// Where it runs.
    pub target: Target,
    /// How many releases are kept for rollback.
    pub keep_releases: NonZeroUsize,
    /// Where lock and release history are kept, if not where the target keeps them: a URL.
    pub ledger: Option<String>,
    /// How long the environment lives after its last deploy; for ever if absent.
    pub ttl: Option<Duration>,
}

/// How the image is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The context folder, absolute.
    pub context: PathBuf,
    /// The Dockerfile.
    pub dockerfile: Dockerfile,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The platform, e.g. `linux/amd64`.
    pub platform: String,
    /// Base images are resolved anew after this time; never by itself if absent.
    pub refresh: Option<Duration>,
}

/// Where the Dockerfile is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dockerfile {
    /// A file, absolute.
    File(PathBuf),
    /// There is none: one is made of what is in the context.
    Generated,
}

/// Where the exported schema comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaSource {
    /// `python manage.py mizan_schema` inside the built image.
    Image,
    /// A file, absolute.
    File(PathBuf),
    /// The app exports none: no contexts, no routes.
    None,
}

/// A command, split into words as it is executed: no shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Command(pub Vec<String>);

/// Thousandths of a CPU core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct CpuShares(pub u32);

/// Bytes of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Memory(pub u64);

/// How long a service may take to finish what it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Drain(pub Duration);

/// How many copies of a service run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scale {
    /// At least this many.
    pub min: u32,
    /// At most this many.
    pub max: u32,
    /// The CPU use in per cent that autoscaling aims at, if it is on.
    pub cpu: Option<u8>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// What it is for.
    pub role: Role,
    /// Its command; the image's own if absent.
    pub command: Option<Command>,
    /// CPU limit, if one is set.
    pub cpu: Option<CpuShares>,
    /// Memory limit, if one is set.
    pub memory: Option<Memory>,
    /// How many copies run.
    pub scale: Scale,
    /// Time between the stop signal and the kill.
    pub stop_timeout: Duration,
    /// Named volumes: name to absolute path in the container.
    pub volumes: BTreeMap<String, String>,
    /// Variables of this service alone; they win over the app's.
    pub env: BTreeMap<String, EnvValue>,
    /// The service's former name, whose resources this one takes over.
    pub renamed_from: Option<ServiceName>,
}

/// What a service is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    /// Takes the traffic. Exactly one service is `web`.
    Web {
        /// The port it listens on inside the container.
        port: u16,
        /// The path that answers 2xx when it is healthy.
        health: String,
        /// How long it may take to become healthy.
        health_timeout: Duration,
        /// How long the old release may finish its requests after the switch.
        drain: Drain,
    },
    /// Runs beside it, any number of copies.
    Worker,
    /// Runs once: the old one stops before the new one starts (Celery beat).
    Singleton,
    /// A foreign image beside the app on the local target, kept across releases (a database).
    Accessory {
        /// The image.
        image: String,
    },
}

/// What runs once per release, before traffic moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseStep {
    /// The command.
    pub command: Command,
    /// How long it may take.
    pub timeout: Duration,
}

/// Where the value of an environment variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// It stands in `mizan.yaml`.
    Literal(String),
    /// It is taken from the caller's environment under this name.
    From(String),
}

/// A secret: its name is the key; its value lives in the target's store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SecretSpec {
    /// Made by the tool when the store has none.
    pub generate: bool,
    /// The ARN of a secret (Secrets Manager) or parameter (SSM) that somebody else keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// The edge in front of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The public host name, where the environment has one.
    pub domain: Option<String>,
    /// Caches private contexts per credential.
    pub per_user: bool,
    /// Contexts whose changes over a WebSocket the server announces, so that they are cached.
    pub announced: Vec<Announced>,
    /// How the live app is checked against its schema.
    pub check: Check,
}

/// A context whose changes over a WebSocket the server announces.
#[derive(Debug, Clone, Eq, Serialize)]
#[serde(transparent)]
pub struct Announced {
    /// The context's name.
    pub context: String,
    /// Where mizan.yaml says so: `mizan.yaml:12:15`. Whether there is such a context is known only
    /// when the schema is.
    #[serde(skip)]
    pub place: String,
}

/// Where it stands says nothing of what it means.
impl PartialEq for Announced {
    fn eq(&self, other: &Self) -> bool {
        self.context == other.context
    }
}

/// How the live app is checked against its schema (`mizan check`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What an error means for a deploy.
    pub on_error: OnError,
    /// Parameters to call contexts with: context, parameter, value.
    pub params: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// The user name to sign in with.
    pub user: Option<String>,
}

/// What an error of the check means for a deploy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The deploy stops before traffic moves.
    #[default]
    Block,
    /// The deploy goes on with a warning.
    Warn,
    /// A deploy does not check.
    Off,
}

/// Server rendering at the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Render {
    /// The server bundle's path inside the image.
    pub bundle: String,
    /// The static assets' folder inside the image.
    pub assets: Option<String>,
    /// The URL prefix of the static assets, with both slashes.
    pub assets_prefix: String,
}

/// Where an environment runs. A new target is a variant here and a folder below `targets/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum Target {
    /// Containers on the Docker engine of this machine.
    Local {
        /// The public port on 127.0.0.1; chosen by a hash of app and environment if absent.
        port: Option<u16>,
    },
    /// ECS on Fargate.
    Aws(AwsTarget),
    /// Azure Container Instances or Container Apps.
    Azure {
        /// The location.
        location: String,
        /// Which of the two services.
        service: AzureService,
    },
    /// An origin that runs elsewhere already.
    Origin {
        /// Its base URL.
        url: String,
    },
}

/// ECS on Fargate: the region, and what is there already and shall be used. What is named here is
/// never changed beyond what is ours in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AwsTarget {
    /// The region.
    pub region: String,
    /// The VPC's id; the account's default VPC if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// The ids of subnets in at least two zones; one of each zone of the VPC if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// The ARN of an ACM certificate for the origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The name of an existing ECS cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The ARN of an existing application load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<String>,
    /// The ARN of an existing role that pulls the image, reads secrets and writes logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<String>,
    /// The ARN of an existing role that the app's own code has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_role: Option<String>,
    /// Days that log lines are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_retention: Option<u32>,
}

/// The Azure service that runs the containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AzureService {
    /// Azure Container Instances.
    ContainerInstances,
    /// Azure Container Apps.
    ContainerApps,
}

impl App {
    /// The service that takes the traffic, with its name.
    pub fn web(&self) -> Option<(&ServiceName, &Service)> {
        self.services.iter().find(|(_, service)| matches!(service.role, Role::Web { .. }))
    }
}
