//! Looks at the engine: what of this environment exists, and in which state. Reads only.

use std::collections::{BTreeSet, HashMap};

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{ContainerInspectResponse, ContainerState, ContainerSummary},
    query_parameters::{
        InspectContainerOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder,
        ListVolumesOptionsBuilder,
    },
};
use futures_util::future::try_join_all;
use serde::Serialize;

use super::{
    desired::{PlaneSpec, ServiceSpec},
    names::{Labels, Scope},
};
use crate::{
    docker::is_missing,
    error::{Context, Error, ErrorKind, Result},
    images,
    model::ReleaseId,
};

/// What the local target looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The image that is wanted exists.
    pub image_exists: bool,
    /// Any image of this app exists.
    pub any_image: bool,
    /// Bundle, assets and schema of the wanted image are in the cache.
    pub artifacts_cached: bool,
    /// The network exists.
    pub network: bool,
    /// Another one of its name exists, which a killed run had asked for.
    pub spare_network: bool,
    /// The volumes that exist, by their names on the engine.
    pub volumes: BTreeSet<String>,
    /// The containers that exist, by name.
    pub containers: Vec<SeenContainer>,
    /// The front, if it runs.
    pub front: Option<SeenFront>,
    /// The release that a front which does not run will serve when it is started.
    pub remembered: Option<ReleaseId>,
    /// Edge and Render of the live release.
    pub live_plane: Option<PlaneSpec>,
    /// The release the ledger names as current.
    pub current: Option<ReleaseId>,
    /// The releases the ledger knows, newest first.
    pub releases: Vec<ReleaseId>,
    /// The state folder exists. Containers without one were left by a lost ledger.
    pub state_exists: bool,
}

/// A container of this environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenContainer {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: ContainerRole,
    /// The service's name in `mizan.yaml`.
    pub service: String,
    /// The release it belongs to; accessories have none.
    pub release: Option<ReleaseId>,
    /// What it was made from, with what has changed since.
    pub spec: Option<Box<ServiceSpec>>,
    /// True while it runs.
    pub running: bool,
    /// Its state in the engine's words.
    pub state: String,
    /// How often the engine had to start it again.
    pub restarts: u64,
    /// The port it is published on, on 127.0.0.1.
    pub host_port: Option<u16>,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerRole {
    /// A service of a release.
    Service,
    /// An accessory.
    Accessory,
    /// The release step.
    ReleaseStep,
    /// `mizan run`.
    OneOff,
    /// Something is being taken out of an image.
    Artifacts,
}

impl ContainerRole {
    /// The value of the role label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Accessory => "accessory",
            Self::ReleaseStep => "release",
            Self::OneOff => "run",
            Self::Artifacts => "artifacts",
        }
    }

    fn from_label(label: &str) -> Option<Self> {
        [Self::Service, Self::Accessory, Self::ReleaseStep, Self::OneOff, Self::Artifacts]
            .into_iter()
            .find(|role| role.label() == label)
    }
}

/// The front, as its supervisor tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenFront {
    /// The port it listens on.
    pub port: u16,
    /// The host names it answers to.
    pub hosts: Vec<String>,
    /// It can run Workers.
    pub workers: bool,
    /// The version of the tool it belongs to.
    pub version: String,
    /// The release that takes the traffic.
    pub active: Option<ReleaseId>,
    /// The releases whose Workers run (without an Edge: whose address it knows).
    pub prepared: Vec<ReleaseId>,
    /// The published port that release's origin was at when it was activated.
    pub origin_port: Option<u16>,
}

impl Observed {
    /// What was seen, but for what depends on the source that was looked for.
    #[must_use]
    pub fn without_source(&self) -> Self {
        Self { image_exists: false, artifacts_cached: false, ..self.clone() }
    }

    /// The release that takes the traffic: what the front says, else what the ledger says, else
    /// (the ledger is lost) what the labels of the containers say.
    pub fn live(&self) -> Option<ReleaseId> {
        self.served().or(self.current).or_else(|| self.live_by_labels())
    }

    /// The release that the front serves, or will serve as soon as it runs.
    pub fn served(&self) -> Option<ReleaseId> {
        match &self.front {
            Some(front) => front.active,
            None => self.remembered,
        }
    }

    fn live_by_labels(&self) -> Option<ReleaseId> {
        let services = self.containers.iter().filter(|seen| seen.role == ContainerRole::Service);
        services.filter_map(|seen| seen.release).max().filter(|_| !self.state_exists)
    }

    /// The id of the next release.
    pub fn next_release(&self) -> ReleaseId {
        let known = self.releases.iter().copied().chain(self.live()).max();
        known.map_or(ReleaseId(1), |last| ReleaseId(last.0 + 1))
    }

    /// True if the ledger knows this release.
    pub fn has_record(&self, release: ReleaseId) -> bool {
        self.releases.contains(&release)
    }

    /// The accessory of this name.
    pub fn accessory(&self, name: &str) -> Option<&SeenContainer> {
        let mut containers = self.containers.iter();
        containers.find(|seen| seen.role == ContainerRole::Accessory && seen.service == name)
    }
}

impl SeenContainer {
    /// True if it runs and is what `spec` asks for.
    pub fn is_like(&self, spec: &ServiceSpec) -> bool {
        self.running && self.spec.as_deref() == Some(spec)
    }
}

/// What the engine holds of this environment.
///
/// # Errors
/// The engine does not answer, or something that has our name belongs to another checkout.
pub async fn observe(docker: &Docker, scope: &Scope) -> Result<Observed> {
    let name = scope.prefix();
    let (containers, networks, volumes, any_image) = tokio::try_join!(
        containers(docker, scope),
        networks(docker, scope, &name),
        volumes(docker, scope),
        any_image(docker, scope),
    )?;
    Ok(Observed {
        network: !networks.is_empty(),
        spare_network: networks.len() > 1,
        containers,
        volumes,
        any_image,
        ..Observed::default()
    })
}

fn filters(scope: &Scope) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), scope.label_filters())])
}

pub(super) async fn containers(docker: &Docker, scope: &Scope) -> Result<Vec<SeenContainer>> {
    let options =
        ListContainersOptionsBuilder::default().all(true).filters(&filters(scope)).build();
    let list = docker
        .list_containers(Some(options))
        .await
        .context(ErrorKind::Unavailable, || "cannot list the engine's containers".into())?;
    let seen = list.into_iter().map(|summary| container(docker, scope, summary));
    let mut seen: Vec<SeenContainer> = try_join_all(seen).await?.into_iter().flatten().collect();
    seen.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seen)
}

/// One container, or `None` if it went away between the list and the look.
async fn container(
    docker: &Docker,
    scope: &Scope,
    summary: ContainerSummary,
) -> Result<Option<SeenContainer>> {
    let labels = summary.labels.unwrap_or_default();
    let id = summary.id.unwrap_or_default();
    let inspected = match docker.inspect_container(&id, None::<InspectContainerOptions>).await {
        Ok(inspected) => inspected,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("cannot inspect container {id}"),
            )
            .because(&error));
        }
    };
    let name = inspected.name.clone().unwrap_or_default().trim_start_matches('/').to_owned();
    require_own_checkout(scope, &labels, &format!("container {name}"))?;
    let label = |key: &str| labels.get(key).map(String::as_str);
    let Some(role) = label(Labels::ROLE).and_then(ContainerRole::from_label) else {
        return Ok(None);
    };
    let state = inspected.state.clone().unwrap_or_default();
    Ok(Some(SeenContainer {
        role,
        service: label(Labels::SERVICE).unwrap_or_default().to_owned(),
        release: label(Labels::RELEASE).and_then(|text| text.parse().ok()),
        spec: label(Labels::SPEC).and_then(|json| current_spec(json, &inspected)),
        running: is_running(&state) && is_connected(scope, &inspected),
        state: match is_running(&state) && !is_connected(scope, &inspected) {
            true => format!("not connected to {}", scope.prefix()),
            false => state.status.map(|status| status.to_string()).unwrap_or_default(),
        },
        restarts: inspected.restart_count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        host_port: host_port(&inspected),
        name,
    }))
}

/// What the container was made from, with the limits it has now: `docker update` is drift.
fn current_spec(json: &str, inspected: &ContainerInspectResponse) -> Option<Box<ServiceSpec>> {
    let mut spec: ServiceSpec = serde_json::from_str(json).ok()?;
    let host = inspected.host_config.as_ref()?;
    let positive =
        |value: Option<i64>| value.and_then(|v| u64::try_from(v).ok()).filter(|v| *v > 0);
    spec.memory = positive(host.memory);
    spec.cpu = positive(host.nano_cpus).and_then(|nano| u32::try_from(nano / 1_000_000).ok());
    Some(Box::new(spec))
}

/// A container that is paused or between two starts serves nobody.
fn is_running(state: &ContainerState) -> bool {
    let is = |flag: Option<bool>| flag.unwrap_or(false);
    is(state.running) && !is(state.restarting) && !is(state.paused)
}

/// A container without our network reaches no other, and its published port leads nowhere.
fn is_connected(scope: &Scope, inspected: &ContainerInspectResponse) -> bool {
    let networks = inspected.network_settings.as_ref().and_then(|all| all.networks.as_ref());
    networks.is_some_and(|networks| networks.contains_key(&scope.prefix()))
}

fn host_port(inspected: &ContainerInspectResponse) -> Option<u16> {
    let bindings = inspected.host_config.as_ref()?.port_bindings.as_ref()?;
    let binding = bindings.values().flatten().flatten().next()?;
    binding.host_port.as_ref()?.parse().ok()
}

/// The ids of the networks of this name, the oldest first. The engine allows several: one that a
/// killed run had asked for may come after the next run has looked.
pub(super) async fn networks(docker: &Docker, scope: &Scope, name: &str) -> Result<Vec<String>> {
    let filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let answer = docker
        .list_networks(Some(options))
        .await
        .context(ErrorKind::Unavailable, || "cannot list the engine's networks".into())?;
    let mut found = Vec::new();
    // The filter also finds names that only contain this one.
    for network in answer.into_iter().filter(|network| network.name.as_deref() == Some(name)) {
        let labels = network.labels.unwrap_or_default();
        require_own_checkout(scope, &labels, &format!("network {name}"))?;
        found.push((network.created, network.id.unwrap_or_default()));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

async fn volumes(docker: &Docker, scope: &Scope) -> Result<BTreeSet<String>> {
    let options = ListVolumesOptionsBuilder::default().filters(&filters(scope)).build();
    let answer = docker
        .list_volumes(Some(options))
        .await
        .context(ErrorKind::Unavailable, || "cannot list the engine's volumes".into())?;
    let mut names = BTreeSet::new();
    for volume in answer.volumes.unwrap_or_default() {
        require_own_checkout(scope, &volume.labels, &format!("volume {}", volume.name))?;
        names.insert(volume.name);
    }
    Ok(names)
}

async fn any_image(docker: &Docker, scope: &Scope) -> Result<bool> {
    Ok(!images::of_app(docker, &scope.app).await?.is_empty())
}

/// True if the labels say that it belongs to this checkout.
pub fn is_own(scope: &Scope, labels: &HashMap<String, String>) -> bool {
    labels.get(Labels::CHECKOUT) == Some(&scope.checkout)
}

/// Refuses what has our name but not our mark, or another checkout's.
///
/// # Errors
/// It belongs to nobody we know, or to the same app in another folder.
pub fn require_own_checkout(
    scope: &Scope,
    labels: &HashMap<String, String>,
    what: &str,
) -> Result<()> {
    match labels.get(Labels::CHECKOUT) {
        Some(checkout) if *checkout == scope.checkout => Ok(()),
        Some(checkout) => {
            Err(Error::failed(format!("{what} belongs to the checkout in {checkout}"))
                .cause(format!("this checkout is {}", scope.checkout))
                .hint(format!("run `mizan destroy -e {}` there first", scope.env))
                .hint("or deploy this checkout as another environment (-e)"))
        }
        None => Err(Error::failed(format!("{what} exists and was not created by mizan"))
            .hint("remove or rename it, or give the app or the environment another name")),
    }
}

/// True if the engine says that it conflicts with what exists.
pub fn is_conflict(error: &DockerError) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code: 409, .. })
}
