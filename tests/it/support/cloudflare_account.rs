//! An account at the stand-in for Cloudflare, for tests that wait for each answer: a zone, things of
//! somebody else in it, and eyes that do not depend on what is tested.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use hyper::Method;
use mizan::{
    cloudflare::{Binding, Cloudflare, ModuleKind, ModulePart, Retries, Upload},
    http::Http,
    secret::SecretValue,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::{
    aws::{Fault, Moment},
    cloudflare_fake::{ACCOUNT, Fake, TOKEN, line},
    strikes::{Heard, Strike, Striker},
};

/// The zone of the account.
pub const ZONE: &str = "example.com";

/// A running stand-in with one zone; it ends when it is dropped.
pub struct Account {
    fake: Fake,
    zone: String,
    is_deadly: AtomicBool,
    runtime: Handle,
    /// Connections are served while nobody waits, so they have a thread of their own.
    _stop: oneshot::Sender<()>,
}

impl Account {
    /// A fresh one: a zone, and nothing else.
    pub fn start() -> Self {
        let owned = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let runtime = owned.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || owned.block_on(stopped));
        let (fake, zone) = runtime.block_on(async {
            let fake = Fake::start();
            let zone = fake.add_zone(ZONE).await;
            (fake, zone)
        });
        Self { fake, zone, is_deadly: AtomicBool::default(), runtime, _stop: stop }
    }

    /// What `mizan` needs to find it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.fake.environment();
        // Here a version is known at once, and one that does not answer never will.
        environment.push(("MIZAN_CLOUDFLARE_PATIENCE", "5".to_owned()));
        environment
    }

    /// The id of its zone.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Everything that it knows, without secrets.
    pub fn state(&self) -> Value {
        self.runtime.block_on(self.fake.state())
    }

    /// What was uploaded, in a form that compares.
    pub fn uploads(&self) -> Value {
        self.runtime.block_on(self.fake.uploads())
    }

    /// Asks the stand-in itself.
    pub fn ask(&self, method: Method, what: &str, body: &Value) -> Value {
        self.runtime.block_on(self.fake.ask(method, what, body))
    }

    /// What somebody does by hand, by a path below the account.
    pub fn by_hand(&self, method: Method, path: &str, body: &Value) -> Value {
        self.runtime.block_on(self.fake.by_hand(method, path, body))
    }

    /// What a visitor of a host gets: status and body.
    pub fn visit(&self, host: &str, path: &str) -> (u16, String) {
        self.runtime.block_on(self.fake.visit(host, path))
    }

    /// Runs wrangler in a folder, with this as Cloudflare.
    pub fn wrangler(&self, folder: &std::path::Path, arguments: &[&str]) -> super::Ended {
        self.runtime.block_on(self.fake.wrangler(folder, arguments)).into()
    }

    /// Uploads a Worker that answers with a text, as somebody would who does not know of us.
    pub fn put_worker(&self, name: &str, text: &str, bindings: Vec<Binding>) {
        let code = format!("export default {{ fetch: () => new Response({text:?}) }};\n");
        let upload = Upload {
            main_module: "index.js".into(),
            modules: vec![ModulePart {
                name: "index.js".into(),
                content: code.into(),
                kind: ModuleKind::EsModule,
            }],
            compatibility_date: "2026-10-01".into(),
            compatibility_flags: Vec::new(),
            bindings,
            keep_bindings: Vec::new(),
            migrations: None,
            tags: Vec::new(),
            tag: String::new(),
            message: String::new(),
            observability: None,
            assets: None,
            keep_assets: false,
        };
        let put = async {
            let http = Http::new().expect("certificates");
            let token = SecretValue::new(TOKEN.to_owned());
            let cloudflare = Cloudflare::new(http, self.fake.api(), token, Retries::default());
            cloudflare.put_script(ACCOUNT, name, &upload).await
        };
        self.runtime.block_on(put).expect("a Worker of somebody else");
    }

    /// A Worker with a variable, a secret, a host name and a route; and records of DNS.
    pub fn plant_theirs(&self) {
        let variable = Binding::PlainText { name: "GREETING".into(), text: "hello".into() };
        let secret = SecretValue::new("somebody's own".to_owned());
        let secret = Binding::Secret { name: "PASSWORD".into(), text: secret };
        self.put_worker("theirs", "theirs", vec![variable, secret]);
        let domain = json!({"hostname": "theirs.example.com", "service": "theirs",
            "zone_id": self.zone, "environment": "production"});
        self.by_hand(Method::PUT, "workers/domains", &domain);
        for (kind, name, content) in [
            ("A", "www.example.com", "192.0.2.1"),
            ("TXT", "example.com", "v=spf1 -all"),
            ("CNAME", "static.example.com", "elsewhere.example.net"),
        ] {
            // One of another environment is no more ours than one of nobody.
            let record = json!({"zone": self.zone, "type": kind, "name": name, "content": content,
                "proxied": kind == "A", "comment": "mizan:another:production"});
            self.ask(Method::POST, "dns", &record);
        }
        let route = json!({"zone": self.zone, "pattern": "www.example.com/*", "script": "theirs"});
        self.ask(Method::POST, "routes", &route);
    }

    /// Somebody sets a plain variable of a script; everything else stays.
    pub fn set_variable(&self, script: &str, name: &str, text: &str) {
        let path = format!("workers/scripts/{script}/settings");
        let settings = self.by_hand(Method::GET, &path, &Value::Null);
        let mut bindings: Vec<Value> = settings["bindings"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|binding| binding["name"] != name)
            .map(|binding| json!({"name": binding["name"], "type": "inherit"}))
            .collect();
        bindings.push(json!({"name": name, "type": "plain_text", "text": text}));
        self.runtime.block_on(self.fake.patch_settings(script, &json!({"bindings": bindings})));
    }

    /// The modules of a script's newest version, by name.
    pub fn modules(&self, script: &str) -> Value {
        self.ask(Method::POST, "modules", &json!({ "script": script }))
    }

    /// Every call that had an effect or an answer, whole, with the secrets in it.
    pub fn recordings(&self) -> Vec<Value> {
        let calls = self.ask(Method::GET, "recordings", &Value::Null);
        calls.as_array().expect("a list").clone()
    }

    /// The calls that change something, of those that are not forgotten.
    pub fn changes(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| !name.starts_with("GET ")).collect()
    }
}

/// Ids, which are others in each run.
const ID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}";

impl Striker for Account {
    fn clear(&self) {
        self.is_deadly.store(false, Ordering::Relaxed);
        self.runtime.block_on(async {
            self.fake.heal().await;
            self.fake.take_calls().await;
        });
    }

    fn heard(&self) -> Vec<Heard> {
        let heard = |site: String| Heard { is_read: site.starts_with("GET "), site };
        self.names().into_iter().map(heard).collect()
    }

    fn strike(&self, site: &str, nth: usize, how: Strike) {
        let (kind, counted) = match how {
            Strike::Once(fault) => (kind(fault), "at"),
            Strike::FromHere(fault) => (kind(fault), "from"),
            Strike::Kill(Moment::Before) => ("hang", "at"),
            Strike::Kill(Moment::After) => ("hang-after", "at"),
        };
        self.is_deadly.store(matches!(how, Strike::Kill(_)), Ordering::Relaxed);
        let (method, path) = site.split_once(' ').expect("a method and a path");
        let path = path.replace(":id", &format!("({ID})"));
        let site = format!("^{method} (/accounts/{ACCOUNT})?{path}$");
        let mut fault =
            json!({"kind": kind, "retryAfter": 1, "match": site, "onwards": counted == "from"});
        fault[counted] = json!(nth);
        self.runtime.block_on(self.fake.fault(&fault));
    }

    fn victim(&self, process: u32) {
        if self.is_deadly.load(Ordering::Relaxed) {
            self.kill_where_it_hangs(process);
        }
    }

    fn struck(&self) -> usize {
        let calls = self.runtime.block_on(self.fake.calls());
        calls.iter().filter(|call| !call["fault"].is_null()).count()
    }

    fn count_of(&self, site: &str) -> usize {
        self.names().iter().filter(|name| *name == site).count()
    }
}

impl Account {
    /// The calls that are not forgotten, by what is asked and about what.
    pub fn names(&self) -> Vec<String> {
        let id = regex::Regex::new(ID).expect("an expression");
        let calls = self.runtime.block_on(self.fake.calls());
        calls.iter().map(|call| id.replace_all(&line(call), ":id").into_owned()).collect()
    }

    /// Once a call hangs, its caller dies; one that ends without such a call lives.
    pub fn kill_where_it_hangs(&self, process: u32) {
        let hangs = || {
            let calls = self.runtime.block_on(self.fake.calls());
            calls.iter().any(|call| call["hangs"] == true)
        };
        while !hangs() {
            if has_ended(process) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::KILL).expect("the process is there");
    }
}

fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::Throttled => "429",
        Fault::Internal => "500",
        Fault::Expired | Fault::Denied => "403",
        Fault::CutBefore => "cut-before",
        Fault::CutAfter => "cut-after",
    }
}

/// Nobody has waited for it yet, so it would still be listed.
fn has_ended(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; the state is the word after it.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
    state.is_none_or(|state| state == "Z" || state == "X")
}
