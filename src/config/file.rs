//! mizan.yaml, version 1, as it is written. These types are the one source of the decoder, of the
//! JSON Schema and of the reference in `docs/config.md`; the doc comments are the reference's text.

use schemars::JsonSchema;

use super::{
    decode::{Entries, FromNode, Opt, Spanned, choice, expected, record},
    diagnostic::{Problems, suggestion},
    node::{Kind, Node, Scalar},
    value::{
        BalancerArn, CertificateArn, ClusterName, ContainerPath, HostName, HostPath, ImageRef,
        LedgerUrl, Literal, OriginUrl, Period, Platform, Port, Region, Retention, RoleArn,
        SecretArn, SubnetId, UrlPath, UrlPrefix, VarName, Version, VpcId, Whole, Word,
    },
};
use crate::model::{AppName, Command, CpuShares, EnvName, Memory, ServiceName};

record! {
    /// The file `mizan.yaml`.
    File {
        /// The version of the file format: `1`.
        version: Spanned<Version>,
        /// The app's name: part of host names and of every resource's name.
        app: Spanned<AppName>,
        /// How the image is built.
        build: Opt<BuildFile>,
        /// Where the exported Mizan schema comes from: `auto` runs `manage.py mizan_schema` in the
        /// built image, `none` is for an app without one, anything else is a file. Default: `auto`.
        schema: Opt<SchemaFile>,
        /// The services, by name. One of them takes the traffic: the one named `web`, or the only
        /// one with a `port`.
        services: Opt<Entries<ServiceName, ServiceFile>>,
        /// What runs once per release, before traffic moves.
        release: Opt<ReleaseFile>,
        /// Environment variables of every service and of the release step.
        env: Opt<Entries<VarName, EnvValueFile>>,
        /// The secrets that every service gets as environment variables: names only, the values
        /// live in the target's store (`mizan secrets set`).
        secrets: Opt<Vec<Spanned<SecretFile>>>,
        /// The edge: cache and router in front of the app.
        edge: Opt<EdgeFile>,
        /// Server rendering at the edge.
        render: Opt<RenderFile>,
        /// Settings of the local target.
        local: Opt<LocalFile>,
        /// The environments, by name. Each may override everything above: maps are merged, single
        /// values and lists are replaced, an empty value takes away what it would inherit. Without
        /// this section there is one environment, `local`.
        environments: Opt<Entries<EnvName, EnvironmentFile>>,
        /// How many releases are kept for `mizan rollback`. Default: `5`.
        keep_releases: Opt<Whole<1, 100>>,
    }
}

record! {
    /// One environment: where it runs, and what is different there.
    EnvironmentFile {
        /// Where it runs. Default for the environment named `local`: `local`; the others name one.
        target: Opt<TargetFile>,
        /// Where release history and lock are kept, if not where the target keeps them:
        /// `s3://bucket/prefix`, `az://account/container/prefix` or `file:///folder`.
        ledger: Opt<LedgerUrl>,
        /// How long the environment lives after its last deploy (previews).
        ttl: Opt<Period>,
        /// Overrides `build`.
        build: Opt<BuildFile>,
        /// Overrides `schema`.
        schema: Opt<SchemaFile>,
        /// Overrides `services`.
        services: Opt<Entries<ServiceName, ServiceFile>>,
        /// Overrides `release`.
        release: Opt<ReleaseFile>,
        /// Overrides `env`.
        env: Opt<Entries<VarName, EnvValueFile>>,
        /// Overrides `secrets`.
        secrets: Opt<Vec<Spanned<SecretFile>>>,
        /// Overrides `edge`.
        edge: Opt<EdgeFile>,
        /// Overrides `render`.
        render: Opt<RenderFile>,
        /// Overrides `local`.
        local: Opt<LocalFile>,
        /// Overrides `keep_releases`.
        keep_releases: Opt<Whole<1, 100>>,
    }
}

record! {
    /// How the image is built. Paths are relative to the folder of mizan.yaml.
    BuildFile {
        /// The folder that is sent to the builder. Default: the folder of mizan.yaml.
        context: Opt<HostPath>,
        /// The Dockerfile. Default: `Dockerfile` in the context; if there is none, one is made for a
        /// Django project (docs/init.md).
        dockerfile: Opt<HostPath>,
        /// Build arguments. Never secrets: they stay readable in the image.
        args: Opt<Entries<Word, Literal>>,
        /// The platform that is built for. Default: `linux/amd64`.
        platform: Opt<Platform>,
        /// Base images are resolved anew after this time. Default: only by `mizan deploy --refresh`.
        refresh: Opt<Period>,
    }
}

record! {
    /// One service.
    ServiceFile {
        /// Its command: a string, split into words without a shell, or a list of words.
        /// Default: the image's own.
        command: Opt<Command>,
        /// The port it listens on; makes it the service that takes the traffic. Default for a
        /// service named `web`: `8000`.
        port: Opt<Port>,
        /// The path that answers 2xx when the service is healthy. Default: `/healthz`.
        health: Opt<UrlPath>,
        /// How long it may take to become healthy. Default: `60s`.
        health_timeout: Opt<Period>,
        /// How long the old release may finish its requests after the switch. Default: `10s`.
        drain: Opt<Period>,
        /// CPU limit in cores, e.g. `0.5`. Default: none locally, the platform's on a cloud.
        cpu: Opt<CpuShares>,
        /// Memory limit, e.g. `512MiB`. Default: as for `cpu`.
        memory: Opt<Memory>,
        /// How many copies run. Default: one.
        scale: Opt<ScaleFile>,
        /// Time between the stop signal and the kill. Default: `10s`.
        stop_timeout: Opt<Period>,
        /// Runs once: the old one stops before the new one starts (Celery beat). Default: `false`.
        singleton: Opt<bool>,
        /// Named volumes: name to path in the container. Services that name the same volume share
        /// it. Only where the target has lasting disks (`local`).
        volumes: Opt<Entries<ServiceName, ContainerPath>>,
        /// Variables of this service alone; they win over the app's.
        env: Opt<Entries<VarName, EnvValueFile>>,
        /// A foreign image, e.g. `postgres:16`: the service becomes an accessory, kept across
        /// releases. Only on the target `local`; other environments leave it out.
        image: Opt<ImageRef>,
        /// The service's former name, whose resources this one takes over.
        renamed_from: Opt<ServiceName>,
    }
}

record! {
    /// How many copies of a service run.
    ScaleFile {
        /// At least this many. Default: `1`.
        min: Opt<Whole<0, 1000>>,
        /// At most this many. Default: `min`.
        max: Opt<Whole<1, 1000>>,
        /// The CPU use in per cent that autoscaling aims at. Default: no autoscaling.
        cpu: Opt<Whole<1, 100>>,
    }
}

record! {
    /// The release step, in full.
    ReleaseMap {
        /// The command, e.g. `python manage.py migrate --noinput`.
        command: Opt<Command>,
        /// How long it may take. Default: `10m`.
        timeout: Opt<Period>,
    }
}

record! {
    /// A value from the caller's environment.
    EnvFrom {
        /// The name of the variable in the caller's environment.
        from: Spanned<Word>,
    }
}

record! {
    /// A secret, in full.
    SecretMap {
        /// Its name, which is also the name of the environment variable. `MIZAN_PURGE_KEY` is the
        /// key for purges, and goes to the edge too.
        name: Spanned<VarName>,
        /// Made by mizan when the store has none. Default: `false`.
        generate: Opt<bool>,
        /// On the target `aws`: the ARN of a secret in Secrets Manager or of a parameter in SSM that
        /// somebody else keeps. A key of a secret's JSON may follow: `...:secret:name-AbCdEf:key::`.
        from: Opt<SecretArn>,
    }
}

record! {
    /// The edge.
    EdgeFile {
        /// The data planes it is on: `local` (in front of the target `local`), `cloudflare` (in
        /// front of the others). Default: `[local]`.
        on: Opt<Vec<Spanned<Plane>>>,
        /// The public host name. The target `local` has its own. Where the edge is off, the load
        /// balancer answers to it.
        domain: Opt<HostName>,
        /// Also caches what only one signed-in user may see, per credential. Default: `false`.
        per_user: Opt<bool>,
        /// Contexts that WebSocket functions change, and whose changes the server announces by a
        /// signed request (docs/invalidation.md): they are cached too. Needs `MIZAN_PURGE_KEY`
        /// under `secrets`. Default: none, such contexts are never cached.
        announced: Opt<Vec<Spanned<Word>>>,
        /// Settings of `mizan check`.
        check: Opt<CheckFile>,
    }
}

record! {
    /// Settings of `mizan check`, which compares a live app with its schema.
    CheckFile {
        /// What an error means for a deploy, which checks before traffic moves. Default: `block`.
        on_error: Opt<OnError>,
        /// Parameters to call contexts with: context, parameter, value.
        params: Opt<Entries<Word, Entries<Word, ParamFile>>>,
        /// Kept for later, and read by nobody yet: the user to sign in as.
        user: Opt<Word>,
    }
}

record! {
    /// Server rendering at the edge. Paths are inside the image.
    RenderFile {
        /// The server bundle, one ES module.
        bundle: Opt<ContainerPath>,
        /// The folder of static assets that the edge serves.
        assets: Opt<ContainerPath>,
        /// The URL prefix of the static assets. Default: `/static/`.
        assets_prefix: Opt<UrlPrefix>,
    }
}

record! {
    /// Settings of the local target.
    LocalFile {
        /// The public port on 127.0.0.1. Default: made from the app's and environment's names.
        port: Opt<Port>,
    }
}

record! {
    /// A target other than `local`; exactly one of them.
    TargetMap {
        /// ECS on Fargate.
        aws: Opt<AwsFile>,
        /// Azure Container Instances or Container Apps.
        azure: Opt<AzureFile>,
        /// The base URL of an origin that runs elsewhere already.
        origin: Opt<OriginUrl>,
    }
}

record! {
    /// The target `aws`: ECS on Fargate behind an application load balancer. Everything but the
    /// region is for what is there already and shall be used; it is never changed beyond what is
    /// ours in it. VPC, cluster and load balancer of a deployed environment stay what they are.
    AwsFile {
        /// The region, e.g. `eu-west-1`.
        region: Spanned<Region>,
        /// The VPC. Default: that of `subnets`, else the account's default VPC.
        vpc: Opt<VpcId>,
        /// Subnets in at least two zones. The load balancer takes the public ones; the tasks take
        /// those with a NAT gateway, or, without any, the public ones. Default: one of each zone.
        subnets: Opt<Vec<Spanned<SubnetId>>>,
        /// The ARN of an ACM certificate for the load balancer. It is for the host name at which
        /// the load balancer is asked: `edge.domain`, or `origin-ENVIRONMENT.DOMAIN` where the edge
        /// is on. Default: one is asked for and validated in the domain's Cloudflare zone.
        certificate: Opt<CertificateArn>,
        /// The name of an existing ECS cluster. Default: one for this environment.
        cluster: Opt<ClusterName>,
        /// The ARN of an existing application load balancer: one rule is added to its listener at
        /// port 443, or 80 if it has no other. Needs `edge.domain`, whose DNS stays yours. Default:
        /// one for this environment.
        load_balancer: Opt<BalancerArn>,
        /// The ARN of an existing role that pulls the image, reads the secrets and writes the logs.
        /// Default: one that may do this for this environment and nothing else.
        execution_role: Opt<RoleArn>,
        /// The ARN of an existing role that the app's own code has, e.g. for a bucket. Default: one
        /// that may do nothing.
        task_role: Opt<RoleArn>,
        /// How long log lines are kept, in days that CloudWatch offers. Default: `30d`.
        log_retention: Opt<Retention>,
    }
}

record! {
    /// The target `azure`.
    AzureFile {
        /// The location, e.g. `westeurope`.
        location: Spanned<Region>,
        /// The service that runs the containers. Default: `container-instances`.
        service: Opt<AzureServiceFile>,
    }
}

choice! {
    /// A data plane of the edge.
    Plane {
        /// workerd on this machine.
        Local = "local",
        /// Cloudflare Workers.
        Cloudflare = "cloudflare",
    }
}

choice! {
    /// What an error of `mizan check` means for a deploy.
    OnError {
        /// The deploy stops before traffic moves.
        Block = "block",
        /// The deploy goes on with a warning.
        Warn = "warn",
        /// A deploy does not check.
        Off = "off",
    }
}

choice! {
    /// The Azure service that runs the containers.
    AzureServiceFile {
        /// Azure Container Instances.
        ContainerInstances = "container-instances",
        /// Azure Container Apps.
        ContainerApps = "container-apps",
    }
}

choice! {
    /// The target without settings.
    LocalTarget {
        /// Containers on the Docker engine of this machine.
        Local = "local",
    }
}

/// Where the exported schema comes from: `auto`, `none` or a file.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(transparent)]
pub(crate) struct SchemaFile(pub(crate) HostPath);

impl FromNode for SchemaFile {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        HostPath::from_node(node, problems).map(Self)
    }
}

/// A command, or a map with its timeout.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ReleaseFile {
    /// Short for `{command: ...}`.
    Short(Command),
    /// In full.
    Full(ReleaseMap),
}

impl FromNode for ReleaseFile {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Map(_) => ReleaseMap::from_node(node, problems).map(Self::Full),
            Kind::Scalar { .. } | Kind::List(_) => {
                Command::from_node(node, problems).map(Self::Short)
            }
        }
    }
}

/// A value, or where to take it from.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(untagged)]
pub(crate) enum EnvValueFile {
    /// The value itself.
    Literal(Literal),
    /// From the caller's environment.
    From(EnvFrom),
}

impl FromNode for EnvValueFile {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Map(_) => EnvFrom::from_node(node, problems).map(Self::From),
            Kind::Scalar { .. } | Kind::List(_) => {
                Literal::from_node(node, problems).map(Self::Literal)
            }
        }
    }
}

/// A secret's name, or a map with its settings.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(untagged)]
pub(crate) enum SecretFile {
    /// Short for `{name: ...}`.
    Name(VarName),
    /// In full.
    Full(SecretMap),
}

impl FromNode for SecretFile {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Map(_) => SecretMap::from_node(node, problems).map(Self::Full),
            Kind::Scalar { .. } | Kind::List(_) => {
                VarName::from_node(node, problems).map(Self::Name)
            }
        }
    }
}

/// Where an environment runs: `local`, or a map with one target and its settings.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TargetFile {
    /// Containers on the Docker engine of this machine.
    Local(LocalTarget),
    /// A target with settings.
    Map(Box<TargetMap>),
}

impl FromNode for TargetFile {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.scalar() {
            Some(Scalar::Text("local")) => Some(Self::Local(LocalTarget::Local)),
            Some(Scalar::Text(written)) => unknown_target(written, node, problems),
            Some(_) => expected("`local` or a map with the target's name", node, problems),
            None => TargetMap::from_node(node, problems).map(|map| Self::Map(Box::new(map))),
        }
    }
}

fn unknown_target(written: &str, node: &Node, problems: &mut Problems) -> Option<TargetFile> {
    let hint = match written {
        "aws" => "it needs a region: {aws: {region: eu-west-1}}".into(),
        "azure" => "it needs a location: {azure: {location: westeurope}}".into(),
        "origin" => "it needs a URL: {origin: https://app.example.net}".into(),
        _ => suggestion(written, &["local", "aws", "azure", "origin"], "targets"),
    };
    problems.hint(node.place(), format!("{written:?} alone is no target"), hint);
    None
}

/// The value of a parameter of a context.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(transparent)]
pub(crate) struct ParamFile(#[schemars(with = "Literal")] pub(crate) serde_json::Value);

impl FromNode for ParamFile {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let value = match node.scalar() {
            Some(Scalar::Bool(value)) => value.into(),
            Some(Scalar::Int(value)) => value.into(),
            Some(Scalar::Float(value)) => value.into(),
            Some(Scalar::Text(value)) => value.into(),
            Some(Scalar::Null) | None => {
                return expected("a text, a number or a boolean", node, problems);
            }
        };
        Some(Self(value))
    }
}
