//! What Azure's own PostgreSQL would be: one on the engine that the container groups run on.

use std::{
    path::Path,
    process::{self, Command},
    thread,
    time::{Duration, Instant},
};

/// The image's name; its tag says which state of the recipe it is of.
const IMAGE: &str = "mizan-postgres";
/// What the stand-in finds containers by whose process is gone.
const OWNER: &str = "mizan.azure.owner";
/// A password that must be seen nowhere.
const PASSWORD: &str = "canary-of-the-database-93f1";
/// Long after a busy machine has started it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running one, empty at first; it goes when it is dropped.
pub struct Database {
    container: String,
}

impl Database {
    /// Starts one.
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/aws-emulators.sh");
        let made = Command::new(script).arg("image").output().expect("the script runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let images = docker(&["image", "ls", "--quiet", IMAGE]).expect("images");
        let image = images.lines().next().expect("the image");
        let owner = format!("{OWNER}={}", process::id());
        let started = docker(&["run", "--detach", "--rm", "--label", &owner, image]);
        let database = Self { container: started.expect("a container") };
        database.wait();
        let password = format!("ALTER ROLE app PASSWORD '{PASSWORD}'");
        database.inside(&["psql", "--quiet", "--command", &password]).expect("a password");
        database
    }

    /// Its URL, as the container groups know it.
    pub fn url(&self) -> String {
        let address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = docker(&["inspect", "--format", address, &self.container]);
        format!("postgres://app:{PASSWORD}@{}:5432/app", address.expect("an address"))
    }

    fn wait(&self) {
        let begun = Instant::now();
        while let Err(error) = self.inside(&["pg_isready", "--quiet", "--host=127.0.0.1"]) {
            assert!(begun.elapsed() < PATIENCE, "it does not answer: {error}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn inside(&self, command: &[&str]) -> Result<String, String> {
        docker(&[&["exec", &self.container], command].concat())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // If this fails, the next test that finds it takes it away.
        let _ = docker(&["rm", "--force", "--volumes", &self.container]);
    }
}

/// What Docker prints, or what it says against it.
fn docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(arguments).output().expect("docker runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}
