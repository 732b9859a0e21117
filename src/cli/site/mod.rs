//! An environment as commands use it, whatever its target: one implementation per target.

mod aws;
mod azure;
mod ledger;
mod local;
mod origin;
mod source;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

pub use aws::AwsSite;
pub use azure::AzureSite;
pub use local::LocalSite;
pub use origin::OriginSite;

use crate::{
    config::Finding,
    docker,
    engine::{Executor, Outputs},
    error::{Error, ErrorKind, Result},
    images::{self, ArtifactRequest, Artifacts, BaseLock, Identity, ImageIdentity},
    ledger::{Guard, Ledger, Lock, Release},
    model::{App, ReleaseId, SchemaSource, Target},
    plan::{Basis, Late, Plan},
    schema::{PolicyFacts, PolicyReport},
    secret::SecretValue,
    targets::{LogLine, LogRequest, Source, local::StateDir},
    workers::{
        cloud::{Domain, Kind, Place, Scripts},
        policy::Policy,
    },
};

/// One environment of an app.
#[allow(async_fn_in_trait)] // One thread runs every command; no future needs to be `Send`.
pub trait Site: Sized {
    /// The target's operations.
    type Op: Clone + PartialEq + Serialize + DeserializeOwned;
    /// What a plan was made from, as its executor needs it.
    type Ground;
    /// What executes a plan.
    type Executor: Executor<Self::Op>;
    /// Where the values of its secrets are kept.
    type Secrets: Secrets;

    /// How many steps of a plan run at the same time, unless the command says otherwise.
    const PARALLEL: NonZeroUsize;

    /// A teardown removes the place of the lock before its last step, so the lock cannot fence it.
    const LOCK_GOES_FIRST: bool;

    /// What the target would refuse, told before anything is asked.
    fn check(app: &App) -> Vec<Finding>;

    /// The values of its secrets; nothing else of the environment is opened.
    async fn secrets(app: &App) -> Result<Self::Secrets>;

    /// The keys that purges are signed with, if they have a value; nothing else is opened.
    async fn purge_key(app: &App) -> Result<Option<SecretValue>>;

    /// The Edge of the live release, as it was recorded; nothing else is opened. `None` if nothing is
    /// deployed, or without an Edge.
    async fn live_edge(app: &App) -> Result<Option<LiveEdge>>;

    /// Its lock; nothing else of the environment is opened.
    async fn lock_of(app: &App) -> Result<Lock>;

    /// Opens the environment: its platform answers, its ledger is readable. Nothing is created.
    async fn open(app: &App) -> Result<Self>;

    /// What the target would refuse, now that its account and network are known.
    fn findings(&self, app: &App) -> Vec<Finding>;

    /// What a first deploy would create, without looking at anything but files.
    fn offline(app: &App) -> Result<Plan<Self::Op>>;

    /// Its releases.
    fn ledger(&self) -> &Ledger;

    /// False if it has no place for a lock: nothing of it was ever made, or all was removed.
    async fn exists(&self) -> Result<bool>;

    /// Takes the lock; waits for at most `wait` if another has it.
    async fn lock(&mut self, command: &str, wait: Option<Duration>) -> Result<Guard>;

    /// The secrets of the app that have no value yet.
    fn missing_secrets<'a>(&self, app: &'a App) -> Vec<MissingSecret<'a>>;

    /// Stores values of secrets.
    async fn store_secrets(&mut self, values: Vec<SecretInput>) -> Result<()>;

    /// The plan of a deploy from source.
    async fn look(&self, app: &App) -> Result<Look<Self>>;

    /// The plan of bringing a release back.
    async fn look_back(&self, app: &App, to: &Release) -> Result<Look<Self>>;

    /// The plan of removing everything.
    async fn look_down(&self, teardown: Teardown) -> Result<Look<Self>>;

    /// What executes a plan of this environment.
    fn into_executor(self, ground: Self::Ground, source: Option<Source>) -> Self::Executor;

    /// What runs now, and how it is.
    async fn status(&self, app: &App) -> Result<Status>;

    /// The public URL of the live release.
    async fn url(&self, live: &Release) -> Result<String>;

    /// The schema of the live release, if what was taken out of its image is on this machine.
    async fn built_schema(&self, app: &App, live: &Release) -> Option<PathBuf>;

    /// Hands lines of the services' logs to `show`, until it answers false or there are no more.
    async fn follow_logs(
        &self,
        app: &App,
        request: &LogRequest,
        show: &mut dyn FnMut(LogLine) -> bool,
    ) -> Result<()>;

    /// Runs a command in a new container of the live release; its exit code.
    async fn run_one_off(self, live: Release, command: &[String]) -> Result<u8>;

    /// The live release's record.
    ///
    /// # Errors
    /// Nothing is deployed.
    async fn live(&self, app: &App) -> Result<Release> {
        self.ledger().current().await?.ok_or_else(|| {
            let message = format!("nothing of {} is deployed to environment {}", app.name, app.env);
            Error::failed(message).hint(format!("mizan deploy -e {}", app.env))
        })
    }
}

/// The values of an environment's secrets: they go in and never come out.
#[allow(async_fn_in_trait)] // As above.
pub trait Secrets {
    /// True if there is a value.
    fn has(&self, name: &str) -> bool;

    /// Sets a value.
    async fn set(&mut self, name: &str, value: SecretValue) -> Result<()>;

    /// Removes a value; false if there was none.
    async fn unset(&mut self, name: &str) -> Result<bool>;
}

/// The Edge of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEdge {
    /// The release.
    pub release: ReleaseId,
    /// The public URL.
    pub url: String,
    /// What it does with each context; earlier versions of mizan did not record it.
    pub policy: Option<PolicyFacts>,
}

/// A plan, and everything it stands on.
pub struct Look<S: Site> {
    /// The plan.
    pub plan: Plan<S::Op>,
    /// Hashes of what it stands on, by name.
    pub basis: Basis,
    /// The release it makes, if it makes one.
    pub release: Option<ReleaseId>,
    /// The release that is live now.
    pub live: Option<ReleaseId>,
    /// The public URL; after a step, the one its output `dns` names.
    pub url: Late<String>,
    /// What the target would refuse of this very plan.
    pub findings: Vec<Finding>,
    /// The pinned base images, for a build.
    pub lock: BaseLock,
    /// What the executor needs.
    pub ground: S::Ground,
}

/// The public URL, once a plan is done.
pub fn public_url(url: &Late<String>, outputs: &Outputs) -> String {
    match url {
        Late::Known(url) => url.clone(),
        Late::After(step) => {
            let dns = outputs.get(step).and_then(|found| found.get("dns"));
            dns.map(|dns| format!("http://{dns}")).unwrap_or_default()
        }
    }
}

/// A secret without a value.
#[derive(Debug, Clone, Copy)]
pub struct MissingSecret<'a> {
    /// Its name.
    pub name: &'a str,
    /// It is made up rather than asked for.
    pub generate: bool,
}

/// A value for a secret.
pub enum SecretInput {
    /// Made up.
    Generate(String),
    /// Given by a person.
    Value(String, SecretValue),
}

/// What a teardown takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Teardown {
    /// Volumes and secrets: the data.
    pub data: bool,
    /// What several environments share, if no other one uses it.
    pub shared: bool,
}

/// What runs, where, and whether it is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// The live release.
    pub release: Option<String>,
    /// The public URL.
    pub url: Option<String>,
    /// The state of what takes the requests: the local front, the load balancer.
    pub front: String,
    /// Its services.
    pub services: Vec<ServiceStatus>,
}

/// One container or task of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// The service.
    pub service: String,
    /// How it is.
    pub state: String,
    /// The container or task.
    pub container: String,
    /// The release it runs.
    pub release: Option<String>,
}

/// What was taken out of an image that is on this machine's engine. Without an engine nothing was.
async fn artifacts_on_engine(app: &App, image: &ImageIdentity, cache: &Path) -> Option<Artifacts> {
    let engine = docker::connect().await.ok()?;
    let id = images::find(&engine, image).await.ok()??;
    images::cached(&id, &ArtifactRequest::of(app), cache)
}

/// The policy that a deploy would bring, as far as that is known without building: the schema is in a
/// file, or was taken out of the image on this machine.
///
/// # Errors
/// The schema is invalid, or the source cannot be read.
pub async fn built_policy(app: &App) -> Result<Option<Policy>> {
    if app.schema != SchemaSource::Image {
        return Policy::foreseen(app, None);
    }
    let lock = match images::lock_without_engine(app)? {
        Some(lock) => lock,
        // Without an engine there is no image on this machine.
        None => match docker::connect().await {
            Ok(engine) => images::current_lock(&engine, app).await?,
            Err(_) => return Ok(None),
        },
    };
    let artifacts = match images::identity(app, &lock)? {
        Identity::Known(image) => {
            artifacts_on_engine(app, &image, &StateDir::artifact_cache()?).await
        }
        Identity::AfterPinning { .. } => None,
    };
    Policy::foreseen(app, artifacts.as_ref())
}

/// The policy that a deploy brings, as its plan shows it beside that of the live release.
fn policy_of_deploy(
    app: &App,
    artifacts: Option<&Artifacts>,
    live: Option<(ReleaseId, &PolicyFacts)>,
) -> Result<Option<PolicyReport>> {
    let policy = Policy::foreseen(app, artifacts)?;
    Ok(policy.and_then(|policy| policy.report(app, live)))
}

/// The policy that a rollback brings back.
fn policy_of_return(
    to: Option<&PolicyFacts>,
    live: Option<(ReleaseId, &PolicyFacts)>,
) -> Option<PolicyReport> {
    let live = live.map(|(release, facts)| (release.to_string(), facts));
    Some(PolicyReport::new(to?, live))
}

/// The schema of a released image, if this machine's engine built it.
async fn schema_of_image(app: &App, release: &Release, cache: &Path) -> Option<PathBuf> {
    let reference = &release.image.reference;
    let tag = reference.rsplit(['/', ':']).next()?;
    let engine = docker::connect().await.ok()?;
    let id = images::id_of(&engine, &format!("mizan/{}:{tag}", app.name)).await.ok()??;
    images::cached(&id, &ArtifactRequest::of(app), cache)?.schema
}

/// Where the Workers would be, if the edge is on, as far as it is known without asking anybody.
fn offline_place(app: &App) -> Option<Place> {
    app.edge.as_ref()?;
    let unknown = || "(known after sign-in)".to_owned();
    let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
    let domain = |hostname: &String| Domain {
        hostname: hostname.clone(),
        zone: unknown(),
        zone_name: unknown(),
    };
    Some(Place {
        account: unknown(),
        domain: app.domain.as_ref().map(domain),
        public_url: match &app.domain {
            Some(domain) => format!("https://{domain}"),
            None => format!("https://{}.….workers.dev", scripts.name(Kind::Edge)),
        },
    })
}

/// The Workers that have logs of their own, where the environment has them on Cloudflare.
pub fn workers_with_logs(app: &App) -> &'static [&'static str] {
    match (&app.target, &app.edge) {
        (Target::Local { .. }, _) | (_, None) => &[],
        (_, Some(_)) => &["edge", "render", "hub"],
    }
}

/// A row for each service that should run and of which nothing was found.
fn missing<'a>(
    wanted: impl IntoIterator<Item = &'a String>,
    found: &[ServiceStatus],
) -> Vec<ServiceStatus> {
    let missing = wanted.into_iter().filter(|name| !found.iter().any(|row| row.service == **name));
    missing
        .map(|name| ServiceStatus {
            service: name.clone(),
            state: "missing: `mizan deploy` starts it again".to_owned(),
            container: "-".to_owned(),
            release: None,
        })
        .collect()
}

/// An environment that this version cannot deploy to.
pub fn unsupported(app: &App) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("environment {} has a target that is not built yet", app.env),
    )
    .cause("this version of mizan deploys to `local`, `aws`, `origin` and, on Azure, to Container Instances")
    .hint("choose another environment with --env")
}

/// Evaluates an expression with the type `$site` being the app's kind of site.
macro_rules! on_target {
    ($app:expr, $site:ident => $work:expr) => {
        match $app.target {
            $crate::model::Target::Local { .. } => {
                type $site = $crate::cli::site::LocalSite;
                $work
            }
            $crate::model::Target::Aws(_) => {
                type $site = $crate::cli::site::AwsSite;
                $work
            }
            $crate::model::Target::Origin { .. } => {
                type $site = $crate::cli::site::OriginSite;
                $work
            }
            $crate::model::Target::Azure { .. } => {
                type $site = $crate::cli::site::AzureSite;
                $work
            }
        }
    };
}
pub(super) use on_target;
