//! The local target: containers of the Docker engine, the supervisor and its Workers, and files.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptionsBuilder, ListImagesOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use mizan::{
    docker::{self, Docker},
    workers::local::{Control, Source, Status},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{App, Fact, Platform, World, platform::Machine};
use crate::support::{Sandbox, get};

/// An environment of this machine.
pub struct Local {
    sandbox: Sandbox,
}

impl Default for Local {
    fn default() -> Self {
        Self { sandbox: Sandbox::new("conformance-app") }
    }
}

impl Platform for Local {
    const NAME: &'static str = "local";
    const STAGES: &'static [&'static str] = &["service/web", "edge/", "traffic/"];
    const KEPT: Option<&'static str> = Some("volume ");
    const FOREIGN: (i32, &'static str) = (70, "was not created by mizan");

    fn write(&self, app: &App) {
        let root = self.sandbox.app();
        let fixture =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conformance-app"));
        let original = |name| fs::read_to_string(fixture.join(name)).expect("the fixture");
        let mut config = original("mizan.yaml");
        let name = format!("app: {}", self.sandbox.name());
        let target = format!("{{target: local, local: {{port: {}}}}}", self.sandbox.port());
        let own = [("app: conformance", name.as_str()), ("{target: local}", target.as_str())];
        for (from, to) in own.iter().chain(&app.edits) {
            assert!(config.contains(from), "{from:?} is not in mizan.yaml");
            config = config.replace(from, to);
        }
        let state = serde_json::json!({"version": app.version, "fault": app.fault}).to_string();
        // A new version has a new bundle, so that its Render is new too.
        let mut bundle = format!("// version {}\n{}", app.version, original("bundle.js"));
        if app.fault == "clock" {
            bundle = bundle.replace("</main>", "</main><time>${Date.now()}</time>");
        }
        let dockerfile = app.dockerfile(&original("Dockerfile"));
        for (name, text) in [
            ("mizan.yaml", config),
            ("app.json", state),
            ("bundle.js", bundle),
            ("Dockerfile", dockerfile),
        ] {
            fs::write(root.join(name), text).expect("a file of the app");
        }
    }

    fn mizan(&self, arguments: &[&str]) -> Command {
        self.sandbox.mizan(arguments)
    }

    fn world(&self) -> World {
        block_on(async {
            let docker = docker::connect().await.expect("the engine");
            let status = self.status().await;
            let mut look = Look {
                sandbox: &self.sandbox,
                docker,
                images: self.images(),
                facts: Vec::new(),
                services: Vec::new(),
            };
            look.containers().await;
            look.surroundings().await;
            look.images().await;
            look.front(status.as_ref());
            look.files();
            let mut services = std::mem::take(&mut look.services);
            services.sort();
            let active = status.and_then(|status| status.active);
            let live = active.and_then(|id| id.trim_start_matches('r').parse().ok());
            World { facts: look.facts, live, services }
        })
    }

    fn serving(&self) -> Result<String, String> {
        let status = block_on(self.status()).ok_or("there is no front")?;
        let name = self.sandbox.name();
        let url = format!("http://{name}.localhost:{}", status.settings.port);
        let version = get(&url, "/version")?;
        // The page goes through Edge, Render and cache; what it shows is of the same release.
        let page = get(&url, "/")?;
        match page.contains(&format!("<main>{version}</main>")) {
            true => Ok(version),
            false => Err(format!("{version} answers, but its page is\n{page}")),
        }
    }

    fn squat(&self) -> String {
        let name = format!("{}-worker-r1", self.prefix());
        self.docker(&["create", "--name", &name, "debian:bookworm-slim", "true"]);
        name
    }

    fn unsquat(&self, what: &str) -> bool {
        self.docker(&["rm", what]).status.success()
    }
}

impl Machine for Local {
    fn cut_off(&self) {
        let web = self.container_of("web");
        self.docker(&["network", "disconnect", "--force", &self.prefix(), &web]);
    }

    fn freeze(&self) {
        self.docker(&["pause", &self.container_of("web")]);
    }

    fn kill_front(&self) {
        let status = block_on(self.status()).expect("a front");
        let pid = i32::try_from(status.pid).ok().and_then(Pid::from_raw).expect("its process");
        kill_process(pid, Signal::KILL).expect("the signal is sent");
        // Its sockets close when it is gone; until then it would seem to answer.
        while self.sandbox.processes().iter().any(|(other, _)| *other == pid.as_raw_pid()) {
            std::thread::yield_now();
        }
    }
}

impl Local {
    async fn status(&self) -> Option<Status> {
        let folder = supervisor(&self.sandbox.data())?;
        Control::at(&folder).expect("its folder").status().await.expect("its answer")
    }

    /// The images of recorded releases: reference and id, to the release's name.
    fn images(&self) -> BTreeMap<String, String> {
        let mut names = BTreeMap::new();
        for folder in folders(&self.sandbox.data()) {
            for record in folders(&folder.join("ledger/releases")) {
                let text = fs::read_to_string(record).expect("a record");
                let record: Value = serde_json::from_str(&text).expect("JSON");
                let name = format!("image-of-r{}", record["id"]);
                names.insert(text_of(&record["image"]["reference"]), name.clone());
                names.insert(text_of(&record["image"]["id"]), name);
            }
        }
        names
    }
}

/// Collects facts.
struct Look<'a> {
    sandbox: &'a Sandbox,
    docker: Docker,
    images: BTreeMap<String, String>,
    facts: Vec<Fact>,
    services: Vec<String>,
}

impl Look<'_> {
    fn add(&mut self, what: String, which: String) {
        self.facts.push(Fact { what, which, cached: false });
    }

    fn add_cached(&mut self, what: String, which: String) {
        self.facts.push(Fact { what, which, cached: true });
    }

    fn filters(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("mizan.app={}", self.sandbox.name())])])
    }

    /// An image as its release calls it; one that no release has keeps its own name.
    fn image(&self, name: &str) -> String {
        self.images.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    async fn containers(&mut self) {
        let all =
            ListContainersOptionsBuilder::default().all(true).filters(&self.filters()).build();
        for found in self.docker.list_containers(Some(all)).await.expect("the containers") {
            let id = found.id.expect("an id");
            let seen = self.docker.inspect_container(&id, None::<InspectContainerOptions>).await;
            // A build's own containers come and go.
            let Ok(seen) = seen else { continue };
            let config = seen.config.unwrap_or_default();
            let state = seen.state.and_then(|state| state.status).map(|status| status.to_string());
            let host = seen.host_config.unwrap_or_default();
            let bindings = host.port_bindings.into_iter().flatten().flat_map(|(_, ports)| ports);
            let ports: Vec<_> = bindings.flatten().filter_map(|port| port.host_port).collect();
            let networks = seen.network_settings.and_then(|settings| settings.networks);
            let networks: Vec<_> = networks.into_iter().flatten().map(|(name, _)| name).collect();
            let mounts = seen.mounts.into_iter().flatten();
            let mounts: Vec<_> =
                mounts.map(|mount| (mount.name, mount.destination.unwrap_or_default())).collect();
            let labels: BTreeMap<_, _> = config.labels.into_iter().flatten().collect();
            let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
            let image = config.image.unwrap_or_default();
            let what = format!(
                "container {}: {} {} {}, {}, {} on {networks:?} with {mounts:?}, {}",
                seen.name.unwrap_or_default().trim_start_matches('/'),
                label("mizan.role"),
                label("mizan.service"),
                label("mizan.release"),
                state.unwrap_or_default(),
                self.image(&image),
                without_fingerprints(&label("mizan.spec").replace(&image, &self.image(&image))),
            );
            self.add(what, format!("{id} {ports:?}"));
            self.services.push(label("mizan.service"));
        }
    }

    async fn surroundings(&mut self) {
        let networks = ListNetworksOptionsBuilder::default().filters(&self.filters()).build();
        for found in self.docker.list_networks(Some(networks)).await.expect("the networks") {
            let what = format!("network {}", found.name.unwrap_or_default());
            self.add(what, found.id.unwrap_or_default());
        }
        let volumes = ListVolumesOptionsBuilder::default().filters(&self.filters()).build();
        let found = self.docker.list_volumes(Some(volumes)).await.expect("the volumes");
        for volume in found.volumes.unwrap_or_default() {
            self.add(format!("volume {}", volume.name), format!("{:?}", volume.created_at));
        }
    }

    async fn images(&mut self) {
        let all = ListImagesOptionsBuilder::default().filters(&self.filters()).build();
        for found in self.docker.list_images(Some(all)).await.expect("the images") {
            let names: Vec<String> = match found.repo_tags.is_empty() {
                true => vec!["without a name".to_owned()],
                false => found.repo_tags.iter().map(|tag| self.image(tag)).collect(),
            };
            self.add_cached(format!("image {names:?}"), found.id);
        }
    }

    fn front(&mut self, status: Option<&Status>) {
        if let Some(status) = status {
            self.add(
                format!("front: {:?} is live, for {:?}", status.active, status.settings),
                status.pid.to_string(),
            );
            if let Some(hub) = &status.hub {
                self.add(format!("hub {:?}", hub.state), format!("{:?}", hub.pid));
            }
            for known in &status.generations {
                let process = known.process.as_ref();
                let source = match &known.source {
                    Source::Workers { dir } => dir.file_name().map(|name| format!("{name:?}")),
                    Source::Direct { origin } => Some(origin.clone()),
                };
                let state = process.map(|process| process.state);
                self.add(
                    format!("generation {}: {source:?}, {state:?}", known.id),
                    format!("{:?}", process.and_then(|process| process.pid)),
                );
            }
        }
        for (pid, command) in self.sandbox.processes() {
            let program = command.split_whitespace().next().unwrap_or_default();
            let program = Path::new(program).file_name().map(|name| name.to_string_lossy());
            self.add(format!("process {}", program.unwrap_or_default()), pid.to_string());
        }
    }

    fn files(&mut self) {
        for folder in folders(&self.sandbox.data()) {
            // The supervisor tells about its own; and the folder of the secrets stays, as they do.
            let is_supervisor = is_supervisor(&folder);
            self.add(format!("folder {}", name_of(&folder)), String::new());
            if is_supervisor {
                continue;
            }
            for place in ["ledger/releases", "generations"] {
                for found in folders(&folder.join(place)) {
                    self.add(format!("{place}/{}", name_of(&found)), String::new());
                }
            }
            let current = fs::read_to_string(folder.join("ledger/current.json"));
            if let Ok(current) = current {
                let current: Value = serde_json::from_str(&current).expect("JSON");
                self.add(format!("current is r{}", current["release"]), String::new());
            }
        }
        for folder in folders(&self.sandbox.cache().join("artifacts")) {
            let name = name_of(&folder);
            let of = self.images.iter().find(|(id, _)| {
                let id = id.strip_prefix("sha256:").unwrap_or_default();
                id.get(..24).is_some_and(|id| name.starts_with(id))
            });
            let of = of.map_or(name.clone(), |(_, release)| release.clone());
            self.add_cached(format!("artifacts {of}"), name);
        }
    }
}

fn supervisor(data: &Path) -> Option<PathBuf> {
    folders(data).into_iter().find(|folder| is_supervisor(folder))
}

fn is_supervisor(folder: &Path) -> bool {
    name_of(folder).starts_with("plane-")
}

/// What lies in a folder; nothing if it is not there.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A specification without what the values of generated secrets look like.
fn without_fingerprints(spec: &str) -> String {
    let hash = regex::Regex::new(r#""fingerprint":"[0-9a-f]+""#).expect("an expression");
    hash.replace_all(spec, r#""fingerprint":"…""#).into_owned()
}

/// A JSON value as it is written, without quotes.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

impl Local {
    fn prefix(&self) -> String {
        format!("mizan-{}-local", self.sandbox.name())
    }

    /// The running container of a service.
    fn container_of(&self, service: &str) -> String {
        let name = format!("name=^{}-{service}-r", self.prefix());
        let found = self.docker(&["ps", "--format", "{{.Names}}", "--filter", &name]);
        String::from_utf8(found.stdout).expect("a name").trim().to_owned()
    }

    /// The engine's own client: what somebody does behind our back.
    fn docker(&self, arguments: &[&str]) -> std::process::Output {
        Command::new("docker").args(arguments).output().expect("docker runs")
    }
}
