//! The stand-in for Cloudflare with Workers: a program of its own (`tests/support/cloudflare`) that
//! runs what is uploaded. It ends when its standard input closes, so with this process at the
//! latest.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
};

use bytes::Bytes;
use hyper::{Method, Request, Response};
use mizan::http::Http;
use serde::Deserialize;
use serde_json::{Value, json};

/// The account that it has.
pub const ACCOUNT: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The token that may do everything.
pub const TOKEN: &str = "canary-cloudflare-token-3f9c";

/// Where it listens.
#[derive(Debug, Deserialize)]
struct Addresses {
    api: String,
    traffic: String,
    control: String,
}

/// A running stand-in; it ends when it is dropped.
pub struct Fake {
    child: Child,
    stdin: Option<ChildStdin>,
    addresses: Addresses,
    http: Http,
}

impl Fake {
    /// Starts one with no zones and no scripts.
    pub fn start() -> Self {
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(packages())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node, and the npm packages of tests/support/cloudflare");
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let addresses = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the stand-in did not start: {error}: {line:?}"));
        // What it writes later must not fill the pipe.
        std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
        Self { child, stdin, addresses, http: Http::new().expect("certificates") }
    }

    /// What `CLOUDFLARE_API_BASE_URL` has to be.
    pub fn api(&self) -> &str {
        &self.addresses.api
    }

    /// What `mizan` needs in its environment to find it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("CLOUDFLARE_API_BASE_URL", self.addresses.api.clone()),
            ("CLOUDFLARE_API_TOKEN", TOKEN.to_owned()),
            ("MIZAN_CLOUDFLARE_WORKERS", self.addresses.traffic.clone()),
        ]
    }

    /// A host outside, or `*` and the end of its name, is at this address of this machine.
    pub async fn place(&self, pattern: &str, address: &str) {
        self.ask(Method::POST, "hosts", &json!({"pattern": pattern, "address": address})).await;
    }

    /// Adds an active zone, and returns its id.
    pub async fn add_zone(&self, name: &str) -> String {
        let zone = self.ask(Method::POST, "zones", &json!({ "name": name })).await;
        zone["id"].as_str().expect("an id").to_owned()
    }

    /// Adds a DNS record that a person made.
    pub async fn add_record(&self, zone: &str, kind: &str, name: &str, content: &str) {
        let record = json!({"zone": zone, "type": kind, "name": name, "content": content});
        self.ask(Method::POST, "dns", &record).await;
    }

    /// A token with these permissions only.
    pub async fn token(&self, permissions: &[&str]) -> String {
        let made = self.ask(Method::POST, "token", &json!({ "permissions": permissions })).await;
        made["token"].as_str().expect("a token").to_owned()
    }

    /// Lets something go wrong: `{kind, at, from, match, retryAfter}`.
    pub async fn fault(&self, fault: &Value) {
        self.ask(Method::POST, "faults", fault).await;
    }

    /// Every request to the API since the last call: method and path below the account.
    pub async fn take_calls(&self) -> Vec<String> {
        let calls = self.calls().await;
        self.ask(Method::DELETE, "calls", &Value::Null).await;
        calls.iter().map(line).collect()
    }

    /// Every request to the API that was not taken yet, as the stand-in remembers it.
    pub async fn calls(&self) -> Vec<Value> {
        let calls = self.ask(Method::GET, "calls", &Value::Null).await;
        calls.as_array().expect("a list").clone()
    }

    /// No more faults.
    pub async fn heal(&self) {
        self.ask(Method::DELETE, "faults", &Value::Null).await;
    }

    /// What somebody does by hand: a call of the API with a path below the account, of which the
    /// test expects that it succeeds. Answers the result.
    pub async fn by_hand(&self, method: Method, path: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.call(method, path, "application/json", text).await
    }

    /// Somebody changes settings of a script's version; they come as a form with one part.
    pub async fn patch_settings(&self, script: &str, settings: &Value) {
        let form = format!(
            "--part\r\nContent-Disposition: form-data; name=\"settings\"\r\n\
             Content-Type: application/json\r\n\r\n{settings}\r\n--part--\r\n"
        );
        let path = format!("workers/scripts/{script}/settings");
        self.call(Method::PATCH, &path, "multipart/form-data; boundary=part", form).await;
    }

    async fn call(&self, method: Method, path: &str, kind: &str, body: String) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/accounts/{ACCOUNT}/{path}", self.api()))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", kind)
            .body(body.into())
            .expect("a request");
        let answer = self.http.fetch(request).await.expect("an answer");
        let text = String::from_utf8_lossy(answer.body());
        assert!(answer.status().is_success(), "{path}: {text}");
        let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        answer["result"].clone()
    }

    /// What it has been told, without secrets.
    pub async fn state(&self) -> Value {
        self.ask(Method::GET, "state", &Value::Null).await
    }

    /// What was uploaded, without what differs between two tools or two runs.
    pub async fn uploads(&self) -> Value {
        self.ask(Method::GET, "uploads", &Value::Null).await
    }

    /// Runs wrangler in a folder, with this as Cloudflare.
    pub async fn wrangler(&self, folder: &Path, arguments: &[&str]) -> Output {
        tokio::process::Command::new("node")
            .arg(packages().join("testing/deploy.mjs"))
            .args([self.api(), TOKEN])
            .arg(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await
            .expect("node")
    }

    /// What a visitor of a host gets: status and body.
    pub async fn visit(&self, host: &str, path: &str) -> (u16, String) {
        let answer = self.request(host, Request::get(path).body(Bytes::new()).expect("one")).await;
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    }

    /// What a visitor of a host gets who asks like this.
    pub async fn request(&self, host: &str, request: Request<Bytes>) -> Response<Bytes> {
        let (mut head, body) = request.into_parts();
        let url = format!("{}{}", self.addresses.traffic, head.uri);
        head.uri = url.parse().expect("a URL");
        head.headers.insert("host", host.parse().expect("a host"));
        self.http.fetch(Request::from_parts(head, body)).await.expect("an answer")
    }

    /// Asks the stand-in itself.
    pub async fn ask(&self, method: Method, what: &str, body: &Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{what}", self.addresses.control))
            .body(text.into())
            .expect("a request");
        let answer = self.http.fetch(request).await.expect("an answer");
        let text = String::from_utf8_lossy(answer.body());
        assert!(answer.status().is_success(), "{what}: {text}");
        serde_json::from_slice(answer.body()).expect("JSON")
    }
}

/// A call in one line: method and path below the account.
pub fn line(call: &Value) -> String {
    let path = call["path"].as_str().expect("a path");
    let path = path.replace(&format!("/accounts/{ACCOUNT}"), "");
    format!("{} {path}", call["method"].as_str().expect("a method"))
}

fn packages() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support/cloudflare")
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // Its end was asked for; that it has ended already is as good.
        let _ = self.child.wait();
    }
}
