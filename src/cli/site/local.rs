//! A local environment as commands use it: engine, folders, ledger, secrets, supervisor.

mod status;

use std::{
    cell::RefCell, collections::BTreeMap, env, fs, net::TcpListener, num::NonZeroUsize,
    path::PathBuf, sync::Arc, time::Duration,
};

use bollard::Docker;
use jiff::Timestamp;
use object_store::memory::InMemory;

use super::{
    LiveEdge, Look, MissingSecret, SecretInput, Secrets, ServiceStatus, Site, Status, Teardown,
};
use crate::{
    config::Finding,
    docker,
    error::{Context, Error, ErrorKind, Result},
    images::{self, ArtifactRequest, Artifacts, BaseLock, Identity, ImageId},
    ledger::{Claim, Guard, Ledger, LocalLock, Lock, Release},
    model::{App, ReleaseId, SchemaSource, Target},
    plan::{Basis, Late, Note, Plan, StepId, hash},
    schema::PolicyFacts,
    secret::SecretValue,
    targets::{
        EnvSpec, LogLine, LogRequest, Source,
        local::{
            Desired, Inputs, LocalExecutor, Observed, Op, PlaneSpec, Scope, SecretStore, SeenFront,
            StateDir, diff, follow_logs, foreseen_plane, observe, plane_of,
        },
    },
    workers::{data_module, generation, local::Control, purge::PURGE_KEY},
};

/// A local environment.
pub struct LocalSite {
    /// Whose it is.
    scope: Scope,
    /// Its folders.
    state: StateDir,
    /// The engine.
    docker: Docker,
    /// Its releases.
    ledger: Ledger,
    /// Its secret values.
    secrets: SecretStore,
    /// The state folder was there before this command.
    had_state: bool,
}

/// The source of a deploy, as far as it is known without building.
struct Sources {
    /// The pinned base images.
    lock: BaseLock,
    /// The image's identity.
    identity: Identity,
    /// The image on the engine, if it is there.
    image_id: Option<ImageId>,
    /// What was taken out of it, if it was.
    artifacts: Option<Artifacts>,
}

/// The scope of an app that runs on this machine.
///
/// # Errors
/// The environment's target is another one.
fn local_scope(app: &App) -> Result<Scope> {
    match app.target {
        Target::Local { .. } => Ok(Scope::new(&app.name, &app.env, &app.root)),
        Target::Aws(_) | Target::Azure { .. } | Target::Origin { .. } => Err(Error::new(
            ErrorKind::Usage,
            format!("environment {} does not run on this machine", app.env),
        )),
    }
}

impl LocalSite {
    /// What of this environment exists.
    ///
    async fn observe(&self, sources: Option<&Sources>) -> Result<Observed> {
        let mut observed = observe(&self.docker, &self.scope).await?;
        observed.releases = self.ledger.ids().await?;
        observed.current = self.ledger.current().await?.map(|release| release.id);
        observed.state_exists = self.had_state;
        observed.front = self.front().await?;
        observed.remembered = self.remembered()?;
        observed.live_plane = match observed.live() {
            Some(live) => self.state.read_plane(live)?,
            None => None,
        };
        if let Some(sources) = sources {
            observed.image_exists = sources.image_id.is_some();
            observed.artifacts_cached = sources.artifacts.is_some();
        }
        Ok(observed)
    }

    /// The supervisor, if there ever was one: looking must not create its folder.
    fn control(&self) -> Result<Option<Control>> {
        let folder = self.state.supervisor();
        folder.is_dir().then(|| Control::at(folder)).transpose()
    }

    /// The release that the front will serve when it is started.
    fn remembered(&self) -> Result<Option<ReleaseId>> {
        let remembered = self.control()?.map(|control| control.remembered()).transpose()?;
        Ok(remembered.flatten().and_then(|id| id.parse().ok()))
    }

    async fn front(&self) -> Result<Option<SeenFront>> {
        let Some(control) = self.control()? else { return Ok(None) };
        let Some(status) = control.status().await? else { return Ok(None) };
        let active = status.active.as_deref().and_then(|id| id.parse::<ReleaseId>().ok());
        let origin_port = match active {
            Some(release) => self.origin_port(&status, release)?,
            None => None,
        };
        let prepared =
            status.generations.iter().filter_map(|known| known.id.parse().ok()).collect();
        let settings = status.settings;
        Ok(Some(SeenFront {
            port: settings.port,
            hosts: settings.hosts,
            workers: settings.workerd.is_some(),
            version: status.version,
            active,
            prepared,
            origin_port,
        }))
    }

    /// The port that the active release's requests go to.
    fn origin_port(
        &self,
        status: &crate::workers::local::Status,
        release: ReleaseId,
    ) -> Result<Option<u16>> {
        use crate::workers::local::Source as Plane;
        let id = release.to_string();
        let Some(found) = status.generations.iter().find(|known| known.id == id) else {
            return Ok(None);
        };
        let origin = match &found.source {
            Plane::Direct { origin } => Some(origin.clone()),
            Plane::Workers { dir } => {
                generation::Manifest::read(dir)?.map(|manifest| manifest.origin)
            }
        };
        Ok(origin.and_then(|url| url.rsplit(':').next()?.parse().ok()))
    }

    /// The public port: what runs, else what ran, else what the configuration or the name gives.
    ///
    /// # Errors
    /// The engine's front does not answer.
    async fn port(&self, app: &App) -> Result<u16> {
        if let Target::Local { port: Some(port) } = app.target {
            return Ok(port);
        }
        if let Some(front) = self.front().await? {
            return Ok(front.port);
        }
        let before = fs::read_to_string(self.state.port()).ok();
        if let Some(port) = before.and_then(|text| text.trim().parse().ok()) {
            return Ok(port);
        }
        Ok(free_port_from(self.scope.preferred_port()))
    }

    /// What is known of the source without building it.
    ///
    /// # Errors
    /// The Dockerfile or the context cannot be read, or the engine does not answer.
    async fn sources(&self, app: &App) -> Result<Sources> {
        let lock = images::current_lock(&self.docker, app).await?;
        let identity = images::identity(app, &lock)?;
        let image_id = match &identity {
            Identity::Known(image) => images::find(&self.docker, image).await?,
            Identity::AfterPinning { .. } => None,
        };
        let artifacts = image_id
            .as_ref()
            .and_then(|id| images::cached(id, &ArtifactRequest::of(app), &self.state.artifacts()));
        Ok(Sources { lock, identity, image_id, artifacts })
    }

    /// What the environment should look like.
    ///
    /// # Errors
    /// The schema is invalid, or a variable of the caller's environment is missing.
    async fn desired(&self, app: &App, sources: &Sources) -> Result<Desired> {
        let inputs = Inputs {
            image: image(app, &sources.identity),
            port: self.port(app).await?,
            plane: plane(app, sources.artifacts.as_ref())?,
            secret: &|name| self.secrets.fingerprint(name),
            caller: &|name| env::var(name).ok().map(|value| self.secrets.fingerprint_of(&value)),
        };
        Desired::new(app, &inputs)
    }

    /// What a release was, with the values that secrets and variables have now.
    async fn desired_again(&self, target: &Release) -> Result<Desired> {
        let mut desired = recorded(target)?;
        if images::id_of(&self.docker, &target.image.reference).await?.is_none() {
            return Err(Error::failed(format!("the image of {} is gone", target.id))
                .cause(format!("{} is not on the engine", target.image.reference))
                .hint("check the revision out and run `mizan deploy`"));
        }
        for spec in desired.services.values_mut() {
            for (name, value) in &mut spec.env {
                self.refresh(name, value)?;
            }
        }
        Ok(desired)
    }

    /// What the Edge of the live release does.
    fn live_policy(&self, observed: &Observed) -> Result<Option<(ReleaseId, PolicyFacts)>> {
        let Some(release) = observed.live() else { return Ok(None) };
        Ok(policy_of_generation(&self.state, release)?.map(|facts| (release, facts)))
    }

    /// Values are not in the record; what they are now is compared with what runs.
    fn refresh(&self, name: &str, value: &mut EnvSpec) -> Result<()> {
        match value {
            EnvSpec::Literal(_) | EnvSpec::Late { .. } => {}
            EnvSpec::Secret { fingerprint } => *fingerprint = self.secrets.fingerprint(name),
            EnvSpec::Caller { from, fingerprint } => {
                let current = env::var(&*from).map_err(|_| {
                    Error::new(ErrorKind::Invalid, format!("env {name}: {from} is not set"))
                        .hint(format!("export {from}=… and run the command again"))
                })?;
                *fingerprint = self.secrets.fingerprint_of(&current);
            }
        }
        Ok(())
    }
}

impl Site for LocalSite {
    type Op = Op;
    type Ground = Option<Desired>;
    type Executor = LocalExecutor;
    type Secrets = LocalSecrets;

    const LOCK_GOES_FIRST: bool = true;

    /// They share this machine.
    const PARALLEL: NonZeroUsize = NonZeroUsize::new(4).unwrap();

    fn check(_app: &App) -> Vec<Finding> {
        Vec::new()
    }

    fn findings(&self, _app: &App) -> Vec<Finding> {
        Vec::new()
    }

    async fn secrets(app: &App) -> Result<LocalSecrets> {
        let state = StateDir::new(&local_scope(app)?)?;
        let store = SecretStore::open(&state)?;
        Ok(LocalSecrets { state, store })
    }

    async fn purge_key(app: &App) -> Result<Option<SecretValue>> {
        let state = StateDir::new(&local_scope(app)?)?;
        Ok(SecretStore::open(&state)?.get(PURGE_KEY).cloned())
    }

    async fn live_edge(app: &App) -> Result<Option<LiveEdge>> {
        let state = StateDir::new(&local_scope(app)?)?;
        if !state.ledger().is_dir() {
            return Ok(None);
        }
        let Some(live) = Ledger::local(&state.ledger())?.current().await? else { return Ok(None) };
        let desired = recorded(&live)?;
        if desired.plane.is_none() {
            return Ok(None);
        }
        let policy = policy_of_generation(&state, live.id)?;
        Ok(Some(LiveEdge { release: live.id, url: desired.url(), policy }))
    }

    async fn lock_of(app: &App) -> Result<Lock> {
        let scope = local_scope(app)?;
        Ok(lock_in(&StateDir::new(&scope)?, &scope))
    }

    async fn open(app: &App) -> Result<Self> {
        let scope = local_scope(app)?;
        let state = StateDir::new(&scope)?;
        let docker = docker::connect().await?;
        let secrets = SecretStore::open(&state)?;
        let ledger = match state.ledger().is_dir() {
            true => Ledger::local(&state.ledger())?,
            // Looking must not create anything.
            false => Ledger::new(Arc::new(InMemory::new()), "the ledger"),
        };
        let had_state = state.root().is_dir();
        Ok(Self { scope, state, docker, ledger, secrets, had_state })
    }

    fn offline(app: &App) -> Result<Plan<Op>> {
        let scope = local_scope(app)?;
        let lock = BaseLock::read(&app.root)?;
        let inputs = Inputs {
            image: image(app, &images::identity(app, &lock)?),
            port: match app.target {
                Target::Local { port: Some(port) } => port,
                _ => scope.preferred_port(),
            },
            plane: plane(app, None)?,
            secret: &|_| None,
            // Whether the variable is set is for the deploy to find out.
            caller: &|_| Some(String::new()),
        };
        let desired = Desired::new(app, &inputs)?;
        let mut plan = planned(diff::plan(&desired, &Observed::default(), diff::Purpose::Deploy))?;
        plan.policy = super::policy_of_deploy(app, None, None)?;
        Ok(plan)
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.state.root().is_dir())
    }

    async fn lock(&mut self, command: &str, wait: Option<Duration>) -> Result<Guard> {
        // What belongs to another checkout is told before anything is written.
        observe(&self.docker, &self.scope).await?;
        self.state.create()?;
        let lock = lock_in(&self.state, &self.scope);
        let guard = lock.acquire(Claim::of_this_process(command, Timestamp::now()), wait).await?;
        self.ledger = Ledger::local(&self.state.ledger())?;
        // What we read before we had the lock may have changed since.
        self.secrets = SecretStore::open(&self.state)?;
        if self.secrets.ensure_key() {
            self.secrets.save()?;
        }
        Ok(guard)
    }

    fn missing_secrets<'a>(&self, app: &'a App) -> Vec<MissingSecret<'a>> {
        let missing = app.secrets.iter().filter(|(name, _)| self.secrets.get(name).is_none());
        missing.map(|(name, spec)| MissingSecret { name, generate: spec.generate }).collect()
    }

    async fn store_secrets(&mut self, values: Vec<SecretInput>) -> Result<()> {
        for value in values {
            match value {
                SecretInput::Generate(name) => self.secrets.generate(&name),
                SecretInput::Value(name, value) => self.secrets.set(&name, value),
            }
        }
        self.secrets.save()
    }

    async fn look(&self, app: &App) -> Result<Look<Self>> {
        let sources = self.sources(app).await?;
        let (observed, desired) =
            tokio::try_join!(self.observe(Some(&sources)), self.desired(app, &sources))?;
        let mut plan = planned(diff::plan(&desired, &observed, diff::Purpose::Deploy))?;
        if let Identity::AfterPinning { unpinned } = &sources.identity {
            plan.notes.push(Note::Info(format!(
                "base images will be pinned in mizan.lock: {}",
                unpinned.join(", ")
            )));
        }
        let live = self.live_policy(&observed)?;
        let live = live.as_ref().map(|(release, facts)| (*release, facts));
        plan.policy = super::policy_of_deploy(app, sources.artifacts.as_ref(), live)?;
        Ok(Look {
            findings: Vec::new(),
            plan,
            basis: basis(app, &desired, &observed)?,
            release: diff::next_release(&desired, &observed),
            live: observed.live(),
            url: Late::Known(desired.url()),
            lock: sources.lock,
            ground: Some(desired),
        })
    }

    async fn look_back(&self, app: &App, to: &Release) -> Result<Look<Self>> {
        let desired = self.desired_again(to).await?;
        let mut observed = self.observe(None).await?;
        observed.image_exists = true;
        observed.artifacts_cached = true;
        let mut plan = planned(diff::plan(&desired, &observed, diff::Purpose::Rollback(to.id)))?;
        let (policy, live) =
            (policy_of_generation(&self.state, to.id)?, self.live_policy(&observed)?);
        let live = live.as_ref().map(|(release, facts)| (*release, facts));
        plan.policy = super::policy_of_return(policy.as_ref(), live);
        Ok(Look {
            findings: Vec::new(),
            plan,
            basis: basis(app, &desired, &observed)?,
            release: Some(observed.next_release()),
            live: observed.live(),
            url: Late::Known(desired.url()),
            lock: BaseLock::default(),
            ground: Some(desired),
        })
    }

    async fn look_down(&self, teardown: Teardown) -> Result<Look<Self>> {
        let observed = self.observe(None).await?;
        let teardown = diff::Teardown { volumes: teardown.data };
        Ok(Look {
            findings: Vec::new(),
            plan: planned(diff::plan_teardown(&self.scope, &observed, teardown))?,
            basis: Basis::new(),
            release: None,
            live: observed.live(),
            url: Late::Known(String::new()),
            lock: BaseLock::default(),
            ground: None,
        })
    }

    fn into_executor(self, desired: Option<Desired>, source: Option<Source>) -> LocalExecutor {
        LocalExecutor {
            docker: self.docker,
            desired,
            scope: self.scope,
            state: self.state,
            secrets: RefCell::new(self.secrets),
            ledger: self.ledger,
            source,
        }
    }

    async fn status(&self, app: &App) -> Result<Status> {
        let observed = self.observe(None).await?;
        let live = self.ledger.current().await?;
        let desired = live.as_ref().and_then(|release| recorded(release).ok());
        let mut services = Vec::new();
        for seen in status::shown(&observed) {
            services.push(ServiceStatus {
                service: seen.service.clone(),
                state: status::state(seen, desired.as_ref()).await,
                container: seen.name.clone(),
                release: seen.release.map(|id| id.to_string()),
            });
        }
        let wanted = desired.iter().flat_map(|desired| desired.services.keys());
        services.extend(super::missing(wanted, &services));
        let front = match (&observed.front, &live) {
            (Some(_), _) => "front running",
            (None, Some(_)) => "front stopped: `mizan deploy` starts it again",
            (None, None) => "front not deployed",
        };
        Ok(Status {
            app: app.name.to_string(),
            environment: app.env.to_string(),
            release: observed.live().map(|id| id.to_string()),
            url: desired.as_ref().map(Desired::url),
            front: front.to_owned(),
            services,
        })
    }

    async fn url(&self, live: &Release) -> Result<String> {
        Ok(recorded(live)?.url())
    }

    async fn built_schema(&self, app: &App, live: &Release) -> Option<PathBuf> {
        let id = images::id_of(&self.docker, &live.image.reference).await.ok()??;
        images::cached(&id, &ArtifactRequest::of(app), &self.state.artifacts())?.schema
    }

    async fn follow_logs(
        &self,
        _app: &App,
        request: &LogRequest,
        show: &mut dyn FnMut(LogLine) -> bool,
    ) -> Result<()> {
        follow_logs(&self.docker, &self.scope, request, show).await
    }

    async fn run_one_off(self, live: Release, command: &[String]) -> Result<u8> {
        let desired = recorded(&live)?;
        self.into_executor(Some(desired), None).run_one_off(live.id, command).await
    }
}

/// What the Edge of a release does, by what it runs from.
fn policy_of_generation(state: &StateDir, release: ReleaseId) -> Result<Option<PolicyFacts>> {
    let data = data_module::read(&state.generation(release))?;
    Ok(data.as_ref().and_then(PolicyFacts::of))
}

/// The secrets in a file of this machine; no engine is asked.
pub struct LocalSecrets {
    state: StateDir,
    store: SecretStore,
}

impl LocalSecrets {
    fn save(&mut self) -> Result<()> {
        self.state.create()?;
        self.store.ensure_key();
        self.store.save()
    }
}

impl Secrets for LocalSecrets {
    fn has(&self, name: &str) -> bool {
        self.store.get(name).is_some()
    }

    async fn set(&mut self, name: &str, value: SecretValue) -> Result<()> {
        self.store.set(name, value);
        self.save()
    }

    async fn unset(&mut self, name: &str) -> Result<bool> {
        let had = self.store.unset(name);
        if had {
            self.save()?;
        }
        Ok(had)
    }
}

fn lock_in(state: &StateDir, scope: &Scope) -> Lock {
    let what = format!("{} in environment {}", scope.app, scope.env);
    Lock::Local(LocalLock::new(state.lock(), what))
}

/// What a release's record says it was.
fn recorded(release: &Release) -> Result<Desired> {
    serde_json::from_value(release.config.clone()).context(ErrorKind::Failed, || {
        format!("the record of {} is of another version of mizan", release.id)
    })
}

/// A planner's own mistake is nothing a person can mend.
fn planned(plan: std::result::Result<Plan<Op>, crate::plan::PlanError>) -> Result<Plan<Op>> {
    plan.context(ErrorKind::Failed, || "cannot plan".into())
}

/// Everything a plan stands on, by name.
fn basis(app: &App, desired: &Desired, observed: &Observed) -> Result<Basis> {
    let parts = [
        ("the configuration", hash(app)),
        ("the source", hash(&desired.image)),
        ("a secret or a variable", hash(&environment(desired))),
        ("the observed state", hash(&observed.without_source())),
    ];
    let mut basis = Basis::new();
    for (name, hash) in parts {
        let hash = hash.context(ErrorKind::Failed, || format!("cannot hash {name}"))?;
        basis.insert(name.to_owned(), hash);
    }
    Ok(basis)
}

/// The variables of every service, with the fingerprints of their values.
fn environment(desired: &Desired) -> BTreeMap<&String, &BTreeMap<String, EnvSpec>> {
    desired.services.iter().map(|(name, spec)| (name, &spec.env)).collect()
}

/// The image, or the step after which it is known.
fn image(app: &App, identity: &Identity) -> Late<String> {
    match identity {
        Identity::Known(image) => Late::Known(image.reference()),
        Identity::AfterPinning { .. } => Late::After(StepId::new("image", app.name.as_str())),
    }
}

/// Edge and Render, if they are on; their hashes once the artifacts are there. An app that exports
/// no schema has nothing to cache by and no routes: the front forwards to it.
fn plane(app: &App, artifacts: Option<&Artifacts>) -> Result<Option<PlaneSpec>> {
    let Some(edge) = app.edge.as_ref().filter(|_| app.schema != SchemaSource::None) else {
        return Ok(None);
    };
    match artifacts {
        Some(artifacts) => plane_of(app, edge, artifacts).map(Some),
        None => foreseen_plane(app, edge).map(Some),
    }
}

/// The first free port from `first` on; binding tells, and the supervisor asks again.
fn free_port_from(first: u16) -> u16 {
    (first..first.saturating_add(100))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap_or(first)
}
