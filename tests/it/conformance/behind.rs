//! The target `origin`: Hub, Edge and Render in an account at the stand-in for Cloudflare, before a
//! server of this process. Each test has an account of its own, with things of somebody else in it.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use bytes::Bytes;
use hyper::{Method, Request};
use serde_json::{Value, json};

use super::{App, Fact, Platform, World, platform::Cloud};
use crate::support::{
    Ended, Sandbox,
    cloudflare_account::Account,
    server::{Answer, Server},
};

/// Where visitors come in.
pub const HOST: &str = "app.example.com";
/// What the environment is called.
pub const ENVIRONMENT: &str = "cf";
/// Where the app that runs elsewhere has its one context.
const CONTEXT: &str = "/api/mizan/ctx/release/";
/// A file of each version, served by its Edge.
const VERSION_FILE: &str = "version.txt";
const KINDS: [&str; 3] = ["hub", "render", "edge"];

/// An environment in an account of its own. What is foreign in it is the same before and after
/// whatever `mizan` does; that is looked at again and again.
pub struct Behind {
    sandbox: Sandbox,
    origin: Origin,
    account: Account,
    theirs: Mutex<Value>,
    squatted: Mutex<Value>,
}

/// The app that runs elsewhere: healthy, unless it is told otherwise.
pub struct Origin {
    server: Server,
    is_ill: Arc<AtomicBool>,
}

impl Origin {
    /// One whose context says that.
    pub fn start(says: &'static str) -> Self {
        let is_ill = Arc::new(AtomicBool::new(false));
        let ill = Arc::clone(&is_ill);
        let server =
            Server::start(move |request| answer(request, says, ill.load(Ordering::Relaxed)));
        Self { server, is_ill }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Its health check fails from now on, or does not any more.
    pub fn set_ill(&self, is_ill: bool) {
        self.is_ill.store(is_ill, Ordering::Relaxed);
    }
}

/// It keeps the rules of `mizan check`, which each deploy asks about.
fn answer(request: &Request<Bytes>, says: &str, is_ill: bool) -> Answer {
    let text = |status, body: &str| Answer {
        status,
        headers: vec![
            ("content-type", "text/plain".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ],
        body: body.to_owned(),
    };
    let etag = format!("\"{says}\"");
    let is_known = request.headers().get("if-none-match").is_some_and(|seen| *seen == *etag);
    match request.uri().path() {
        _ if request.method() != Method::GET && request.method() != Method::HEAD => {
            text(405, "not allowed")
        }
        "/healthz" if is_ill => text(500, "the database is on fire"),
        "/healthz" => text(200, "ok"),
        "/who" => text(200, says),
        CONTEXT => Answer {
            status: if is_known { 304 } else { 200 },
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("cache-control", "public, max-age=0, stale-while-revalidate=300".to_owned()),
                ("vary", "Authorization, Cookie".to_owned()),
                ("etag", etag),
            ],
            body: match is_known {
                true => String::new(),
                false => json!({"current": {"version": says}}).to_string(),
            },
        },
        _ => text(404, "not found"),
    }
}

impl Default for Behind {
    fn default() -> Self {
        let account = Account::start();
        account.plant_theirs();
        let sandbox = Sandbox::new("conformance-app").with_environment(account.environment());
        let behind = Self {
            sandbox,
            origin: Origin::start("the origin"),
            account,
            theirs: Mutex::default(),
            squatted: Mutex::default(),
        };
        *behind.theirs.lock().expect("what is theirs") = behind.foreign();
        behind
    }
}

impl Behind {
    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The app that runs elsewhere.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The folder of the app's source.
    pub fn folder(&self) -> std::path::PathBuf {
        self.sandbox.app()
    }

    /// Where state of environments is kept.
    pub fn data(&self) -> std::path::PathBuf {
        self.sandbox.data()
    }

    /// The name of one of our scripts.
    pub fn script(&self, kind: &str) -> String {
        format!("{}{kind}", self.prefix())
    }

    fn prefix(&self) -> String {
        format!("mizan-{}-{ENVIRONMENT}-", self.sandbox.name())
    }

    /// The source becomes this app, before another origin.
    pub fn write_before(&self, app: &App, origin: &str) {
        let root = self.sandbox.app();
        let fixture =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conformance-app"));
        let original = |name| fs::read_to_string(fixture.join(name)).expect("the fixture");
        let config = original("mizan.yaml");
        // The services run elsewhere.
        let (head, rest) = config.split_once("services:").expect("the fixture's services");
        let (_, tail) = rest.split_once("\nrender:").expect("the fixture's pages");
        let mut config = format!("{head}render:{tail}");
        let name = format!("app: {}", self.sandbox.name());
        let target = format!(
            "{ENVIRONMENT}: {{target: {{origin: '{origin}'}}, \
             edge: {{on: [cloudflare], domain: {HOST}}}}}"
        );
        let own = [("app: conformance", name.as_str()), ("local: {target: local}", &target)];
        for (from, to) in own.iter().chain(&app.edits) {
            assert!(config.contains(from), "{from:?} is not in mizan.yaml");
            config = config.replace(from, to);
        }
        let version = &app.version;
        // The page tells the version of Render, the file that of the Edge.
        let mut bundle =
            original("bundle.js").replace("${ssr.contexts[0].data.current.version}", version);
        match app.fault {
            "" => {}
            "crash" => bundle.push_str("\nthrow new Error('window is not defined');\n"),
            "page" => {
                bundle = bundle.replace(
                    "export const render = (ssr) =>",
                    "export const render = (ssr) => { throw new Error('no such component'); };\n\
                     const unused = (ssr) =>",
                );
            }
            other => panic!("the origin does not know the fault {other}"),
        }
        fs::create_dir_all(root.join("static")).expect("a folder");
        let file = format!("static/{VERSION_FILE}");
        for (name, text) in [("mizan.yaml", &config), ("bundle.js", &bundle), (&file, version)] {
            fs::write(root.join(name), text).expect("a file of the app");
        }
    }

    /// What a visitor gets: the body of a 200 answer.
    pub fn get(&self, path: &str) -> Result<String, String> {
        match self.account.visit(HOST, path) {
            (200, body) => Ok(body),
            (status, body) => Err(format!("{path}: {status} {body}")),
        }
    }

    /// One of our scripts, as the account has it.
    pub fn seen(&self, kind: &str) -> Option<Value> {
        let name = self.script(kind);
        let state = self.account.state();
        list(&state["scripts"]).into_iter().find(|script| script["name"] == name.as_str())
    }

    /// The version of one of our scripts that takes the requests.
    pub fn active(&self, kind: &str) -> Value {
        let script = self.seen(kind).expect("the script");
        active(&script).expect("a version that takes all requests")
    }

    /// Everything in the account that is not of this environment.
    fn foreign(&self) -> Value {
        let mut state = self.account.state();
        let ours = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            KINDS.iter().any(|kind| self.script(kind) == name)
        };
        let drop = |list: &mut Value, field: &str| {
            let items = list.as_array_mut().expect("a list");
            items.retain(|item| !ours(&item[field]));
        };
        drop(&mut state["scripts"], "name");
        drop(&mut state["domains"], "service");
        for (lists, field) in [("dns", "worker"), ("routes", "script")] {
            for (_, list) in state[lists].as_object_mut().expect("lists by zone") {
                drop(list, field);
            }
        }
        state
    }

    /// What is somebody else's is what it was, to the byte.
    #[track_caller]
    pub fn assert_theirs(&self) {
        let now = self.foreign();
        let before = self.theirs.lock().expect("what is theirs");
        if *before != now {
            let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
            panic!("not ours, and changed:\n{}\nwas\n{}", pretty(&now), pretty(&before));
        }
    }

    /// Somebody changes what is theirs; from now on it has to stay like that.
    pub fn by_somebody<T>(&self, change: impl FnOnce(&Account) -> T) -> T {
        self.assert_theirs();
        let changed = change(&self.account);
        *self.theirs.lock().expect("what is theirs") = self.foreign();
        changed
    }

    fn script_facts(&self, state: &Value) -> Vec<Fact> {
        let mut facts = Vec::new();
        let scripts = list(&state["scripts"]);
        let render = self.script("render");
        let render = scripts.iter().find(|script| script["name"] == render.as_str());
        let render = render.and_then(active).map(|version| text(&version["id"]));
        for kind in KINDS {
            let name = self.script(kind);
            let found = scripts.iter().find(|script| script["name"] == name.as_str());
            let Some(script) = found else { continue };
            let Some(version) = active(script) else {
                facts.push(fact(format!("script {kind} without a version"), String::new()));
                continue;
            };
            let mut secrets = String::new();
            let bindings: Vec<String> = list(&version["bindings"])
                .iter()
                .map(|binding| {
                    let (name, of) = (text(&binding["name"]), text(&binding["type"]));
                    let mut value = text(&binding["text"]);
                    if of == "secret_text" {
                        secrets.push_str(&format!("{name}={value} "));
                        value.clear();
                    }
                    if let Some(render) = &render {
                        value = value.replace(render, "(the live one)");
                    }
                    let more = ["service", "class_name"].map(|field| text(&binding[field]));
                    format!("{of} {name} {value}{}", more.join(""))
                })
                .collect();
            let modules: Vec<_> =
                list(&version["modules"]).iter().map(|module| text(&module["name"])).collect();
            let assets: Vec<_> = version["assets"]["manifest"]
                .as_object()
                .map(|files| files.keys().cloned().collect())
                .unwrap_or_default();
            let what = format!(
                "script {kind} {} {bindings:?} {} {modules:?} {assets:?} {} {} {} {}",
                script["tags"],
                version["compatibility_date"],
                version["assets"]["config"],
                script["subdomain"],
                script["migration_tag"],
                script["observability"],
            );
            facts.push(fact(what, format!("{} {secrets}", text(&version["id"]))));
            for namespace in list(&script["namespaces"]) {
                let what = format!("objects of {kind}, {}", namespace["class"]);
                facts.push(fact(what, text(&namespace["id"])));
            }
        }
        facts
    }

    fn address_facts(&self, state: &Value) -> Vec<Fact> {
        let ours = |name: &Value| KINDS.iter().any(|kind| *name == self.script(kind).as_str());
        let mut facts = Vec::new();
        for domain in list(&state["domains"]).iter().filter(|it| ours(&it["service"])) {
            let what = format!("domain {} {}", domain["hostname"], domain["zone_name"]);
            facts.push(fact(what, text(&domain["id"])));
        }
        let all = |lists: &str| -> Vec<Value> {
            let zones = state[lists].as_object().expect("lists by zone");
            zones.values().flat_map(list).collect()
        };
        for record in all("dns").iter().filter(|it| ours(&it["worker"])) {
            let what =
                format!("record {} {} {}", record["type"], record["name"], record["content"]);
            facts.push(fact(what, text(&record["id"])));
        }
        for route in all("routes").iter().filter(|it| ours(&it["script"])) {
            facts.push(fact(format!("route {}", route["pattern"]), text(&route["id"])));
        }
        facts
    }

    fn ledger_facts(&self) -> (Vec<Fact>, Option<u32>) {
        let (mut facts, mut live) = (Vec::new(), None);
        for folder in entries(&self.sandbox.data()) {
            facts.push(fact(format!("folder {}", name_of(&folder)), String::new()));
            for release in entries(&folder.join("ledger/releases")) {
                facts.push(fact(format!("release {}", name_of(&release)), String::new()));
            }
            if let Ok(current) = fs::read_to_string(folder.join("ledger/current.json")) {
                let current: Value = serde_json::from_str(&current).expect("JSON");
                live = current["release"].as_u64().and_then(|number| number.try_into().ok());
                facts.push(fact(format!("current is r{}", current["release"]), String::new()));
            }
        }
        (facts, live)
    }
}

impl Platform for Behind {
    const NAME: &'static str = "origin";
    const STAGES: &'static [&'static str] = &["render/", "edge/", "traffic/"];
    const FIRST: &'static [&'static str] = &["hub/", "render/", "edge/", "domain/"];
    const KEPT: Option<&'static str> = None;
    const FOREIGN: (i32, &'static str) = (1, "is not ours");
    const STRIDE: usize = 6;

    fn write(&self, app: &App) {
        self.write_before(app, &self.origin.url());
    }

    fn mizan(&self, arguments: &[&str]) -> Command {
        self.assert_theirs();
        self.sandbox.mizan(arguments)
    }

    fn world(&self) -> World {
        self.assert_theirs();
        let state = self.account.state();
        let (mut facts, live) = self.ledger_facts();
        facts.extend(self.script_facts(&state));
        facts.extend(self.address_facts(&state));
        let services = KINDS.iter().filter(|kind| {
            let name = self.script(kind);
            list(&state["scripts"]).iter().any(|script| script["name"] == name.as_str())
        });
        let mut services: Vec<_> = services.map(|kind| (*kind).to_owned()).collect();
        services.sort();
        World { facts, live, services }
    }

    /// A page comes from Render, its asset with the Edge: both are of one release, at any time.
    fn serving(&self) -> Result<String, String> {
        self.assert_theirs();
        let version = self.get(&format!("/static/{VERSION_FILE}"))?;
        let page = self.get("/")?;
        match page.contains(&format!("<main>{version}</main>")) {
            true => Ok(version),
            false => Err(format!("the Edge is of {version}, but the page is\n{page}")),
        }
    }

    fn squat(&self) -> String {
        let name = self.script("render");
        self.account.put_worker(&name, "somebody's", Vec::new());
        *self.squatted.lock().expect("it") = self.seen("render").expect("it was just made");
        name
    }

    fn unsquat(&self, what: &str) -> bool {
        let is_same = self.seen("render").as_ref() == Some(&*self.squatted.lock().expect("it"));
        if is_same {
            self.account.by_hand(Method::DELETE, &format!("workers/scripts/{what}"), &Value::Null);
        }
        is_same
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let ended = self.mizan(arguments).output().expect("mizan runs").into();
        self.assert_theirs();
        ended
    }
}

impl Cloud for Behind {
    type Striker = Account;

    fn striker(&self) -> &Account {
        &self.account
    }

    fn app(&self) -> &str {
        self.sandbox.name()
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.assert_theirs();
        }
        // What was built is of no use to anybody else.
        let name = format!("reference=mizan/{}", self.sandbox.name());
        let found = Command::new("docker").args(["image", "ls", "-q", "--filter", &name]).output();
        let Ok(found) = found else { return };
        let ids = String::from_utf8_lossy(&found.stdout).into_owned();
        if !ids.trim().is_empty() {
            let ids = ids.split_whitespace();
            let _ = Command::new("docker").args(["image", "rm", "-f"]).args(ids).output();
        }
    }
}

fn fact(what: String, which: String) -> Fact {
    Fact { what, which, cached: false }
}

/// The version that takes all requests.
fn active(script: &Value) -> Option<Value> {
    let shares = list(&script["deployments"][0]["versions"]);
    let whole = shares.iter().find(|share| share["percentage"] == 100)?;
    let versions = list(&script["versions"]);
    versions.into_iter().find(|version| version["id"] == whole["version_id"])
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
