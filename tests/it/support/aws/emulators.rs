//! ministack and moto for one test, started and ended by `scripts/aws-emulators.sh`.

use std::{
    fs::{self, File},
    os::unix::process::parent_id,
    path::Path,
    process::{self, Command, Output},
};

use super::{Account, Client, Proxy};
use crate::{
    conformance::is_full,
    support::{free_port, get},
};

/// The account of every emulator.
pub const ACCOUNT: &str = "123456789012";
/// The region of every emulator.
pub const REGION: &str = "eu-west-1";

/// How an emulator behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Load balancers and services mind the health of their targets, ten times as fast as on AWS.
    pub health_checks: bool,
    /// Signatures are verified, and policies enforced; the keys of [`Aws::environment`] are root's.
    pub authorization: bool,
}

/// An empty account that only this test sees, which goes when this is dropped; or one that all
/// tests of a run share.
#[derive(Debug)]
pub struct Aws {
    port: u16,
    moto_port: u16,
    options: Options,
    /// The process with which the account goes, if it is not gone before.
    owner: u32,
    /// Others use it too.
    shared: bool,
}

impl Aws {
    /// Starts the emulators.
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    /// Starts the emulators with options.
    pub fn with(options: Options) -> Self {
        let [port, moto_port] = free_ports();
        let aws = Self { port, moto_port, options, owner: process::id(), shared: false };
        aws.ensure();
        aws
    }

    /// The account of this run of the test suite, started by whoever comes first; in a full run of
    /// the conformance suite one for each scenario, as an emulator is one process and they are
    /// many. It goes with its owner: `scripts/aws-emulators.sh sweep`.
    pub fn shared() -> Self {
        // Every test is a process of its own, and the runner is the parent of them all.
        let owner = if is_full() { process::id() } else { parent_id() };
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("aws-{owner}"));
        let lock = File::create(file.with_extension("lock")).expect("a file to lock");
        lock.lock().expect("the lock");
        let [port, moto_port] = read_ports(&file).unwrap_or_else(|| {
            let ports = free_ports();
            fs::write(&file, ports.map(|port| port.to_string()).join(" ")).expect("the ports");
            ports
        });
        let aws = Self { port, moto_port, options: Options::default(), owner, shared: true };
        aws.ensure();
        aws
    }

    /// The bucket of the ledgers.
    pub fn bucket(&self) -> String {
        format!("mizan-{ACCOUNT}-{REGION}")
    }

    /// What a visitor gets from the load balancer of this name.
    pub fn visit(&self, dns: &str, path: &str) -> Result<String, String> {
        get(&format!("http://{dns}:{}", self.port), path)
    }

    /// The address of the API, of the registry and of the load balancers.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of 127.0.0.1 that all load balancers answer at, told apart by the `Host`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of moto, which has the autoscaling.
    pub fn moto(&self) -> String {
        format!("http://127.0.0.1:{}", self.moto_port)
    }

    /// What a `mizan` that is to use this account finds in its environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.environment_through(&self.endpoint(), &self.moto())
    }

    /// The same, with every call through a proxy. Images and visitors take the direct way.
    pub fn environment_by(&self, proxy: &Proxy) -> Vec<(&'static str, String)> {
        self.environment_through(&proxy.endpoint(), &proxy.endpoint())
    }

    fn environment_through(&self, api: &str, scaling: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", api.to_owned()),
            ("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", scaling.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("MIZAN_AWS_REGISTRY", format!("127.0.0.1:{}", self.port)),
            ("MIZAN_AWS_LOAD_BALANCER", self.endpoint()),
        ]
    }

    /// A PostgreSQL where the tasks are, empty; its URL as they know it. It goes with the account.
    pub fn database(&self) -> String {
        let started = self.script("database").output().expect("the script runs");
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        String::from_utf8(started.stdout).expect("a URL").trim().to_owned()
    }

    /// Asks the emulators without what is tested.
    pub fn client(&self) -> Client {
        Client::new(self.port, self.moto_port)
    }

    /// Everything that is there.
    pub fn account(&self) -> Account {
        Account::look(&self.client())
    }

    /// Everything of such a name.
    pub fn account_of(&self, wanted: impl Fn(&str) -> bool) -> Account {
        Account::look_for(&self.client(), wanted)
    }

    /// A proxy in front of this account.
    pub fn proxy(&self) -> Proxy {
        Proxy::before(self.port, self.moto_port)
    }

    /// ministack dies without a word, and with it all it knew. Its containers stay.
    pub fn kill(&self) {
        docker(&["kill", &self.name()]);
    }

    /// Starts what does not run; the account is empty after a [`kill`](Self::kill).
    pub fn ensure(&self) {
        let started = self.script("start").output().expect("the script runs");
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    }

    /// The containers of its tasks that run, by name.
    pub fn task_containers(&self) -> Vec<String> {
        let label = format!("label=ministack.instance={}:4566", self.name());
        let listed = docker(&["ps", "--filter", &label, "--format", "{{.Names}}"]);
        String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
    }

    /// What the script calls the instance, and Docker its container and network.
    pub(super) fn name(&self) -> String {
        format!("mizan-aws-{}", self.port)
    }

    fn script(&self, verb: &str) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/aws-emulators.sh");
        let mut options = Vec::new();
        if self.options.health_checks {
            options.push("--env HEALTH_CHECKS=true --env HEALTH_PACE=0.1");
        }
        if self.options.authorization {
            options.push("--env AUTH=true");
        }
        let mut command = Command::new(script);
        command
            .arg(verb)
            .env("MIZAN_AWS_PORT", self.port.to_string())
            .env("MIZAN_MOTO_PORT", self.moto_port.to_string())
            .env("MIZAN_AWS_OWNER", self.owner.to_string())
            .env("MIZAN_AWS_OPTIONS", options.join(" "))
            .env("AWS_REGION", REGION);
        command
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        if self.shared {
            return; // Others may still need it.
        }
        let _ = self.script("stop").output();
    }
}

fn read_ports(file: &Path) -> Option<[u16; 2]> {
    let text = fs::read_to_string(file).ok()?;
    let ports: Vec<u16> = text.split(' ').map(|port| port.parse().expect("a port")).collect();
    ports.try_into().ok()
}

fn free_ports() -> [u16; 2] {
    [free_port(), free_port()]
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().expect("docker runs")
}
