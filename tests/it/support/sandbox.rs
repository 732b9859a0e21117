//! An app in a folder of its own, with state folders and a name of its own: tests that deploy do
//! not see each other, and leave nothing behind.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use mizan::workers::workerd;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::free_port;

/// A copy of a fixture app.
pub struct Sandbox {
    folder: TempDir,
    name: String,
    port: u16,
    workerd: PathBuf,
    environment: Vec<(&'static str, String)>,
}

/// How a run of `mizan` ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` if it was killed.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// Fails the test unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "another exit code:\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless what it said has each of these.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing:\n{}", self.stderr);
        }
        self
    }
}

impl Sandbox {
    /// A copy of the fixture, under a name that no other test has.
    pub fn new(fixture: &str) -> Self {
        Self::of(&Path::new("tests/fixtures").join(fixture))
    }

    /// A copy of an app of this repository, likewise.
    pub fn of(source: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::Builder::new().prefix("mizan-").tempdir().expect("a folder");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(source), &folder.path().join("app"));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{count}", std::process::id());
        // The data folders are the sandbox's own, so the program is handed in instead of fetched.
        let workerd = workerd::ensure().expect("workerd");
        Self { folder, name, port: free_port(), workerd, environment: Vec::new() }
    }

    /// The same, for commands that need these variables.
    pub fn with_environment(mut self, environment: Vec<(&'static str, String)>) -> Self {
        self.environment = environment;
        self
    }

    /// The app's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The app's public port. Of the names of two tests, `mizan` could make the same one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of `mizan.yaml`.
    pub fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    /// Where the state of its environments is kept.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data/mizan")
    }

    /// Where what can be made again is kept.
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/mizan")
    }

    /// `mizan` in the app's folder, without a terminal.
    pub fn mizan(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mizan"));
        command
            .args(arguments)
            .current_dir(self.app())
            .env("XDG_DATA_HOME", self.folder.path().join("data"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env("MIZAN_WORKERD", &self.workerd)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env_remove("MIZAN_ENV")
            .env_remove("MIZAN_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The processes that run from this sandbox: `(pid, command line)`.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let processes = fs::read_dir("/proc").expect("the list of processes").flatten();
        let told = processes.filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            // One that has ended meanwhile is none.
            let words = fs::read(entry.path().join("cmdline")).ok()?;
            Some((pid, String::from_utf8_lossy(&words).replace('\0', " ")))
        });
        told.filter(|(_, command)| command.contains(&folder)).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let destroyed = self.mizan(&["destroy", "--yes", "--volumes", "--quiet"]).output();
        if destroyed.is_ok_and(|output| output.status.success()) {
            // What was built for a cloud is a cache of this machine, and nobody's any more.
            remove_by_label(&self.name, &[IMAGES]);
            return;
        }
        // A test that broke the tool must not leave its containers to the next one.
        for (pid, _) in self.processes() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        remove_by_label(&self.name, &EVERYTHING);
    }
}

/// How the engine lists a kind of thing, and how it removes them.
type Kind = (&'static [&'static str], &'static [&'static str]);

const IMAGES: Kind = (&["image", "ls", "-q"], &["image", "rm", "-f"]);
const EVERYTHING: [Kind; 4] = [
    (&["ps", "-aq"], &["rm", "-fv"]),
    (&["network", "ls", "-q"], &["network", "rm"]),
    (&["volume", "ls", "-q"], &["volume", "rm"]),
    IMAGES,
];

/// The last resort: whatever the engine has with the app's label.
fn remove_by_label(name: &str, kinds: &[Kind]) {
    let label = format!("label=mizan.app={name}");
    for (list, remove) in kinds {
        let Ok(found) = Command::new("docker").args(*list).args(["--filter", &label]).output()
        else {
            return;
        };
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        if !found.trim().is_empty() {
            let _ = Command::new("docker").args(*remove).args(found.split_whitespace()).output();
        }
    }
}

/// What lies in a folder where somebody works, and is no source.
const LEFT_OUT: [&str; 5] = ["node_modules", "dist", ".venv", "__pycache__", "mizan.lock"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let entries = fs::read_dir(from).expect("the fixture").flatten();
    for entry in entries.filter(|it| !LEFT_OUT.iter().any(|name| it.file_name() == *name)) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// A run of `mizan --json` that is still going on.
pub struct Running {
    child: Child,
    events: BufReader<ChildStdout>,
}

impl Running {
    /// Starts the command; it must have `--json`.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("mizan starts");
        let events = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, events }
    }

    /// Reads events until one is like this.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.events.read_line(&mut line).expect("its events");
            assert!(read > 0, "it ended before the event");
            if wanted(&serde_json::from_str(&line).expect("an event")) {
                return;
            }
        }
    }

    /// Waits until this step has begun.
    #[track_caller]
    pub fn wait_for_step(&mut self, step: &str) {
        self.wait_for(|event| event["event"] == "step_started" && event["step"] == step);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the signal is sent");
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        // Somebody must read on, or it could not write on.
        let mut stdout = String::new();
        for line in self.events.by_ref().lines().map_while(Result::ok) {
            stdout.push_str(&line);
            stdout.push('\n');
        }
        let mut ended = Ended::from(self.child.wait_with_output().expect("its end"));
        ended.stdout = stdout;
        ended
    }
}
