//! An AWS environment as commands use it: account, network, ledger, secrets, load balancer.

mod offline;
mod status;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    path::PathBuf,
    time::Duration,
};

use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    LiveEdge, Look, MissingSecret, SecretInput, Secrets, Site, Status, Teardown, ledger,
    source::{artifacts, base_lock, basis, fingerprint, image},
};
use crate::{
    cloudflare::Cloudflare,
    config::Finding,
    engine::SystemClock,
    error::{Error, ErrorKind, Result},
    images::{self, Artifacts, BaseLock, Identity},
    ledger::{self as records, Claim, Guard, Ledger, Lock, Release},
    model::{App, AwsTarget, ReleaseId, SchemaSource, SecretSpec, Target},
    plan::{Late, Note, Plan},
    schema::PolicyFacts,
    secret::SecretValue,
    targets::{
        EnvSpec, LogLine, LogRequest, Source,
        aws::{
            self, AwsExecutor, Clients, Desired, GivenBalancer, Inputs, Network, Observed, Op,
            Scope,
            diff::{self, Purpose},
            observe::{self, Recorded as LedgerRecords},
            secrets::Store,
            spec::TaskSpec,
            validate,
        },
        local::StateDir,
    },
    workers::{
        cloud::{self, CloudSpec, Foreseen, Kind, Place, Recorded, Scripts, SeenPlane},
        purge::PURGE_KEY,
    },
};

/// An AWS environment.
pub struct AwsSite {
    scope: Scope,
    clients: Clients,
    ledger: Ledger,
    lock: Lock,
    /// See [`Guard::removed`].
    lock_removed: CancellationToken,
    /// The bucket of the ledgers is where this environment's ledger is.
    own_bucket: bool,
    /// That bucket is there and marked, so that it need not be made.
    bucket_is_ready: bool,
    /// What the ledger said when the lock became ours: nobody else has written to it since.
    recorded: Option<LedgerRecords>,
    secrets: Store,
    references: Result<References>,
    given: Result<Given>,
    balancer_dns: Option<String>,
    cloudflare: Option<Cloudflare>,
    /// Where the Workers are, if the edge is on.
    place: Option<Place>,
    artifacts: PathBuf,
}

/// The versions of secrets that somebody else keeps, by name, as far as they can be told.
type References = BTreeMap<String, Option<String>>;

/// What `mizan.yaml` names and somebody else keeps. Only a deploy needs it: an environment must be
/// seen, and can go, when what it stood on is gone already.
struct Given {
    network: Network,
    balancer: Option<GivenBalancer>,
    /// The cluster that is named is there.
    has_cluster: bool,
}

/// What the executor needs beside the site.
pub struct Ground {
    desired: Option<Desired>,
    observed: Observed,
    /// The Workers of the release that is brought back.
    returning: Option<Recorded>,
}

impl AwsSite {
    /// What the environment should look like.
    fn desired(&self, app: &App, image: Late<String>) -> Result<Desired> {
        let given = self.given.as_ref().map_err(Clone::clone)?;
        let references = self.references.as_ref().map_err(Clone::clone)?;
        Desired::new(
            app,
            &Inputs {
                scope: self.scope.clone(),
                network: &given.network,
                image,
                secret: &|name| self.secret_version(references, name),
                caller: &fingerprint,
                origin_secret_versions: self.origin_secret(),
                balancer: given.balancer.clone(),
                balancer_dns: self.balancer_dns.clone(),
                place: self.place.clone(),
            },
        )
    }

    fn secret_version(&self, references: &References, name: &str) -> Option<String> {
        match references.get(name) {
            Some(version) => version.clone(),
            None => self.secrets.version(name).map(str::to_owned),
        }
    }

    /// Tasks get the values that secrets have when they start, whatever they had when the task
    /// definition was recorded; so these versions are what a rollback brings, and what it records.
    fn refresh(&self, app: &App, task: &mut TaskSpec) {
        for (name, value) in &mut task.env {
            let EnvSpec::Secret { fingerprint } = value else { continue };
            match task.references.get(name) {
                None => *fingerprint = self.secrets.version(name).map(str::to_owned),
                // One that `mizan.yaml` does not name any more was not looked at.
                Some(arn) => {
                    let known = self.references.as_ref().ok().and_then(|known| known.get(name));
                    let spec = app.secrets.get(name).and_then(|spec| spec.from.as_ref());
                    if let Some(version) = known.filter(|_| spec == Some(arn)) {
                        fingerprint.clone_from(version);
                    }
                }
            }
        }
    }

    /// The version of the origin's secret that the Edge sends, once there is one.
    fn origin_secret(&self) -> BTreeSet<String> {
        let name = self.scope.origin_secret();
        let short = name.rsplit('/').next().unwrap_or_default();
        self.secrets.version(short).map(str::to_owned).into_iter().collect()
    }

    /// The cluster that the services are in.
    fn cluster(&self, app: &App) -> Result<String> {
        Ok(target(app)?.cluster.clone().unwrap_or_else(|| self.scope.cluster()))
    }

    async fn read_ledger(&self) -> Result<LedgerRecords> {
        LedgerRecords::read(&self.clients, &self.scope, &self.ledger, self.own_bucket).await
    }

    /// `expected` are versions of Workers that a plan wants to use.
    async fn observe(
        &self,
        want: Option<&Desired>,
        expected: &[(Kind, String)],
    ) -> Result<Observed> {
        let read;
        let recorded = match &self.recorded {
            Some(recorded) => recorded,
            None => {
                read = self.read_ledger().await?;
                &read
            }
        };
        let (clients, cloudflare) = (&self.clients, self.cloudflare.as_ref());
        let look = observe::observe(clients, cloudflare, &self.scope, want, recorded);
        let mut observed = Box::pin(look).await?;
        observed.plane = self.observe_plane(want, &observed, expected).await?;
        Ok(observed)
    }

    /// The Workers, if there are or should be any.
    async fn observe_plane(
        &self,
        want: Option<&Desired>,
        observed: &Observed,
        expected: &[(Kind, String)],
    ) -> Result<Option<SeenPlane>> {
        let live = observed.current.as_ref().and_then(|current| current.plane.as_ref());
        let recorded = live.map(|live| &live.spec);
        let Some(spec) = want.and_then(|want| want.plane.as_ref()).or(recorded) else {
            return Ok(None);
        };
        let cloudflare = self.cloudflare.as_ref().ok_or_else(cloud::doctor::missing_token)?;
        let look = cloud::observe(cloudflare, &spec.account, &spec.scripts, live, expected);
        Box::pin(look).await.map(Some)
    }

    fn look(
        &self,
        plan: Plan<Op>,
        lock: BaseLock,
        desired: Option<Desired>,
        observed: Observed,
        returning: Option<Recorded>,
    ) -> Result<Look<Self>> {
        let live = observed.current.as_ref().map(|release| release.id);
        Ok(Look {
            findings: Vec::new(),
            basis: basis(desired.as_ref(), &observed)?,
            release: desired.as_ref().and_then(|want| diff::next_release(want, &observed)),
            live,
            url: desired
                .as_ref()
                .map_or_else(|| Late::Known(String::new()), |desired| desired.url.clone()),
            lock,
            ground: Ground { desired, observed, returning },
            plan,
        })
    }
}

impl Site for AwsSite {
    type Op = Op;
    type Ground = Ground;
    type Executor = AwsExecutor;
    type Secrets = Store;

    const LOCK_GOES_FIRST: bool = false;

    /// They wait for answers, mostly; the SDK slows down where AWS asks for it.
    const PARALLEL: NonZeroUsize = NonZeroUsize::new(16).unwrap();

    fn check(app: &App) -> Vec<Finding> {
        validate::app(app)
    }

    async fn secrets(app: &App) -> Result<Store> {
        let (clients, scope) = account(app).await?;
        Store::open(&clients, &scope).await
    }

    async fn purge_key(app: &App) -> Result<Option<SecretValue>> {
        let store = Self::secrets(app).await?;
        match store.version(PURGE_KEY) {
            Some(_) => store.value(PURGE_KEY).await.map(Some),
            None => Ok(None),
        }
    }

    async fn live_edge(app: &App) -> Result<Option<LiveEdge>> {
        let (clients, scope) = account(app).await?;
        // Our own bucket comes with the first deploy of an account.
        if app.ledger.is_none() && !clients.bucket(&scope).exists().await? {
            return Ok(None);
        }
        let (ledger, _) = open_ledger(app, &scope, &clients)?;
        let Some(live) = ledger.current().await? else { return Ok(None) };
        let live = observe::current_release(&live)?;
        let edge = live.plane.map(|plane| LiveEdge {
            release: live.id,
            url: plane.spec.public_url,
            policy: plane.recorded.policy,
        });
        Ok(edge)
    }

    async fn lock_of(app: &App) -> Result<Lock> {
        let (clients, scope) = account(app).await?;
        open_ledger(app, &scope, &clients).map(|(_, lock)| lock)
    }

    async fn open(app: &App) -> Result<Self> {
        let target = target(app)?;
        let clients = Clients::new(&target.region).await?;
        // Who asks is told first: without credentials, nothing else says so as well.
        let cloudflare = Cloudflare::from_environment()?;
        let (owned, given, place) = tokio::join!(
            owned(app, &clients),
            given(target, &clients),
            place(app, cloudflare.as_ref())
        );
        let Owned { scope, secrets, references, balancer_dns, bucket_is_ready } = owned?;
        let (ledger, lock) = open_ledger(app, &scope, &clients)?;
        Ok(Self {
            own_bucket: app.ledger.is_none(),
            bucket_is_ready,
            recorded: None,
            artifacts: StateDir::artifact_cache()?,
            cloudflare,
            place: place?,
            ledger,
            lock,
            lock_removed: CancellationToken::new(),
            scope,
            clients,
            secrets,
            references,
            given,
            balancer_dns,
        })
    }

    fn findings(&self, app: &App) -> Vec<Finding> {
        let mut findings = validate::account(app, &self.scope);
        if let Ok(given) = &self.given {
            findings.extend(validate::cluster(app, given.has_cluster));
            findings.extend(validate::network(app, &given.network, given.balancer.as_ref()));
        }
        findings
    }

    fn offline(app: &App) -> Result<Plan<Op>> {
        let lock = BaseLock::read(&app.root)?;
        let network = offline::unknown_network(target(app)?);
        let desired = Desired::new(
            app,
            &Inputs {
                scope: offline::offline_scope(app)?,
                network: &network,
                image: image(app, &images::identity(app, &lock)?),
                secret: &|_| None,
                // Whether the variable is set is for the deploy to find out.
                caller: &|_| Some(String::new()),
                origin_secret_versions: Default::default(),
                balancer: None,
                balancer_dns: None,
                place: super::offline_place(app),
            },
        )?;
        let mut plan = diff::plan(&desired, &Observed::default(), Purpose::Deploy)?;
        plan.policy = super::policy_of_deploy(app, None, None)?;
        Ok(plan)
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A lock in our bucket is a file of the ledger: where that is gone, it would be all there is.
    async fn exists(&self) -> Result<bool> {
        if !self.own_bucket {
            return Ok(true);
        }
        let bucket = self.clients.bucket(&self.scope);
        Ok(bucket.exists().await?
            && bucket.has(&format!("{}/", self.scope.ledger_prefix())).await?)
    }

    async fn lock(&mut self, command: &str, wait: Option<Duration>) -> Result<Guard> {
        if self.own_bucket && !self.bucket_is_ready {
            self.clients.bucket(&self.scope).ensure(&bucket_tags()).await?;
        }
        let guard =
            self.lock.acquire(Claim::of_this_process(command, Timestamp::now()), wait).await?;
        self.lock_removed = guard.removed();
        // What was read before the lock was ours may have changed since.
        match tokio::try_join!(Store::open(&self.clients, &self.scope), self.read_ledger()) {
            Ok((secrets, recorded)) => {
                (self.secrets, self.recorded) = (secrets, Some(recorded));
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
        let asked = |spec: &SecretSpec| !spec.generate && spec.from.is_none();
        let missing = app
            .secrets
            .iter()
            .filter(|(name, spec)| asked(spec) && self.secrets.version(name).is_none());
        missing.map(|(name, _)| MissingSecret { name, generate: false }).collect()
    }

    async fn store_secrets(&mut self, values: Vec<SecretInput>) -> Result<()> {
        for value in values {
            match value {
                SecretInput::Generate(name) => self.secrets.generate(&name).await?,
                SecretInput::Value(name, value) => self.secrets.set(&name, value).await?,
            }
        }
        Ok(())
    }

    async fn look(&self, app: &App) -> Result<Look<Self>> {
        let lock = base_lock(app).await?;
        let identity = images::identity(app, &lock)?;
        let desired = self.desired(app, image(app, &identity))?;
        let mut observed = self.observe(Some(&desired), &[]).await?;
        let mut policy = None;
        (observed.artifacts_cached, observed.foreseen) = match &desired.plane {
            Some(plane) => {
                let artifacts = artifacts(app, &identity, &self.artifacts).await;
                policy = super::policy_of_deploy(app, artifacts.as_ref(), live_policy(&observed))?;
                foreseen(plane, artifacts.as_ref())?
            }
            None => (true, Foreseen::default()),
        };
        let mut plan = diff::plan(&desired, &observed, Purpose::Deploy)?;
        plan.policy = policy;
        if let Identity::AfterPinning { unpinned } = &identity {
            plan.notes.push(Note::Info(format!(
                "base images will be pinned in mizan.lock: {}",
                unpinned.join(", ")
            )));
        }
        self.look(plan, lock, Some(desired), observed, None)
    }

    async fn look_back(&self, app: &App, to: &Release) -> Result<Look<Self>> {
        let to = observe::current_release(to)?;
        let mut desired = to.desired.clone();
        for service in desired.services.values_mut() {
            self.refresh(app, &mut service.task);
        }
        let recorded = to.plane.as_ref().map(|plane| plane.recorded.clone());
        let expected = recorded.as_ref().map(Recorded::versions).unwrap_or_default();
        let observed = self.observe(Some(&desired), &expected).await?;
        let mut plan = diff::plan(&desired, &observed, Purpose::Rollback(&to))?;
        let policy = recorded.as_ref().and_then(|recorded| recorded.policy.as_ref());
        plan.policy = super::policy_of_return(policy, live_policy(&observed));
        self.look(plan, BaseLock::default(), Some(desired), observed, recorded)
    }

    async fn look_down(&self, teardown: Teardown) -> Result<Look<Self>> {
        let observed = self.observe(None, &[]).await?;
        let teardown = diff::Teardown { secrets: teardown.data, shared: teardown.shared };
        let plan = diff::plan_teardown(&self.scope, &observed, teardown)?;
        self.look(plan, BaseLock::default(), None, observed, None)
    }

    fn into_executor(self, ground: Ground, source: Option<Source>) -> AwsExecutor {
        AwsExecutor {
            clients: self.clients,
            scope: self.scope,
            desired: ground.desired,
            observed: ground.observed,
            ledger: self.ledger,
            lock_removed: self.lock_removed,
            source,
            artifacts: self.artifacts,
            clock: Box::new(SystemClock::default()),
            cloudflare: self.cloudflare,
            registering: Default::default(),
            returning: ground.returning,
        }
    }

    async fn status(&self, app: &App) -> Result<Status> {
        let live = self.ledger.current().await?;
        let recorded = live.as_ref().map(observe::current_release).transpose()?;
        let found = observe::status(&self.clients, &self.scope, &self.cluster(app)?).await?;
        let mut services: Vec<_> =
            found.services.iter().flat_map(|(name, seen)| status::rows(name, seen)).collect();
        let wanted = recorded.iter().flat_map(|release| release.desired.services.keys());
        services.extend(super::missing(wanted, &services));
        Ok(Status {
            app: app.name.to_string(),
            environment: app.env.to_string(),
            release: recorded.as_ref().map(|release| release.id.to_string()),
            url: match recorded.map(|release| release.desired.url) {
                Some(Late::Known(url)) => Some(url),
                _ => None,
            },
            front: status::front(&found.targets),
            services,
        })
    }

    async fn url(&self, live: &Release) -> Result<String> {
        match observe::current_release(live)?.desired.url {
            Late::Known(url) => Ok(url),
            // A record is written when everything is known.
            Late::After(step) => Err(Error::failed(format!("{step} did not tell the URL"))),
        }
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
            (0, _) => {}
            (named, all) if named == all => {
                let cloudflare = self.cloudflare.as_ref();
                let cloudflare = cloudflare.ok_or_else(cloud::doctor::missing_token)?;
                let place = self.place.as_ref();
                let place = place.ok_or_else(|| Error::failed("the edge is off"))?;
                let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
                return cloud::follow_logs(cloudflare, &place.account, &scripts, request, show)
                    .await;
            }
            _ => {
                let message = "logs of Workers and of services come from two clouds";
                return Err(Error::new(ErrorKind::Usage, message)
                    .hint("follow them in two terminals: mizan logs -f web, mizan logs -f edge"));
            }
        }
        let cluster = self.cluster(app)?;
        aws::follow_logs(&self.clients, &self.scope, &cluster, request, show).await
    }

    async fn run_one_off(self, live: Release, command: &[String]) -> Result<u8> {
        let desired = observe::current_release(&live)?.desired;
        let observed = self.observe(Some(&desired), &[]).await?;
        let ground = Ground { desired: Some(desired), observed, returning: None };
        self.into_executor(ground, None).run_one_off(&live, command).await
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

/// What can be read as soon as the account is known.
struct Owned {
    scope: Scope,
    secrets: Store,
    references: Result<References>,
    balancer_dns: Option<String>,
    bucket_is_ready: bool,
}

async fn owned(app: &App, clients: &Clients) -> Result<Owned> {
    let region = &target(app)?.region;
    let scope = observe::identity(clients, &app.name, &app.env, region).await?;
    let bucket = clients.bucket(&scope);
    let ready = async {
        // Where it is not there, or may not be read, whoever needs it learns why.
        Ok(app.ledger.is_none() && bucket.is_ours().await.unwrap_or(false))
    };
    let ((secrets, references), balancer_dns, bucket_is_ready) = tokio::try_join!(
        open_secrets(app, clients, &scope),
        observe::balancer_dns(clients, &scope),
        ready,
    )?;
    Ok(Owned { scope, secrets, references, balancer_dns, bucket_is_ready })
}

/// Where the Workers are, if the edge is on.
async fn place(app: &App, cloudflare: Option<&Cloudflare>) -> Result<Option<Place>> {
    if app.edge.is_none() || app.schema == SchemaSource::None {
        return Ok(None);
    }
    let cloudflare = cloudflare.ok_or_else(cloud::doctor::missing_token)?;
    let scripts = Scripts { app: app.name.clone(), env: app.env.clone() };
    cloud::place(cloudflare, &scripts, app.domain.as_deref(), None).await.map(Some)
}

async fn given(target: &AwsTarget, clients: &Clients) -> Result<Given> {
    let (network, balancer, has_cluster) = tokio::try_join!(
        observe::network(clients, target),
        given_balancer(clients, target),
        has_cluster(clients, target),
    )?;
    Ok(Given { network, balancer, has_cluster })
}

/// The clients of the environment's region, and whose they are.
async fn account(app: &App) -> Result<(Clients, Scope)> {
    let region = &target(app)?.region;
    let clients = Clients::new(region).await?;
    let scope = observe::identity(&clients, &app.name, &app.env, region).await?;
    Ok((clients, scope))
}

/// Our secrets, and the versions of those that somebody else keeps.
async fn open_secrets(
    app: &App,
    clients: &Clients,
    scope: &Scope,
) -> Result<(Store, Result<References>)> {
    let store = Store::open(clients, scope).await?;
    let given = app.secrets.iter().filter_map(|(name, spec)| Some((name, spec.from.as_ref()?)));
    let versions = given
        .map(async |(name, arn)| Ok::<_, Error>((name.clone(), store.check_reference(arn).await?)));
    let references = try_join_all(versions).await.map(|found| found.into_iter().collect());
    Ok((store, references))
}

fn target(app: &App) -> Result<&AwsTarget> {
    match &app.target {
        Target::Aws(target) => Ok(target),
        Target::Local { .. } | Target::Azure { .. } | Target::Origin { .. } => {
            Err(super::unsupported(app))
        }
    }
}

async fn given_balancer(clients: &Clients, target: &AwsTarget) -> Result<Option<GivenBalancer>> {
    match &target.load_balancer {
        Some(arn) => observe::given_balancer(clients, arn).await.map(Some),
        None => Ok(None),
    }
}

/// Whether the cluster that is named is there; one of our own is made.
async fn has_cluster(clients: &Clients, target: &AwsTarget) -> Result<bool> {
    match &target.cluster {
        Some(name) => observe::has_cluster(clients, name).await,
        None => Ok(true),
    }
}

/// The ledger and its lock: in our bucket, or where `ledger:` says.
fn open_ledger(app: &App, scope: &Scope, clients: &Clients) -> Result<(Ledger, Lock)> {
    let place = match &app.ledger {
        Some(url) => ledger::place(app, url)?,
        None => records::Place::Bucket { bucket: scope.bucket(), prefix: String::new() }
            .of(&app.name, &app.env),
    };
    match place {
        records::Place::Bucket { bucket, prefix } => {
            ledger::in_bucket(app, (bucket, prefix), &scope.region, clients)
        }
        records::Place::Container { account, container, prefix } => {
            ledger::in_container(app, (account, container, prefix), &clients.http)
        }
        records::Place::Folder(folder) => ledger::in_folder(app, &folder),
    }
}

/// Marks the bucket of the ledgers as made by this tool, for no environment in particular.
fn bucket_tags() -> BTreeMap<String, String> {
    BTreeMap::from([("mizan:shared".to_owned(), "ledger".to_owned())])
}

/// Whether what the Workers need is there, and what can be said of them then.
fn foreseen(plane: &CloudSpec, artifacts: Option<&Artifacts>) -> Result<(bool, Foreseen)> {
    match artifacts {
        Some(artifacts) => Ok((true, cloud::foresee(plane, artifacts)?)),
        None => Ok((false, Foreseen::default())),
    }
}

/// What the Edge of the live release does, as it was recorded.
fn live_policy(observed: &Observed) -> Option<(ReleaseId, &PolicyFacts)> {
    let live = observed.current.as_ref()?;
    Some((live.id, live.plane.as_ref()?.recorded.policy.as_ref()?))
}
