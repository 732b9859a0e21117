//! The prepared generations: starts them, makes one of them live, retires them, remembers them.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use hyper::{Uri, http::uri::Authority};
use serde::{Deserialize, Serialize};

use super::{
    child::{Launch, Probe, SOCKET_FD},
    front::{Address, Front, Upstream},
    hub::Hub,
    layout::Layout,
    log_file::{self, LogFile},
    orphans::Registry,
    protocol::{GenerationStatus, Source},
    worker::Worker,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    workers::{
        files,
        generation::{self, Manifest},
        purge::PURGE_KEY,
    },
};

const START_LIMIT: Duration = Duration::from_secs(20);
const LOG_TAIL: usize = 20;
const ID_MAX: usize = 64;

/// Everything that can take traffic.
#[derive(Debug)]
pub(super) struct Generations {
    layout: Layout,
    workerd: Option<PathBuf>,
    signing_key: String,
    registry: Arc<Registry>,
    pub(super) hub: Hub,
    front: Arc<Front>,
    table: Mutex<Table>,
    /// Held while a generation is looked for and started: of two that ask, one starts it.
    starting: tokio::sync::Mutex<()>,
    sockets: AtomicU32,
}

#[derive(Debug, Default)]
struct Table {
    active: Option<String>,
    generations: BTreeMap<String, Arc<Generation>>,
}

#[derive(Debug)]
struct Generation {
    source: Source,
    /// What the folder said when the generation was started.
    manifest: Option<Manifest>,
    upstream: Arc<Upstream>,
    worker: Option<Worker>,
    socket: Option<PathBuf>,
}

/// What a restarted supervisor needs to know.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub active: Option<String>,
    generations: BTreeMap<String, Source>,
}

impl State {
    pub(super) fn read(layout: &Layout) -> Result<Self> {
        Ok(files::read_json(&layout.state())?.unwrap_or_default())
    }
}

impl Generations {
    pub(super) fn new(
        layout: Layout,
        workerd: Option<PathBuf>,
        registry: Arc<Registry>,
        front: Arc<Front>,
    ) -> Result<Self> {
        Ok(Self {
            signing_key: signing_key(&layout.signing_key())?,
            hub: Hub::new(layout.clone(), workerd.clone(), registry.clone()),
            layout,
            workerd,
            registry,
            front,
            table: Mutex::default(),
            starting: tokio::sync::Mutex::default(),
            sockets: AtomicU32::new(0),
        })
    }

    /// Starts what the supervisor before this one had prepared, and makes live what was live. What
    /// cannot be started is told in the log and left out: the rest is still of use.
    pub(super) async fn restore(&self) -> Result<()> {
        let state = State::read(&self.layout)?;
        for (id, source) in state.generations {
            match self.start(&id, source).await {
                Ok(generation) => drop(self.table().generations.insert(id, Arc::new(generation))),
                Err(error) => tracing::error!(%id, %error, "cannot restore a generation"),
            }
        }
        let live = state.active.and_then(|id| Some((self.find(&id)?, id)));
        if let Some((generation, id)) = live {
            self.front.switch(Some(generation.upstream.clone()));
            self.table().active = Some(id);
        }
        Ok(())
    }

    /// Starts a generation and waits until it answers.
    pub(super) async fn prepare(&self, id: &str, source: Source) -> Result<()> {
        check_id(id)?;
        let generation = self.find_or_start(id, source).await?;
        let Err(error) = generation.ready().await else { return self.save() };
        self.give_up(id, &generation).await;
        Err(Error { message: format!("generation {id} does not start"), ..error }
            .log(log_file::tail(&self.layout.log(&log_name(id)), LOG_TAIL)))
    }

    async fn find_or_start(&self, id: &str, source: Source) -> Result<Arc<Generation>> {
        let _one_at_a_time = self.starting.lock().await;
        if let Some(found) = self.find(id) {
            if found.is_still(&source) {
                return Ok(found);
            }
            if self.active().as_deref() == Some(id) {
                return Err(Error::failed(format!("generation {id} is live with other content"))
                    .hint("prepare the new content under another id"));
            }
            found.stop().await;
        }
        let generation = Arc::new(self.start(id, source).await?);
        self.table().generations.insert(id.to_owned(), generation.clone());
        Ok(generation)
    }

    /// Makes a prepared generation live.
    pub(super) async fn activate(&self, id: &str) -> Result<()> {
        let generation = self
            .find(id)
            .ok_or_else(|| Error::failed(format!("generation {id} is not prepared")))?;
        generation.ready().await?;
        let mut table = self.table();
        let before = table.active.replace(id.to_owned());
        // On disk first: what a restarted supervisor makes live was live, or was about to be.
        if let Err(error) = self.save_table(&table) {
            table.active = before;
            return Err(error);
        }
        self.front.switch(Some(generation.upstream.clone()));
        Ok(())
    }

    /// Waits until no request is under way at a generation; how much is still open.
    pub(super) async fn drain(&self, id: &str, limit: Duration) -> usize {
        match self.find(id) {
            Some(generation) => generation.upstream.drain(limit).await,
            None => 0,
        }
    }

    /// Ends a generation once nothing is open there, or the time has passed.
    pub(super) async fn retire(&self, id: &str, drain: Duration) -> Result<usize> {
        let live = || Error::failed(format!("generation {id} is live and cannot be retired"));
        if self.active().as_deref() == Some(id) {
            return Err(live());
        }
        let open = match self.find(id) {
            Some(generation) => generation.upstream.finish(drain).await,
            None => 0,
        };
        let retired = {
            let mut table = self.table();
            // It may have been made live again meanwhile, by a rollback.
            if table.active.as_deref() == Some(id) {
                return Err(live());
            }
            let retired = table.generations.remove(id);
            self.save_table(&table)?;
            retired
        };
        if let Some(generation) = retired {
            generation.stop().await;
        }
        Ok(open)
    }

    /// Ends everything, keeping what is remembered.
    pub(super) async fn stop(&self) {
        let all: Vec<_> = self.table().generations.values().cloned().collect();
        futures_util::future::join_all(all.iter().map(|generation| generation.stop())).await;
        self.hub.stop().await;
    }

    pub(super) fn active(&self) -> Option<String> {
        self.table().active.clone()
    }

    pub(super) fn status(&self) -> Vec<GenerationStatus> {
        let table = self.table();
        let status = |(id, generation): (&String, &Arc<Generation>)| GenerationStatus {
            id: id.clone(),
            source: generation.source.clone(),
            process: generation.worker.as_ref().map(Worker::status),
            open: generation.upstream.open(),
        };
        table.generations.iter().map(status).collect()
    }

    async fn start(&self, id: &str, source: Source) -> Result<Generation> {
        match &source {
            Source::Direct { origin } => {
                let address = Address::Tcp(authority(origin)?);
                let upstream = Arc::new(Upstream::new(address, None));
                Ok(Generation { source, manifest: None, upstream, worker: None, socket: None })
            }
            Source::Workers { dir } => {
                self.hub.ensure().await?;
                let manifest = Manifest::read(dir)?.ok_or_else(|| {
                    Error::failed(format!("there is no generation in {}", dir.display()))
                })?;
                let launch = self.launch(id, dir, &manifest)?;
                let socket = launch.socket.clone();
                let worker = Worker::start(launch, self.registry.clone());
                let address = Address::Unix(socket.as_path().into());
                let upstream = Arc::new(Upstream::new(address, Some(worker.watch())));
                Ok(Generation {
                    source,
                    manifest: Some(manifest),
                    upstream,
                    worker: Some(worker),
                    socket: Some(socket),
                })
            }
        }
    }

    fn launch(&self, id: &str, dir: &Path, manifest: &Manifest) -> Result<Launch> {
        let failed = || format!("cannot start generation {id}");
        let program = self.workerd.clone().ok_or_else(|| {
            Error::failed(failed()).cause("this supervisor was set up without workerd")
        })?;
        let number = self.sockets.fetch_add(1, Ordering::Relaxed);
        let socket = self.layout.generation_socket(number);
        let mut assets = OsString::from("assets=");
        assets.push(dir.join("assets"));
        let mut hub = OsString::from("hub=unix:");
        hub.push(self.layout.hub_socket());
        let mut environment = vec![
            ("MIZAN_ORIGIN", manifest.origin.clone()),
            ("MIZAN_PUBLIC_URL", manifest.public_url.clone()),
            ("MIZAN_SIGNING_KEY", self.signing_key.clone()),
        ];
        if let Some(key) = generation::purge_key(dir)? {
            environment.push((PURGE_KEY, key.expose().to_owned()));
        }
        Ok(Launch {
            program,
            arguments: vec![
                "serve".into(),
                "local/release.capnp".into(),
                "release".into(),
                "--socket-fd".into(),
                format!("edge={SOCKET_FD}").into(),
                "--external-addr".into(),
                hub,
                "--directory-path".into(),
                assets,
            ],
            environment,
            directory: dir.to_owned(),
            listener: bind(&socket).context(ErrorKind::Failed, failed)?,
            socket,
            probe: Probe { host: "localhost", path: "/__mizan/ready" },
            log: LogFile::open(&self.layout.log(&log_name(id)))
                .context(ErrorKind::Failed, failed)?,
        })
    }

    /// Takes back a preparation, unless somebody has prepared something else there meanwhile.
    async fn give_up(&self, id: &str, generation: &Arc<Generation>) {
        {
            let mut table = self.table();
            let is_ours = table.generations.get(id).is_some_and(|it| Arc::ptr_eq(it, generation));
            if !is_ours || table.active.as_deref() == Some(id) {
                return;
            }
            table.generations.remove(id);
            if let Err(error) = self.save_table(&table) {
                tracing::error!(%error, "cannot save the state");
            }
        }
        generation.stop().await;
    }

    fn find(&self, id: &str) -> Option<Arc<Generation>> {
        self.table().generations.get(id).cloned()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self) -> Result<()> {
        self.save_table(&self.table())
    }

    fn save_table(&self, table: &Table) -> Result<()> {
        let source = |(id, it): (&String, &Arc<Generation>)| (id.clone(), it.source.clone());
        let state = State {
            active: table.active.clone(),
            generations: table.generations.iter().map(source).collect(),
        };
        files::write_json(&self.layout.state(), &state)
    }
}

impl Generation {
    /// Whether it runs what the source says now: the folder may have been written anew.
    fn is_still(&self, source: &Source) -> bool {
        let unchanged = |dir| Manifest::read(dir).is_ok_and(|now| now == self.manifest);
        self.source == *source
            && match source {
                Source::Direct { .. } => true,
                Source::Workers { dir } => unchanged(dir),
            }
    }

    async fn ready(&self) -> Result<()> {
        match &self.worker {
            Some(worker) => worker.ready(START_LIMIT).await,
            None => Ok(()),
        }
    }

    async fn stop(&self) {
        if let Some(worker) = &self.worker {
            worker.stop().await;
        }
        if let Some(socket) = &self.socket {
            // The next supervisor would remove it, too.
            let _ = fs::remove_file(socket);
        }
    }
}

/// Listens on a Unix socket; a socket that an earlier supervisor left is replaced.
pub(super) fn bind(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(socket),
    }
}

/// The key with which the Edge signs what it tells browsers; made once, kept for good.
fn signing_key(path: &Path) -> Result<String> {
    if let Ok(key) = fs::read_to_string(path) {
        return Ok(key);
    }
    let key = files::hex(&rand::random::<[u8; 32]>());
    files::write(path, key.as_bytes())?;
    Ok(key)
}

fn log_name(id: &str) -> String {
    format!("generation-{id}")
}

/// Ids become file names.
fn check_id(id: &str) -> Result<()> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.is_empty() && id.len() <= ID_MAX && id.chars().all(valid) {
        return Ok(());
    }
    Err(Error::failed(format!("{id:?} cannot be the id of a generation"))
        .cause("it has 1 to 64 letters, digits, hyphens and underscores"))
}

fn authority(origin: &str) -> Result<Authority> {
    let parse = || {
        let uri: Uri = origin.parse().ok()?;
        let plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "/" | "");
        uri.authority().filter(|authority| plain && authority.port_u16().is_some()).cloned()
    };
    parse().ok_or_else(|| {
        Error::failed(format!("{origin:?} is no origin")).cause("it looks like http://host:port")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_file_names() {
        assert!(check_id("r12-8f3a").is_ok());
        for id in ["", ".", "..", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert!(check_id(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn origins_are_plain() {
        assert_eq!(authority("http://127.0.0.1:49153").unwrap(), "127.0.0.1:49153");
        for origin in ["https://127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1", "http://a:1/x", ""]
        {
            assert!(authority(origin).is_err(), "{origin:?}");
        }
    }
}
