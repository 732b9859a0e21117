//! The proxy before the web service, as a group has it on Azure: it ends TLS for the group's host
//! name and lets in the Edge alone. Only the certificate is of an authority of its own, as no public
//! one answers here.

use std::{
    collections::BTreeSet,
    process::{Command, Output},
    time::{Duration, Instant},
};

use azure_mgmt_containerinstance::models::Container as Rendered;
use mizan::{
    model::{AppName, EnvName, ReleaseId},
    plan::Late,
    secret::SecretValue,
    targets::{
        ORIGIN_SECRET_HEADER,
        azure::{
            instances::{
                group::{Rendering, SIDECAR, Values},
                spec::{Container, Kind, ServiceSpec, Sidecar, Size},
            },
            names::Scope,
        },
    },
};

/// What the app is here: it answers with the header that must not reach it, and who asks.
const APP: &str = r#"
from http.server import BaseHTTPRequestHandler, HTTPServer
class App(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        told = [self.headers.get(name) for name in ("HEADER", "X-Forwarded-For", "X-Forwarded-Proto")]
        self.wfile.write(repr(told).encode())
HTTPServer(("127.0.0.1", 8000), App).serve_forever()
"#;
/// Long after a busy machine has started both.
const PATIENCE: Duration = Duration::from_secs(60);

struct Containers(Vec<String>);

impl Containers {
    #[track_caller]
    fn run(&mut self, arguments: &[&str]) -> String {
        let name = format!("mizan-tls-test-{}-{}", std::process::id(), self.0.len());
        let output = docker(&[&["run", "--detach", "--name", &name], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.0.push(name.clone());
        name
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        let names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        docker(&[&["rm", "--force"][..], &names].concat());
    }
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().expect("docker runs")
}

fn scope() -> Scope {
    Scope {
        subscription: "s".into(),
        location: "westeurope".into(),
        app: AppName::new("board").expect("a name"),
        env: EnvName::new("production").expect("a name"),
    }
}

/// The proxy of a release, as it is sent to Azure.
fn proxy(scope: &Scope, secrets: &[&str]) -> Rendered {
    let secret_versions: BTreeSet<String> = secrets.iter().map(ToString::to_string).collect();
    let spec = ServiceSpec {
        role: Kind::Web {
            port: 8000,
            health: "/healthz".into(),
            health_timeout: 60,
            drain: 30,
            sidecar: Sidecar { image: "caddy:2".into(), secret_versions },
        },
        container: Container {
            image: Late::Known("0123456789abcdef".into()),
            registry: scope.registry(),
            identity: "mizan-board-production".into(),
            command: None,
            env: [].into(),
            size: Size { cpu: 500, memory: 15 },
        },
        count: 1,
    };
    let origin = secrets.iter().map(|secret| SecretValue::new((*secret).to_owned())).collect();
    let values = Values { origin, ..Values::default() };
    let rendering = Rendering {
        scope,
        group: "board-production-r1",
        release: ReleaseId(1),
        login_server: "board.azurecr.io",
        digest: "sha256:1",
        identity: "/subscriptions/s/mizan-board-production",
        is_local: false,
        values: &values,
    };
    let group = rendering.service("web", &spec).expect("a group");
    let mut containers = group.container_group_properties.properties.containers.into_iter();
    containers.find(|container| container.name == SIDECAR).expect("a proxy")
}

/// What a visitor of the group's host name gets.
fn ask(host: &str, port: &str, secret: Option<&str>) -> String {
    let secret = secret.map(|secret| format!("{ORIGIN_SECRET_HEADER}: {secret}"));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--max-time", "10", "--write-out", " %{http_code}"]);
    curl.args(["--resolve", &format!("{host}:{port}:127.0.0.1")]);
    curl.args(["--header", "X-Forwarded-For: 203.0.113.7", "--header", "X-Forwarded-Proto: https"]);
    curl.args(secret.iter().flat_map(|secret| ["--header", secret]));
    let output = curl.arg(format!("https://{host}:{port}/")).output().expect("curl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_proxy_ends_tls_and_lets_in_the_edge_alone() {
    let scope = scope();
    let host = scope.host("board-production-r1");
    let properties = proxy(&scope, &["the-first", "the-second"]).properties;
    let own = "{\n\tlocal_certs\n";
    let variables: Vec<String> = properties
        .environment_variables
        .into_iter()
        .map(|it| {
            let value = it.value.or(it.secure_value).expect("a value");
            format!(
                "{}={}",
                it.name,
                value.replacen("{\n", own, usize::from(it.name == "CADDYFILE"))
            )
        })
        .collect();
    let mut containers = Containers(Vec::new());
    let mut arguments = vec!["--publish", "127.0.0.1::443"];
    arguments.extend(variables.iter().flat_map(|variable| ["--env", variable]));
    arguments.push("caddy:2");
    arguments.extend(properties.command.iter().map(String::as_str));
    let proxy = containers.run(&arguments);
    let network = format!("container:{proxy}");
    let app = APP.replace("HEADER", ORIGIN_SECRET_HEADER);
    containers.run(&["--network", &network, "python:3.12-slim", "python", "-c", &app]);
    let published = docker(&["port", &proxy, "443/tcp"]);
    let published = String::from_utf8_lossy(&published.stdout);
    let port = published.trim().rsplit(':').next().expect("a port").to_owned();

    let begun = Instant::now();
    while !ask(&host, &port, Some("the-first")).ends_with(" 200") {
        assert!(begun.elapsed() < PATIENCE, "{}", ask(&host, &port, Some("the-first")));
        std::thread::sleep(Duration::from_millis(100));
    }
    for secret in ["the-first", "the-second"] {
        let told = ask(&host, &port, Some(secret));
        assert!(told.starts_with("[None, '203.0.113.7, "), "the secret or the visitor: {told}");
        assert!(told.ends_with(", 'https'] 200"), "{told}");
    }
    for secret in [None, Some("another"), Some("")] {
        assert_eq!(ask(&host, &port, secret), "only the edge is let in 403", "{secret:?}");
    }
    // Who asks for another host gets no certificate, so no answer.
    assert_eq!(ask("somebody.example.com", &port, Some("the-first")), " 000");
}
