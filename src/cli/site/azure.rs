//! An Azure environment as commands use it: subscription, ledger, secrets, and the Workers that lead
//! its visitors.

mod findings;
mod opened;

use std::{collections::BTreeSet, num::NonZeroUsize, path::PathBuf, time::Duration};

use jiff::Timestamp;
use tokio::sync::{OnceCell, RwLock};
use tokio_util::sync::CancellationToken;

use self::opened::{Opened, open_ledger, what};
use super::{
    LiveEdge, Look, MissingSecret, SecretInput, Secrets, ServiceStatus, Site, Status, Teardown,
    source::{artifacts, base_lock, basis, fingerprint, image},
};
use crate::{
    cloudflare::Cloudflare,
    config::Finding,
    engine::SystemClock,
    error::{Error, ErrorKind, Result},
    images::{self, BaseLock, Identity},
    ledger::{Claim, Guard, Ledger, Lock, Release},
    model::{App, AzureService, ReleaseId, SchemaSource, Target},
    plan::{Late, Note, Plan},
    schema::PolicyFacts,
    secret::SecretValue,
    targets::{
        self, LogLine, LogRequest, Source,
        azure::{
            Clients,
            instances::{
                CurrentRelease, Desired, Inputs, InstancesExecutor, Observed, Op, SIDECAR_IMAGE,
                diff::{self, Purpose},
                logs,
                observe::{self, Records},
                spec::Kind as Role,
                validate::{self, Location},
            },
            names::Scope,
            overrides,
            secrets::Store,
            storage::{self, Storage},
        },
        local::StateDir,
    },
    workers::{
        cloud::{self, Foreseen, Kind, Place, Scripts},
        purge::PURGE_KEY,
    },
};

/// What stands for the subscription where nobody asks for it.
const NO_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// An Azure environment.
pub struct AzureSite {
    scope: Scope,
    clients: Clients,
    ledger: Ledger,
    lock: Lock,
    /// See [`Guard::removed`].
    lock_removed: CancellationToken,
    /// The ledger is where mizan.yaml says.
    elsewhere: bool,
    /// The storage account of the ledgers, if it is there.
    storage: Option<Storage>,
    /// What the location has, where there is no ledger yet: even the lock of a deploy makes one, and
    /// what the subscription refuses is told before that.
    untouched: Option<Location>,
    /// What the ledger said when the lock became ours: nobody else has written to it since.
    recorded: Option<Records>,
    /// An error where the vault does not let us in; whoever deploys gives itself the role.
    secrets: Result<Store>,
    cloudflare: Option<Cloudflare>,
    /// Where the Workers are; an error where Cloudflare does not tell.
    place: Result<Place>,
    artifacts: PathBuf,
}

/// What the executor needs beside the site.
pub struct Ground {
    desired: Option<Desired>,
    observed: Observed,
    returning: Option<CurrentRelease>,
    /// Where visitors are led when the plan is done.
    origin: Option<String>,
}

impl AzureSite {
    fn kept(&self) -> Result<&Store> {
        self.secrets.as_ref().map_err(Clone::clone)
    }

    fn desired(&self, app: &App, image: Late<String>) -> Result<Desired> {
        let secrets = self.kept()?;
        let origin = secrets.origin_version().map(str::to_owned);
        Desired::new(
            app,
            &Inputs {
                scope: self.scope.clone(),
                image,
                sidecar: SIDECAR_IMAGE.to_owned(),
                secret: &|name| secrets.version(name).map(str::to_owned),
                caller: &fingerprint,
                origin_secret_versions: origin.into_iter().collect(),
                place: self.place.clone()?,
                local: overrides::groups(),
            },
        )
    }

    /// A release that is brought back gets the values that secrets have now: groups that were
    /// stopped with others are not as it should be, and are made anew.
    fn refresh(&self, desired: &mut Desired) -> Result<()> {
        let secrets = self.kept()?;
        let origin: BTreeSet<String> =
            secrets.origin_version().map(str::to_owned).into_iter().collect();
        for spec in desired.services.values_mut() {
            for (name, value) in &mut spec.container.env {
                if let targets::EnvSpec::Secret { fingerprint } = value {
                    *fingerprint = secrets.version(name).map(str::to_owned);
                }
            }
            if let Role::Web { sidecar, .. } = &mut spec.role {
                sidecar.secret_versions.clone_from(&origin);
            }
        }
        desired.plane.origin_secret = origin.into_iter().next_back();
        Ok(())
    }

    async fn records(&self) -> Result<Records> {
        match &self.recorded {
            Some(recorded) => Ok(recorded.clone()),
            None => Records::read(&self.ledger).await,
        }
    }

    /// `expected` are versions of Workers that a plan wants to use.
    async fn observe(
        &self,
        want: Option<&Desired>,
        returning: Option<&CurrentRelease>,
        expected: &[(Kind, String)],
    ) -> Result<Observed> {
        let records = self.records().await?;
        let storage_users = match &self.storage {
            Some(storage) if want.is_none() => storage.users(&self.clients).await?,
            _ => BTreeSet::new(),
        };
        let read = observe::Read {
            clients: &self.clients,
            scope: &self.scope,
            secrets: self.kept()?,
            records: &records,
            storage: self.storage.as_ref().is_some_and(|storage| storage.is_ours),
            storage_users,
            ledger_elsewhere: self.elsewhere,
            returning,
        };
        let (observed, plane) = tokio::join!(
            observe::observe(&read, want),
            self.observe_plane(want, records.current.as_ref(), expected),
        );
        Ok(Observed { plane: plane?, ..observed? })
    }

    async fn observe_plane(
        &self,
        want: Option<&Desired>,
        live: Option<&CurrentRelease>,
        expected: &[(Kind, String)],
    ) -> Result<cloud::SeenPlane> {
        let live = live.map(|live| &live.plane);
        let spec = want.map(|want| &want.plane).or(live.map(|live| &live.spec));
        let (account, scripts) = match spec {
            Some(spec) => (spec.account.clone(), spec.scripts.clone()),
            None => (self.place.clone()?.account, scripts(&self.scope)),
        };
        let cloudflare = self.cloudflare.as_ref().ok_or_else(cloud::doctor::missing_token)?;
        cloud::observe(cloudflare, &account, &scripts, live, expected).await
    }

    fn look(
        &self,
        plan: Plan<Op>,
        desired: Option<Desired>,
        observed: Observed,
        returning: Option<CurrentRelease>,
    ) -> Result<Look<Self>> {
        let origin = desired.as_ref().and_then(|want| diff::origin_after(&plan, want, &observed));
        Ok(Look {
            basis: basis(desired.as_ref(), &observed)?,
            release: desired.as_ref().and_then(|want| diff::next_release(want, &observed)),
            live: observed.current.as_ref().map(|release| release.id),
            url: Late::Known(desired.as_ref().map(|want| want.url.clone()).unwrap_or_default()),
            findings: Vec::new(),
            lock: BaseLock::default(),
            ground: Ground { desired, observed, returning, origin },
            plan,
        })
    }
}

impl Site for AzureSite {
    type Op = Op;
    type Ground = Ground;
    type Executor = InstancesExecutor;
    type Secrets = Store;

    const LOCK_GOES_FIRST: bool = false;

    /// They wait for answers, mostly.
    const PARALLEL: NonZeroUsize = NonZeroUsize::new(16).unwrap();

    fn check(app: &App) -> Vec<Finding> {
        validate::app(app)
    }

    async fn secrets(app: &App) -> Result<Store> {
        let (clients, scope) = subscription(app).await?;
        Store::enter(&clients, &scope, &|text| tracing::info!("{text}")).await
    }

    async fn purge_key(app: &App) -> Result<Option<SecretValue>> {
        let (clients, scope) = subscription(app).await?;
        let store = Store::open(&clients, &scope).await?;
        match store.version(PURGE_KEY) {
            Some(_) => store.value(&scope.secret(PURGE_KEY)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn live_edge(app: &App) -> Result<Option<LiveEdge>> {
        let (clients, scope) = subscription(app).await?;
        let Opened { ledger, .. } = open_ledger(app, &clients, &scope).await?;
        let Some(live) = ledger.current().await? else { return Ok(None) };
        let live = observe::current_release(&live)?;
        Ok(Some(LiveEdge {
            release: live.id,
            url: live.plane.spec.public_url,
            policy: live.plane.recorded.policy,
        }))
    }

    async fn lock_of(app: &App) -> Result<Lock> {
        let (clients, scope) = subscription(app).await?;
        open_ledger(app, &clients, &scope).await.map(|opened| opened.lock)
    }

    async fn open(app: &App) -> Result<Self> {
        let (clients, scope) = subscription(app).await?;
        let cloudflare = Cloudflare::from_environment()?;
        let (opened, secrets, place) = tokio::join!(
            open_ledger(app, &clients, &scope),
            Store::open(&clients, &scope),
            place(app, cloudflare.as_ref()),
        );
        let Opened { ledger, lock, storage } = opened?;
        let elsewhere = app.ledger.is_some();
        let untouched = match &storage {
            None if !elsewhere => Some(Location::ask(&clients, &scope).await?),
            _ => None,
        };
        Ok(Self {
            elsewhere,
            storage,
            untouched,
            recorded: None,
            artifacts: StateDir::artifact_cache()?,
            lock_removed: CancellationToken::new(),
            secrets,
            cloudflare,
            place,
            ledger,
            lock,
            scope,
            clients,
        })
    }

    fn findings(&self, app: &App) -> Vec<Finding> {
        let Some(location) = &self.untouched else { return Vec::new() };
        let room = location.quota.map(|it| validate::quota_of_first(app, it));
        let room = room.into_iter().flatten();
        findings::place_and_size(app, location).into_iter().chain(room).collect()
    }

    fn offline(app: &App) -> Result<Plan<Op>> {
        let lock = BaseLock::read(&app.root)?;
        let place = super::offline_place(app).ok_or_else(|| Error::failed("the edge is off"))?;
        let scope = scope_of(app, NO_SUBSCRIPTION)?;
        let desired = Desired::new(
            app,
            &Inputs {
                scope,
                image: image(app, &images::identity(app, &lock)?),
                sidecar: SIDECAR_IMAGE.to_owned(),
                secret: &|_| None,
                // Whether the variable is set is for the deploy to find out.
                caller: &|_| Some(String::new()),
                origin_secret_versions: BTreeSet::new(),
                place,
                local: None,
            },
        )?;
        let mut plan = diff::plan(&desired, &Observed::default(), Purpose::Deploy)?;
        plan.policy = super::policy_of_deploy(app, None, None)?;
        Ok(plan)
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    async fn exists(&self) -> Result<bool> {
        if self.elsewhere {
            return Ok(true);
        }
        let users = match &self.storage {
            Some(storage) => storage.users(&self.clients).await?,
            None => BTreeSet::new(),
        };
        let exists = users.contains(&self.scope.ledger_prefix());
        if !exists {
            observe::require_location(&self.clients, &self.scope).await?;
        }
        Ok(exists)
    }

    async fn lock(&mut self, command: &str, wait: Option<Duration>) -> Result<Guard> {
        if !self.elsewhere && self.storage.is_none() {
            observe::require_location(&self.clients, &self.scope).await?;
            let tell = |text: &str| tracing::info!("{text}");
            let storage = storage::ensure(&self.clients, &self.scope, &tell).await?;
            let http = &self.clients.http;
            self.ledger = Ledger::blob(&storage.place(self.scope.ledger_prefix()), http)?;
            self.lock = Lock::Lease(self.ledger.lease(what(&self.scope)));
            self.storage = Some(storage);
        }
        let guard =
            self.lock.acquire(Claim::of_this_process(command, Timestamp::now()), wait).await?;
        self.lock_removed = guard.removed();
        // What was read before the lock was ours may have changed since.
        let tell = |text: &str| tracing::info!("{text}");
        let store = Store::enter(&self.clients, &self.scope, &tell);
        match tokio::try_join!(store, Records::read(&self.ledger)) {
            Ok((secrets, recorded)) => {
                (self.secrets, self.recorded) = (Ok(secrets), Some(recorded));
                Ok(guard)
            }
            Err(error) => {
                // If it is not given back, it runs out by itself.
                let _ = guard.release().await;
                Err(error)
            }
        }
    }

    fn missing_secrets<'a>(&self, app: &'a App) -> Vec<MissingSecret<'a>> {
        // Those that are made up are made by a step of the plan.
        let Ok(secrets) = &self.secrets else { return Vec::new() };
        let asked = app
            .secrets
            .iter()
            .filter(|(name, spec)| !spec.generate && secrets.version(name).is_none());
        asked.map(|(name, _)| MissingSecret { name, generate: false }).collect()
    }

    async fn store_secrets(&mut self, values: Vec<SecretInput>) -> Result<()> {
        let secrets = self.secrets.as_mut().map_err(|error| error.clone())?;
        for value in values {
            match value {
                SecretInput::Generate(name) => secrets.generate(&name).await?,
                SecretInput::Value(name, value) => secrets.set(&name, value).await?,
            }
        }
        Ok(())
    }

    async fn look(&self, app: &App) -> Result<Look<Self>> {
        let lock = base_lock(app).await?;
        let identity = images::identity(app, &lock)?;
        let desired = self.desired(app, image(app, &identity))?;
        let (observed, location) = tokio::join!(
            Box::pin(self.observe(Some(&desired), None, &[])),
            Location::ask(&self.clients, &self.scope),
        );
        let (mut observed, location) = (observed?, location?);
        let artifacts = artifacts(app, &identity, &self.artifacts).await;
        let live = live_policy(&observed);
        let policy = super::policy_of_deploy(app, artifacts.as_ref(), live)?;
        (observed.artifacts_cached, observed.foreseen) = match &artifacts {
            Some(artifacts) => (true, cloud::foresee(&desired.plane, artifacts)?),
            None => (false, Foreseen::default()),
        };
        let mut plan = diff::plan(&desired, &observed, Purpose::Deploy)?;
        plan.policy = policy;
        if let Identity::AfterPinning { unpinned } = &identity {
            plan.notes.push(Note::Info(format!(
                "base images will be pinned in mizan.lock: {}",
                unpinned.join(", ")
            )));
        }
        let findings = findings::of_plan(app, &plan, &location);
        Ok(Look { lock, findings, ..self.look(plan, Some(desired), observed, None)? })
    }

    async fn look_back(&self, _app: &App, to: &Release) -> Result<Look<Self>> {
        let to = observe::current_release(to)?;
        let mut desired = to.desired.clone();
        self.refresh(&mut desired)?;
        let expected = to.plane.recorded.versions();
        let observed = Box::pin(self.observe(Some(&desired), Some(&to), &expected)).await?;
        let mut plan = diff::plan(&desired, &observed, Purpose::Rollback(&to))?;
        let policy = to.plane.recorded.policy.as_ref();
        plan.policy = super::policy_of_return(policy, live_policy(&observed));
        self.look(plan, Some(desired), observed, Some(to))
    }

    async fn look_down(&self, teardown: Teardown) -> Result<Look<Self>> {
        let observed = Box::pin(self.observe(None, None, &[])).await?;
        let teardown = diff::Teardown { secrets: teardown.data, shared: teardown.shared };
        let plan = diff::plan_teardown(&self.scope, &observed, teardown)?;
        self.look(plan, None, observed, None)
    }

    fn into_executor(self, ground: Ground, source: Option<Source>) -> InstancesExecutor {
        // Without them there was no plan.
        let secrets = self.secrets.unwrap_or_else(|_| Store::empty(&self.clients, &self.scope));
        InstancesExecutor {
            clients: self.clients,
            scope: self.scope,
            desired: ground.desired,
            observed: ground.observed,
            ledger: self.ledger,
            secrets: RwLock::new(secrets),
            source,
            returning: ground.returning,
            lock_removed: self.lock_removed,
            artifacts: self.artifacts,
            clock: Box::new(SystemClock::default()),
            origin: ground.origin,
            cloudflare: self.cloudflare,
            login_server: OnceCell::new(),
        }
    }

    async fn status(&self, app: &App) -> Result<Status> {
        let live = self.ledger.current().await?;
        let live = live.as_ref().map(observe::current_release).transpose()?;
        let found = observe::status(&self.clients, &self.scope).await?;
        let mut services: Vec<ServiceStatus> = found
            .into_iter()
            .map(|row| ServiceStatus {
                service: row.service,
                state: row.state,
                container: format!("{}/{}", row.group, row.container),
                release: row.release,
            })
            .collect();
        let wanted = live.iter().flat_map(|release| release.desired.services.keys());
        services.extend(super::missing(wanted, &services));
        let origin = live.as_ref().map(|live| &live.plane.spec.origin);
        Ok(Status {
            app: app.name.to_string(),
            environment: app.env.to_string(),
            release: live.as_ref().map(|release| release.id.to_string()),
            url: live.as_ref().map(|release| release.desired.url.clone()),
            front: match origin {
                Some(Late::Known(origin)) => format!("the edge before {origin}"),
                _ => "nothing is deployed".to_owned(),
            },
            services,
        })
    }

    async fn url(&self, live: &Release) -> Result<String> {
        Ok(observe::current_release(live)?.desired.url)
    }

    async fn built_schema(&self, app: &App, live: &Release) -> Option<PathBuf> {
        super::schema_of_image(app, live, &self.artifacts).await
    }

    async fn follow_logs(
        &self,
        app: &App,
        request: &LogRequest,
        show: &mut dyn FnMut(LogLine) -> bool,
    ) -> Result<()> {
        let workers = super::workers_with_logs(app);
        let is_worker = |name: &&String| workers.contains(&name.as_str());
        match (request.services.iter().filter(is_worker).count(), request.services.len()) {
            (0, _) => logs::follow(&self.clients, &self.scope, request, show).await,
            (named, all) if named == all => {
                let cloudflare = self.cloudflare.as_ref();
                let cloudflare = cloudflare.ok_or_else(cloud::doctor::missing_token)?;
                let account = self.place.clone()?.account;
                let scripts = scripts(&self.scope);
                cloud::follow_logs(cloudflare, &account, &scripts, request, show).await
            }
            _ => {
                let message = "logs of Workers and of services come from two clouds";
                Err(Error::new(ErrorKind::Usage, message)
                    .hint("follow them in two terminals: mizan logs -f web, mizan logs -f edge"))
            }
        }
    }

    async fn run_one_off(self, live: Release, command: &[String]) -> Result<u8> {
        let release = observe::current_release(&live)?;
        let desired = release.desired.clone();
        let observed = Observed { current: Some(release), ..Observed::default() };
        let ground = Ground { desired: Some(desired), observed, returning: None, origin: None };
        Box::pin(self.into_executor(ground, None).run_one_off(live.id, command)).await
    }
}

impl Secrets for Store {
    fn has(&self, name: &str) -> bool {
        self.version(name).is_some()
    }

    async fn set(&mut self, name: &str, value: SecretValue) -> Result<()> {
        Self::set(self, name, value).await
    }

    async fn unset(&mut self, name: &str) -> Result<bool> {
        Self::unset(self, name).await
    }
}

fn scripts(scope: &Scope) -> Scripts {
    Scripts { app: scope.app.clone(), env: scope.env.clone() }
}

/// Where the Workers are.
async fn place(app: &App, cloudflare: Option<&Cloudflare>) -> Result<Place> {
    if app.edge.is_none() || app.schema == SchemaSource::None {
        return Err(Error::failed("the edge is off"));
    }
    let cloudflare = cloudflare.ok_or_else(cloud::doctor::missing_token)?;
    let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
    cloud::place(cloudflare, &scripts, app.domain.as_deref(), None).await
}

/// The clients of the environment's subscription, and whose everything is.
async fn subscription(app: &App) -> Result<(Clients, Scope)> {
    // What is not Container Instances is refused before anybody is asked.
    scope_of(app, NO_SUBSCRIPTION)?;
    let clients = Clients::new().await?;
    let scope = scope_of(app, &clients.subscription)?;
    Ok((clients, scope))
}

fn scope_of(app: &App, subscription: &str) -> Result<Scope> {
    match &app.target {
        Target::Azure { location, service: AzureService::ContainerInstances } => Ok(Scope {
            subscription: subscription.to_owned(),
            location: location.clone(),
            app: app.name.clone(),
            env: app.env.clone(),
        }),
        _ => Err(super::unsupported(app)),
    }
}

/// What the Edge of the live release does, as it was recorded.
fn live_policy(observed: &Observed) -> Option<(ReleaseId, &PolicyFacts)> {
    let live = observed.current.as_ref()?;
    Some((live.id, live.plane.recorded.policy.as_ref()?))
}
