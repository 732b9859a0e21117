//! The example app by itself, without an engine: uvicorn in the environment that
//! `scripts/tools.sh board` makes, with the mutants of `tests/fixtures/mutants` around it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{free_port, get};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A board that runs; it ends when it is dropped.
pub struct Board {
    pub url: String,
    child: Child,
    folder: TempDir,
}

impl Board {
    /// A new board with its posts and users, at hosts below `board.test` or those of `hosts`.
    pub fn start(hosts: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let release = python(folder.path(), hosts).args(["manage.py", "release"]).status().unwrap();
        assert!(release.success(), "the board has no data");
        let port = free_port();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = python(folder.path(), hosts)
            .args(["-m", "uvicorn", "mutant_asgi:application", "--no-date-header"])
            .args(["--no-access-log", "--port", &port.to_string()])
            .stderr(log)
            .spawn()
            .unwrap();
        let board = Self { url: format!("http://127.0.0.1:{port}"), child, folder };
        board.wait();
        board
    }

    fn wait(&self) {
        let end = Instant::now() + PATIENCE;
        while let Err(error) = get(&self.url, "/healthz") {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "the board does not answer: {error}\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn python(folder: &Path, hosts: Option<&str>) -> Command {
    let backend = root().join("examples/board/backend");
    let mutants = root().join("tests/fixtures/mutants");
    let mut command = Command::new(interpreter());
    command
        .current_dir(&backend)
        .env("PYTHONPATH", env::join_paths([&mutants, &backend]).unwrap())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DJANGO_SETTINGS_MODULE", "mutant_settings")
        .env("SECRET_KEY", "only-for-tests")
        .env("BOARD_DEMO", "1")
        .env("DATABASE_URL", format!("sqlite:///{}", folder.join("board.sqlite3").display()))
        .env_remove("MIZAN_URL")
        .stdout(Stdio::null());
    if let Some(hosts) = hosts {
        command.env("MUTANT_HOSTS", hosts);
    }
    command
}

fn interpreter() -> PathBuf {
    let cache = env::var_os("MIZAN_DEV_CACHE").map(PathBuf::from);
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache/mizan-dev"));
    let python = cache.or_else(home).unwrap_or_default().join("board-venv/bin/python");
    assert!(python.is_file(), "{} is missing: run scripts/tools.sh board", python.display());
    python
}

/// The schema that the board exports.
pub fn schema() -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = python(folder.path(), None)
        .args(["manage.py", "mizan_schema"])
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
