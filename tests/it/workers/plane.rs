//! A supervisor in a folder of its own, ended with the test whatever happens.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

use mizan::{
    secret::SecretValue,
    workers::{
        generation::{self, Content, Release},
        local::{Control, GenerationState, Settings, Source, Status},
        workerd,
    },
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;

use super::origin::Origin;
use crate::support::free_port;

/// Long after a busy machine has come so far.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Plane {
    pub control: Control,
    pub settings: Settings,
    pub port: u16,
    folder: tempfile::TempDir,
    supervisor: AtomicI32,
}

impl Plane {
    /// The folder, without a supervisor.
    pub fn prepare_folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::at(&folder.path().join("run"))
            .unwrap()
            .with_program(env!("CARGO_BIN_EXE_mizan"));
        let port = free_port();
        let settings =
            Settings { port, hosts: vec!["board.localhost".into()], workerd: Some(program()) };
        Self { control, settings, port, folder, supervisor: AtomicI32::new(0) }
    }

    pub async fn start() -> Self {
        let plane = Self::prepare_folder();
        plane.ensure_running().await;
        plane
    }

    /// A folder that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn ensure_running(&self) -> Status {
        let status = self.control.ensure_running(&self.settings).await.unwrap();
        self.note(&status);
        status
    }

    /// Remembers which process to end.
    pub fn note(&self, status: &Status) {
        self.supervisor.store(status.pid.cast_signed(), Ordering::Relaxed);
    }

    pub async fn status(&self) -> Status {
        self.control.status().await.unwrap().expect("it runs")
    }

    /// How often the first generation was started again and answers.
    pub async fn restarts(&self) -> u32 {
        let process = self.status().await.generations[0].process.clone().unwrap();
        if process.state == GenerationState::Ready { process.restarts } else { 0 }
    }

    pub fn write_generation(&self, id: &str, origin: &Origin, bundle: &str) -> PathBuf {
        self.write_keyed_generation(id, origin, bundle, None)
    }

    /// One whose Edge takes purges that are signed with this key.
    pub fn write_keyed_generation(
        &self,
        id: &str,
        origin: &Origin,
        bundle: &str,
        purge_key: Option<&SecretValue>,
    ) -> PathBuf {
        let bundle_file = self.folder.path().join(format!("{id}-bundle.js"));
        fs::write(&bundle_file, bundle).unwrap();
        let data = json!({
            "v": 1, "app": "board", "environment": "test", "release": "",
            "base": "/api/mizan/", "callPath": "/api/mizan/call/", "websocketPath": "/ws",
            "health": "/name",
            "credentials": {"headers": [], "cookies": [], "csrfCookie": "csrftoken",
                "csrfHeader": "X-CSRFToken", "csrfPath": "/api/mizan/csrf/"},
            "contexts": [], "mutations": [], "routes": [], "assets": null, "window": 60
        });
        let dir = self.folder.path().join("generations").join(id);
        let release = Release {
            id,
            origin: &origin.url(),
            public_url: &self.url(),
            previous: &[],
            purge_key,
        };
        let content = Content { data: &data, bundle: Some(&bundle_file), assets: None };
        generation::write(&dir, content, release).unwrap();
        dir
    }

    /// Where visitors come in.
    pub fn url(&self) -> String {
        format!("http://board.localhost:{}", self.port)
    }

    pub async fn prepare_workers(&self, id: &str, origin: &Origin) {
        let dir = self.write_generation(id, origin, "export const mizanBundle = 1;");
        self.control.prepare(id, Source::Workers { dir }).await.unwrap();
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.supervisor.load(Ordering::Relaxed));
        let Some(pid) = pid.filter(|pid| command_line(*pid).contains("__supervise")) else {
            return;
        };
        let _ = kill_process(pid, Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while command_line(pid).contains("__supervise") && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Fetched once, by npm, into the cache folder, unless `MIZAN_WORKERD` names one.
fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| workerd::ensure().unwrap()).clone()
}

fn command_line(pid: Pid) -> String {
    let path = Path::new("/proc").join(pid.as_raw_nonzero().to_string()).join("cmdline");
    fs::read_to_string(path).unwrap_or_default()
}

pub fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
}

/// The test's process may be the parent: what is only waited for counts as gone.
pub async fn wait_until_gone(pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while test_kill_process(pid).is_ok() && !command_line(pid).is_empty() {
        assert!(Instant::now() < deadline, "{pid:?} still runs: {}", command_line(pid));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
