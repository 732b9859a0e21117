//! `mizan edge`: the policy in words, and purges against a stand-in for an Edge that checks what is
//! signed. What is live is a record in a ledger; neither an engine nor a cloud is asked.

mod doctor;
mod endpoint;
mod policy;
mod purge;

use std::{fs, path::PathBuf, process::Command};

use jiff::Timestamp;
use mizan::{
    images::ArtifactRequest,
    ledger::{ImageRecord, Ledger, Release},
    model::{AppName, EnvName, ReleaseId, SchemaSource},
    plan::Late,
    schema::PolicyFacts,
    targets::origin::Desired,
    workers::{
        cloud::{CloudSpec, Recorded, Scripts},
        policy::{PlaneConfig, Policy, Whose},
    },
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::Ended;

const SCHEMA: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valid/schema.json"));
/// A key as people make one.
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// An app before an origin, with its schema in a file and its ledger in a folder.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("app")).unwrap();
        let project = Self { folder };
        project.write("schema.json", SCHEMA);
        project.write("Dockerfile", "FROM python:3.12-slim\n");
        project.configure("secrets: [MIZAN_PURGE_KEY]");
        project
    }

    /// `mizan.yaml` with this line in it.
    fn configure(&self, line: &str) {
        self.configure_edge(line, "on: [cloudflare]");
    }

    /// The changes of this context over a WebSocket are announced.
    fn announce(&self, context: &str) {
        let edge = format!("on: [cloudflare], announced: [{context}]");
        self.configure_edge("secrets: [MIZAN_PURGE_KEY]", &edge);
    }

    fn configure_edge(&self, line: &str, edge: &str) {
        let ledger = self.folder.path().join("ledger");
        let text = format!(
            "version: 1\napp: board\nschema: schema.json\n{line}\n\
             services: {{web: {{port: 8000}}}}\nenvironments:\n  elsewhere:\n    \
             target: {{origin: https://app.example.net}}\n    edge: {{{edge}}}\n    \
             ledger: file://{}\n",
            ledger.display()
        );
        self.write("mizan.yaml", &text);
    }

    fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.app().join(name), text).unwrap();
    }

    /// The policy of the schema file.
    fn facts(&self) -> PolicyFacts {
        let (app, env) = (AppName::new("board").unwrap(), EnvName::new("elsewhere").unwrap());
        let whose = Whose { app: &app, env: &env };
        let path = self.app().join("schema.json");
        Policy::load(whose, &PlaneConfig::default(), &path).unwrap().facts().unwrap()
    }

    /// A release is live at this URL; `policy` is what its record says of its Edge.
    fn release(&self, url: &str, policy: Option<PolicyFacts>) {
        let scripts = Scripts {
            app: AppName::new("board").unwrap(),
            env: EnvName::new("elsewhere").unwrap(),
        };
        let spec = CloudSpec {
            scripts,
            account: "an account".into(),
            domain: None,
            public_url: url.into(),
            origin: Late::Known("https://app.example.net".into()),
            origin_secret: None,
            purge_key: None,
            config: PlaneConfig::default(),
            source: Late::Known("schema 1".into()),
            taken: String::new(),
            code: "the code".into(),
            health: None,
        };
        let recorded = Recorded { edge: Some("v1".into()), policy, ..Recorded::default() };
        let desired = Desired {
            plane: spec.clone(),
            image: None,
            artifacts: ArtifactRequest {
                schema: SchemaSource::File(self.app().join("schema.json")),
                bundle: None,
                assets: None,
            },
            keep_releases: 5,
            check: None,
        };
        let release = Release {
            id: ReleaseId(3),
            created: Timestamp::UNIX_EPOCH,
            git: None,
            image: ImageRecord { reference: String::new(), id: String::new() },
            edge: None,
            render: None,
            schema: None,
            inventory: recorded.inventory(&spec),
            rollback_to: None,
            config: serde_json::to_value(&desired).unwrap(),
        };
        let folder = self.folder.path().join("ledger/board/elsewhere");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Ledger::local(&folder).unwrap().record(&release)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mizan"));
        command
            .args(arguments)
            .current_dir(self.app())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("MIZAN_PURGE_KEY", KEY)
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// The result of a command that succeeds.
    fn json(&self, arguments: &[&str]) -> Value {
        let with_format: Vec<_> = arguments.iter().copied().chain(["--format", "json"]).collect();
        serde_json::from_str(&self.run(&with_format).expect(0).stdout).unwrap()
    }
}
