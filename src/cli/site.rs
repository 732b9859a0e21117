//! A local environment as a command finds it: engine, folders, ledger, secrets, supervisor.

use std::{cell::RefCell, env, fs, net::TcpListener, sync::Arc, time::Duration};

use bollard::Docker;
use jiff::Timestamp;
use object_store::memory::InMemory;

use super::args::GlobalArgs;
use crate::{
    docker,
    error::{Error, ErrorKind, Result},
    images::{self, ArtifactRequest, Artifacts, BaseLock, Identity, ImageId},
    ledger::{Claim, Guard, Ledger, LocalLock, Lock, Release},
    model::{App, ReleaseId, SchemaSource, Target},
    plan::{Late, StepId},
    targets::{
        Source,
        local::{
            Desired, Inputs, LocalExecutor, Observed, PlaneSpec, Scope, SecretStore, SeenFront,
            StateDir, foreseen_plane, observe, plane_of,
        },
    },
    workers::{generation, local::Control},
};

/// A local environment.
pub struct Site {
    /// Whose it is.
    pub scope: Scope,
    /// Its folders.
    pub state: StateDir,
    /// The engine.
    pub docker: Docker,
    /// Its releases.
    pub ledger: Ledger,
    /// Its secret values.
    pub secrets: SecretStore,
    /// The state folder was there before this command.
    had_state: bool,
}

/// The source of a deploy, as far as it is known without building.
pub struct Sources {
    /// The pinned base images.
    pub lock: BaseLock,
    /// The image's identity.
    pub identity: Identity,
    /// The image on the engine, if it is there.
    pub image_id: Option<ImageId>,
    /// What was taken out of it, if it was.
    pub artifacts: Option<Artifacts>,
}

/// The scope of an app that runs on this machine.
///
/// # Errors
/// The environment's target is another one.
pub fn local_scope(app: &App) -> Result<Scope> {
    match app.target {
        Target::Local { .. } => Ok(Scope::new(&app.name, &app.env, &app.root)),
        Target::Aws(_) | Target::Azure { .. } | Target::Origin { .. } => Err(Error::new(
            ErrorKind::Usage,
            format!("environment {} does not run on this machine", app.env),
        )
        .cause("this version of mizan deploys to the local target only")
        .hint("choose an environment with `target: local`")),
    }
}

impl Site {
    /// Opens an environment: the engine answers, the ledger and the secrets are readable. Nothing
    /// is created.
    ///
    /// # Errors
    /// The target is not local, the engine does not answer, or the secrets are damaged.
    pub async fn open(app: &App) -> Result<Self> {
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

    /// Creates the folders and takes the lock.
    ///
    /// # Errors
    /// Another deploy holds the lock for longer than `wait`, or something that has our name belongs
    /// to another checkout.
    pub async fn lock(&mut self, command: &str, wait: Option<Duration>) -> Result<Guard> {
        // What belongs to another checkout is told before anything is written.
        observe(&self.docker, &self.scope).await?;
        self.state.create()?;
        let what = format!("{} in environment {}", self.scope.app, self.scope.env);
        let lock = Lock::Local(LocalLock::new(self.state.lock(), what));
        let guard = lock.acquire(Claim::of_this_process(command, Timestamp::now()), wait).await?;
        self.ledger = Ledger::local(&self.state.ledger())?;
        // What we read before we had the lock may have changed since.
        self.secrets = SecretStore::open(&self.state)?;
        if self.secrets.ensure_key() {
            self.secrets.save()?;
        }
        Ok(guard)
    }

    /// What of this environment exists.
    ///
    /// # Errors
    /// The engine does not answer, or something belongs to another checkout.
    pub async fn observe(&self, sources: Option<&Sources>) -> Result<Observed> {
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
    pub async fn port(&self, app: &App) -> Result<u16> {
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
    pub async fn sources(&self, app: &App) -> Result<Sources> {
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
    pub async fn desired(&self, app: &App, sources: &Sources) -> Result<Desired> {
        let inputs = Inputs {
            image: image(app, &sources.identity),
            port: self.port(app).await?,
            plane: plane(app, sources.artifacts.as_ref())?,
            secret: &|name| self.secrets.fingerprint(name),
            caller: &|name| env::var(name).ok().map(|value| self.secrets.fingerprint_of(&value)),
        };
        Desired::new(app, &inputs)
    }

    /// The executor of a plan for this environment.
    pub fn into_executor(self, desired: Option<Desired>, source: Option<Source>) -> LocalExecutor {
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

    /// The live release's record.
    ///
    /// # Errors
    /// Nothing is deployed.
    pub async fn live(&self) -> Result<Release> {
        self.ledger.current().await?.ok_or_else(|| {
            Error::failed(format!(
                "nothing of {} is deployed to environment {}",
                self.scope.app, self.scope.env
            ))
            .hint(format!("mizan deploy -e {}", self.scope.env))
        })
    }
}

/// Opens the environment that the arguments name.
///
/// # Errors
/// As [`super::project::Project::load`] and [`Site::open`].
pub async fn open(
    global: &GlobalArgs,
) -> std::result::Result<(super::project::Project, Site), super::failure::Failure> {
    let project = super::project::Project::load(global)?;
    let site = Site::open(&project.app).await?;
    Ok((project, site))
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
pub fn plane(app: &App, artifacts: Option<&Artifacts>) -> Result<Option<PlaneSpec>> {
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
