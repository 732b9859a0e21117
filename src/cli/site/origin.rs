//! An environment whose app runs elsewhere: the Workers before it, and the ledger of their
//! releases.

use std::{
    collections::BTreeMap, env, fs, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration,
};

use jiff::Timestamp;
use object_store::memory::InMemory;
use sha2::{Digest, Sha256};

use super::{
    LiveEdge, Look, MissingSecret, SecretInput, Secrets, ServiceStatus, Site, Status, Teardown,
    ledger,
};
use crate::{
    check::Gate,
    cloudflare::Cloudflare,
    config::Finding,
    docker,
    error::{Context, Error, ErrorKind, Result},
    http::Http,
    images::{self, ArtifactRequest, Artifacts, BaseLock, Identity},
    ledger::{Claim, Guard, Ledger, LocalLock, Lock, Place, Release},
    model::{App, ReleaseId, SchemaSource, Target},
    plan::{Basis, Late, Note, Plan, StepId, hash},
    schema::PolicyFacts,
    secret::SecretValue,
    targets::{
        LogLine, LogRequest, Source,
        aws::Clients,
        local::{Scope, StateDir},
        origin::{CurrentRelease, Desired, Observed, Op, OriginExecutor, diff},
    },
    workers::{
        cloud::{self, CloudSpec, Foreseen, Kind, Scripts, SeenPlane},
        policy::PlaneConfig,
        purge::PURGE_KEY,
    },
};

/// An environment whose app runs elsewhere.
pub struct OriginSite {
    scripts: Scripts,
    cloudflare: Cloudflare,
    place: cloud::Place,
    current: Option<CurrentRelease>,
    ledger: Ledger,
    lock: Lock,
    /// The ledger's folder, where it is one.
    folder: Option<PathBuf>,
    /// Nobody has said where it shall be.
    is_usual_ledger: bool,
    artifacts: PathBuf,
}

/// What the executor needs beside the site.
pub struct Ground {
    desired: Option<Desired>,
    observed: Observed,
    returning: Option<CurrentRelease>,
    purge_key: Option<SecretValue>,
}

/// Nothing of the app runs here, so nothing needs a secret; only the Edge has one, which is a
/// variable of whoever deploys.
pub struct NoSecrets;

/// What Edge and Render are made from, as far as it is known.
struct Sources {
    lock: BaseLock,
    image: Option<Late<String>>,
    source: Late<String>,
    artifacts: Option<Artifacts>,
    unpinned: Vec<String>,
}

impl OriginSite {
    async fn observe(
        &self,
        expected: &[(Kind, String)],
        foreseen: Foreseen,
        cached: bool,
    ) -> Result<Observed> {
        let live = self.current.as_ref().map(|current| &current.live);
        let account = &self.place.account;
        let look = cloud::observe(&self.cloudflare, account, &self.scripts, live, expected);
        Ok(Observed {
            scripts: self.scripts.clone(),
            plane: look.await?,
            releases: self.releases().await?,
            current: self.current.clone(),
            artifacts_cached: cached,
            foreseen,
        })
    }

    /// The recorded releases. One above the live one was written down by a deploy that came no
    /// further: the next one goes on under its number.
    async fn releases(&self) -> Result<Vec<ReleaseId>> {
        let live = self.current.as_ref().map(|current| current.id);
        let mut recorded = self.ledger.ids().await?;
        recorded.retain(|id| Some(*id) <= live);
        Ok(recorded)
    }

    fn spec(&self, app: &App, source: Late<String>) -> Result<CloudSpec> {
        let live = self.current.as_ref().and_then(|current| current.live.spec.purge_key.clone());
        let purge_key = purge_key_version(app, live);
        Ok(CloudSpec { purge_key, ..spec(app, &self.scripts, &self.place, source)? })
    }

    /// What the Edge of the live release does, as it was recorded.
    fn live_policy(&self) -> Option<(ReleaseId, &PolicyFacts)> {
        let current = self.current.as_ref()?;
        Some((current.id, current.live.recorded.policy.as_ref()?))
    }

    async fn reread(&mut self) -> Result<()> {
        self.current = read_current(&self.ledger).await?;
        Ok(())
    }
}

impl Site for OriginSite {
    type Op = Op;
    type Ground = Ground;
    type Executor = OriginExecutor;
    type Secrets = NoSecrets;

    const LOCK_GOES_FIRST: bool = true;

    /// Three scripts, and each waits for the one before.
    const PARALLEL: NonZeroUsize = NonZeroUsize::new(4).unwrap();

    fn check(app: &App) -> Vec<Finding> {
        let mut findings = Vec::new();
        let finding = |path: &str, message: &str, hint: &str| Finding {
            path: path.to_owned(),
            message: message.to_owned(),
            hint: hint.to_owned(),
        };
        if app.edge.is_none() {
            findings.push(finding(
                "edge.on",
                "before an origin that runs elsewhere, there is nothing to deploy but the edge",
                "edge: {on: [cloudflare]}",
            ));
        }
        if app.domain.is_some() && origin_of(app).ok().map(host_of) == app.domain.as_deref() {
            findings.push(finding(
                "edge.domain",
                "the origin's own name would lead to the Edge, which would ask itself",
                "give the origin a name of its own, below the domain or elsewhere",
            ));
        }
        if app.schema == SchemaSource::None {
            findings.push(finding(
                "schema",
                "without a schema the edge has nothing to cache by",
                "`auto` takes it out of the image, a path names its file",
            ));
        }
        findings
    }

    fn findings(&self, _app: &App) -> Vec<Finding> {
        Vec::new()
    }

    async fn secrets(_app: &App) -> Result<NoSecrets> {
        Ok(NoSecrets)
    }

    async fn purge_key(app: &App) -> Result<Option<SecretValue>> {
        Ok(purge_key_of_caller(app))
    }

    async fn live_edge(app: &App) -> Result<Option<LiveEdge>> {
        let (ledger, _, _) = open_ledger(app).await?;
        let edge = read_current(&ledger).await?.map(|current| LiveEdge {
            release: current.id,
            url: current.live.spec.public_url,
            policy: current.live.recorded.policy,
        });
        Ok(edge)
    }

    async fn lock_of(app: &App) -> Result<Lock> {
        let (_, lock, _) = open_ledger(app).await?;
        Ok(lock)
    }

    async fn open(app: &App) -> Result<Self> {
        let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
        let cloudflare = Cloudflare::from_environment()?;
        let cloudflare = cloudflare.ok_or_else(cloud::doctor::missing_token)?;
        let (ledger, lock, folder) = open_ledger(app).await?;
        let current = read_current(&ledger).await?;
        let live = current.as_ref().map(|current| &current.live.spec);
        let place = cloud::place(&cloudflare, &scripts, app.domain.as_deref(), live).await?;
        let artifacts = StateDir::artifact_cache()?;
        let is_usual_ledger = app.ledger.is_none();
        Ok(Self {
            scripts,
            cloudflare,
            place,
            current,
            ledger,
            lock,
            folder,
            is_usual_ledger,
            artifacts,
        })
    }

    fn offline(app: &App) -> Result<Plan<Op>> {
        let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
        let lock = BaseLock::read(&app.root)?;
        let (image, source, _) = identity(app, &lock)?;
        let place = super::offline_place(app).ok_or_else(|| Error::failed("the edge is off"))?;
        let desired = Desired {
            plane: spec(app, &scripts, &place, source)?,
            image,
            artifacts: ArtifactRequest::of(app),
            check: Gate::of(app),
            keep_releases: app.keep_releases.get(),
        };
        let observed = Observed {
            scripts,
            plane: SeenPlane::default(),
            current: None,
            releases: Vec::new(),
            artifacts_cached: false,
            foreseen: Foreseen::default(),
        };
        let mut plan = diff::plan(&desired, &observed, diff::Purpose::Deploy)?;
        plan.policy = super::policy_of_deploy(app, None, None)?;
        Ok(plan)
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.folder.as_ref().is_none_or(|folder| folder.is_dir()))
    }

    async fn lock(&mut self, command: &str, wait: Option<Duration>) -> Result<Guard> {
        if let Some(folder) = &self.folder {
            let failed = || format!("cannot create {}", folder.display());
            fs::create_dir_all(folder).context(ErrorKind::Failed, failed)?;
            self.ledger = Ledger::local(folder)?;
        }
        let guard =
            self.lock.acquire(Claim::of_this_process(command, Timestamp::now()), wait).await?;
        // What was read before the lock was ours may have changed since.
        self.reread().await?;
        Ok(guard)
    }

    fn missing_secrets<'a>(&self, _app: &'a App) -> Vec<MissingSecret<'a>> {
        Vec::new()
    }

    async fn store_secrets(&mut self, _values: Vec<SecretInput>) -> Result<()> {
        Ok(())
    }

    async fn look(&self, app: &App) -> Result<Look<Self>> {
        let sources = sources(app, &self.artifacts).await?;
        let spec = self.spec(app, sources.source.clone())?;
        let foreseen = match &sources.artifacts {
            Some(artifacts) => cloud::foresee(&spec, artifacts)?,
            None => Foreseen::default(),
        };
        let desired = Desired {
            plane: spec,
            image: sources.image,
            artifacts: ArtifactRequest::of(app),
            check: Gate::of(app),
            keep_releases: app.keep_releases.get(),
        };
        let observed = self.observe(&[], foreseen, sources.artifacts.is_some()).await?;
        let mut plan = diff::plan(&desired, &observed, diff::Purpose::Deploy)?;
        plan.policy = super::policy_of_deploy(app, sources.artifacts.as_ref(), self.live_policy())?;
        if app.secrets.contains_key(PURGE_KEY) && desired.plane.purge_key.is_none() {
            let text = format!("{PURGE_KEY} is not set: the edge takes no purges from outside");
            plan.notes.push(Note::Warning(text));
        }
        if !sources.unpinned.is_empty() {
            let names = sources.unpinned.join(", ");
            let text = format!("base images will be pinned in mizan.lock: {names}");
            plan.notes.push(Note::Info(text));
        }
        Ok(Look {
            findings: Vec::new(),
            basis: basis(&desired, &observed)?,
            release: diff::next_release(&desired, &observed),
            live: self.current.as_ref().map(|current| current.id),
            url: Late::Known(desired.plane.public_url.clone()),
            lock: sources.lock,
            ground: Ground {
                desired: Some(desired),
                observed,
                returning: None,
                purge_key: purge_key_of_caller(app),
            },
            plan,
        })
    }

    async fn look_back(&self, _app: &App, to: &Release) -> Result<Look<Self>> {
        let to = CurrentRelease::of(to).ok_or_else(|| diff::unreadable(to.id))?;
        let expected = to.live.recorded.versions();
        let observed = self.observe(&expected, Foreseen::default(), true).await?;
        let desired = to.desired.clone();
        let mut plan = diff::plan(&desired, &observed, diff::Purpose::Rollback(&to))?;
        plan.policy = super::policy_of_return(to.live.recorded.policy.as_ref(), self.live_policy());
        Ok(Look {
            findings: Vec::new(),
            basis: basis(&desired, &observed)?,
            release: Some(observed.next_release()),
            live: self.current.as_ref().map(|current| current.id),
            url: Late::Known(desired.plane.public_url.clone()),
            lock: BaseLock::default(),
            ground: Ground {
                desired: Some(desired),
                observed,
                returning: Some(to),
                purge_key: None,
            },
            plan,
        })
    }

    async fn look_down(&self, _teardown: Teardown) -> Result<Look<Self>> {
        let observed = self.observe(&[], Foreseen::default(), true).await?;
        let has_ledger = !self.ledger.ids().await?.is_empty()
            || self.folder.as_ref().is_some_and(|folder| folder.is_dir());
        Ok(Look {
            findings: Vec::new(),
            plan: diff::plan_teardown(&self.scripts, &observed, has_ledger)?,
            basis: Basis::new(),
            release: None,
            live: self.current.as_ref().map(|current| current.id),
            url: Late::Known(String::new()),
            lock: BaseLock::default(),
            ground: Ground { desired: None, observed, returning: None, purge_key: None },
        })
    }

    fn into_executor(self, ground: Ground, source: Option<Source>) -> OriginExecutor {
        OriginExecutor {
            cloudflare: self.cloudflare,
            account: self.place.account,
            desired: ground.desired,
            observed: ground.observed,
            ledger: self.ledger,
            source,
            returning: ground.returning,
            artifacts: self.artifacts,
            ledger_folder: self.folder,
            is_ledger_of_this_machine: self.is_usual_ledger,
            purge_key: ground.purge_key,
        }
    }

    async fn status(&self, app: &App) -> Result<Status> {
        let observed = self.observe(&[], Foreseen::default(), true).await?;
        let live = self.current.as_ref();
        let row = |kind: Kind| {
            let seen = observed.plane.scripts.get(&kind);
            let recorded = live.and_then(|live| live.live.recorded.version(kind));
            let state = match (seen, recorded) {
                (None, _) => "missing".to_owned(),
                (Some(seen), Some(recorded)) if seen.version.as_deref() != Some(recorded) => {
                    format!(
                        "another version than that of {}",
                        live.map(|it| it.id.to_string()).unwrap_or_default()
                    )
                }
                (Some(_), _) => "deployed".to_owned(),
            };
            ServiceStatus {
                service: kind.to_string(),
                state,
                container: self.scripts.name(kind),
                release: live.map(|live| live.id.to_string()).filter(|_| kind != Kind::Hub),
            }
        };
        let has_render = live.is_some_and(|live| live.desired.plane.config.render);
        let rows = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Render || has_render);
        Ok(Status {
            app: app.name.to_string(),
            environment: app.env.to_string(),
            release: live.map(|live| live.id.to_string()),
            url: live.map(|live| live.desired.plane.public_url.clone()),
            front: origin_of(app).map(|origin| format!("before {origin}")).unwrap_or_default(),
            services: if live.is_some() { rows.map(row).collect() } else { Vec::new() },
        })
    }

    async fn url(&self, live: &Release) -> Result<String> {
        let live = CurrentRelease::of(live).ok_or_else(|| diff::unreadable(live.id))?;
        Ok(live.desired.plane.public_url)
    }

    async fn built_schema(&self, app: &App, live: &Release) -> Option<PathBuf> {
        super::schema_of_image(app, live, &self.artifacts).await
    }

    async fn follow_logs(
        &self,
        _app: &App,
        request: &LogRequest,
        show: &mut dyn FnMut(LogLine) -> bool,
    ) -> Result<()> {
        let (cloudflare, account) = (&self.cloudflare, &self.place.account);
        cloud::follow_logs(cloudflare, account, &self.scripts, request, show).await
    }

    async fn run_one_off(self, _live: Release, _command: &[String]) -> Result<u8> {
        Err(Error::new(ErrorKind::Usage, "the app of this environment runs elsewhere")
            .hint("run the command where it runs"))
    }
}

impl Secrets for NoSecrets {
    fn has(&self, name: &str) -> bool {
        name == PURGE_KEY && purge_key_variable().is_some()
    }

    async fn set(&mut self, name: &str, _value: SecretValue) -> Result<()> {
        Err(elsewhere(name))
    }

    async fn unset(&mut self, name: &str) -> Result<bool> {
        Err(elsewhere(name))
    }
}

fn elsewhere(name: &str) -> Error {
    let error = Error::new(
        ErrorKind::Usage,
        "the app of this environment runs elsewhere, and so are its secrets",
    );
    match name {
        PURGE_KEY => error.hint(format!("export {PURGE_KEY}=… where you deploy and purge")),
        _ => error,
    }
}

fn purge_key_variable() -> Option<SecretValue> {
    env::var(PURGE_KEY).ok().filter(|keys| !keys.trim().is_empty()).map(SecretValue::new)
}

/// The keys for purges, if mizan.yaml names them: the variable may be meant for another app.
fn purge_key_of_caller(app: &App) -> Option<SecretValue> {
    app.secrets.get(PURGE_KEY)?;
    purge_key_variable()
}

/// What tells that the keys are other ones. Where the variable is not set, those that are live stay.
fn purge_key_version(app: &App, live: Option<Late<String>>) -> Option<Late<String>> {
    app.secrets.get(PURGE_KEY)?;
    let Some(keys) = purge_key_variable() else { return live };
    let text = format!("{PURGE_KEY}\n{}\n{}\n{}", app.name, app.env, keys.expose());
    let digest = Sha256::digest(text.as_bytes());
    Some(Late::Known(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()))
}

fn origin_of(app: &App) -> Result<&str> {
    match &app.target {
        Target::Origin { url } => Ok(url),
        _ => Err(super::unsupported(app)),
    }
}

/// The host of a base URL, without its port.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split([':', '/']).next().unwrap_or(rest)
}

fn spec(
    app: &App,
    scripts: &Scripts,
    place: &cloud::Place,
    source: Late<String>,
) -> Result<CloudSpec> {
    let edge = app.edge.as_ref().ok_or_else(|| Error::failed("the edge is off"))?;
    Ok(CloudSpec {
        scripts: scripts.clone(),
        account: place.account.clone(),
        domain: place.domain.clone(),
        public_url: place.public_url.clone(),
        origin: Late::Known(origin_of(app)?.to_owned()),
        origin_secret: None,
        purge_key: None,
        config: PlaneConfig::new(edge, app.render.as_ref()),
        source,
        taken: ArtifactRequest::of(app).fingerprint()?,
        code: CloudSpec::code_of_this_version(),
        health: None,
    })
}

/// The ledger and its lock: where `ledger:` says, else in a folder of this machine. Looking must
/// not create anything.
async fn open_ledger(app: &App) -> Result<(Ledger, Lock, Option<PathBuf>)> {
    let place = match &app.ledger {
        Some(url) => ledger::place(app, url)?,
        None => Place::Folder(StateDir::new(&Scope::new(&app.name, &app.env, &app.root))?.ledger()),
    };
    match place {
        Place::Folder(folder) if folder.is_dir() => {
            let (ledger, lock) = ledger::in_folder(app, &folder)?;
            Ok((ledger, lock, Some(folder)))
        }
        Place::Folder(folder) => {
            let lock = LocalLock::new(folder.join("lock"), ledger::what(app));
            let ledger = Ledger::new(Arc::new(InMemory::new()), "the ledger");
            Ok((ledger, Lock::Local(lock), Some(folder)))
        }
        Place::Bucket { bucket, prefix } => {
            let region =
                ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| env::var(name).ok());
            let region = region.ok_or_else(|| {
                Error::new(
                    ErrorKind::Usage,
                    format!("the region of the bucket {bucket} is not known"),
                )
                .hint("export AWS_REGION=…")
            })?;
            let clients = Clients::new(&region).await?;
            let (ledger, lock) = ledger::in_bucket(app, (bucket, prefix), &region, &clients)?;
            Ok((ledger, lock, None))
        }
        Place::Container { account, container, prefix } => {
            let place = (account, container, prefix);
            let (ledger, lock) = ledger::in_container(app, place, &Http::new()?)?;
            Ok((ledger, lock, None))
        }
    }
}

async fn read_current(ledger: &Ledger) -> Result<Option<CurrentRelease>> {
    Ok(ledger.current().await?.as_ref().and_then(CurrentRelease::of))
}

/// The image's tag, if one is needed; what everything comes from; base images without a pin.
type Named = (Option<Late<String>>, Late<String>, Vec<String>);

fn identity(app: &App, lock: &BaseLock) -> Result<Named> {
    if let (SchemaSource::File(path), None) = (&app.schema, &app.render) {
        let content = fs::read(path)
            .context(ErrorKind::Failed, || format!("cannot read {}", path.display()))?;
        let digest: String =
            Sha256::digest(&content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        return Ok((None, Late::Known(format!("schema {digest}")), Vec::new()));
    }
    Ok(match images::identity(app, lock)? {
        Identity::Known(image) => {
            (Some(Late::Known(image.tag.clone())), Late::Known(image.tag), Vec::new())
        }
        Identity::AfterPinning { unpinned } => {
            let after = Late::After(StepId::new("artifacts", app.name.as_str()));
            (Some(after.clone()), after, unpinned)
        }
    })
}

async fn sources(app: &App, cache: &std::path::Path) -> Result<Sources> {
    if let (SchemaSource::File(path), None) = (&app.schema, &app.render) {
        let (_, source, _) = identity(app, &BaseLock::default())?;
        let dir = path.parent().map(PathBuf::from).unwrap_or_default();
        let schema = Some(path.clone());
        let artifacts = Artifacts { dir, schema, bundle: None, assets: Vec::new() };
        return Ok(Sources {
            lock: BaseLock::default(),
            image: None,
            source,
            artifacts: Some(artifacts),
            unpinned: Vec::new(),
        });
    }
    let lock = match images::lock_without_engine(app)? {
        Some(lock) => lock,
        None => images::current_lock(&docker::connect().await?, app).await?,
    };
    let (image, source, unpinned) = identity(app, &lock)?;
    let artifacts = match images::identity(app, &lock)? {
        Identity::Known(image) => super::artifacts_on_engine(app, &image, cache).await,
        Identity::AfterPinning { .. } => None,
    };
    Ok(Sources { lock, image, source, artifacts, unpinned })
}

/// Everything a plan stands on, by name.
fn basis(desired: &Desired, observed: &Observed) -> Result<Basis> {
    let parts: BTreeMap<&str, _> = [
        ("the configuration or the source", hash(desired)),
        ("the observed state", hash(observed)),
    ]
    .into();
    let mut basis = Basis::new();
    for (name, hash) in parts {
        let hash = hash.context(ErrorKind::Failed, || format!("cannot hash {name}"))?;
        basis.insert(name.to_owned(), hash);
    }
    Ok(basis)
}
