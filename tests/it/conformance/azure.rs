//! The target `azure`: everything in a subscription at the stand-in, and the app through the Edge in
//! an account at the stand-in for Cloudflare. Each test has a subscription and an account of its own.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use hyper::Method;
use serde_json::{Value, json};

use super::{App, Fact, HOST, Platform, World, platform::Cloud};
use crate::support::{
    Sandbox,
    azure::{Azure, Client, Seen, Settings, engine::Docker},
    cloudflare_account::Account,
};

/// What runs beside the web service, as the fixture writes it.
const BESIDE: [&str; 2] = [
    "  worker: {command: python manage.py worker, stop_timeout: 5s}\n",
    "  beat: {command: python manage.py beat, singleton: true, stop_timeout: 5s}\n",
];

/// What the fixture has for the local target only, and what Azure needs instead.
const OWN: [(&str, &str); 3] = [
    (", volumes: {data: /app/data}", ""),
    ("render: {bundle: /app/bundle.js, assets: /app/static}\n", ""),
    (
        "local: {target: local}",
        "azure: {target: {azure: {location: westeurope}}, \
         edge: {on: [cloudflare], domain: app.example.com}}",
    ),
];

/// How many cores the subscription may use: the default lets no two releases run.
const CORES: u32 = 100;
/// The version of the API of resource groups.
const RESOURCES: &str = "2021-04-01";

/// An environment in a subscription of its own.
pub struct Instances {
    sandbox: Sandbox,
    azure: Azure,
    account: Account,
    light: AtomicBool,
}

impl Default for Instances {
    fn default() -> Self {
        Self::on(Settings { cores: CORES, ..Settings::default() })
    }
}

impl Instances {
    /// In a subscription that behaves like this.
    pub fn on(settings: Settings) -> Self {
        let azure = Azure::start(Settings { images: true, ..settings }, Docker::default());
        let account = Account::start();
        account.plant_theirs();
        let environment = [azure.environment(), account.environment()].concat();
        let sandbox = Sandbox::new("conformance-app").with_environment(environment);
        Self { sandbox, azure, account, light: AtomicBool::default() }
    }

    /// The name of the app, which no other test has.
    pub fn app_name(&self) -> &str {
        self.sandbox.name()
    }

    /// The account that the Edge is in.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The subscription.
    pub fn azure(&self) -> &Azure {
        &self.azure
    }

    /// Replaces something in `mizan.yaml` as it is.
    pub fn edit(&self, from: &str, to: &str) {
        let file = self.sandbox.app().join("mizan.yaml");
        let text = fs::read_to_string(&file).expect("mizan.yaml");
        assert!(text.contains(from), "{from:?} is not in mizan.yaml");
        fs::write(file, text.replace(from, to)).expect("mizan.yaml");
    }

    /// The resource group of the environment.
    fn group(&self) -> String {
        format!("mizan-{}-azure", self.sandbox.name())
    }

    /// A request about that group, by somebody else.
    fn by_hand(&self, method: Method, body: &Value) -> u16 {
        let path = format!(
            "/subscriptions/{}/resourceGroups/{}?api-version={RESOURCES}",
            self.azure.subscription(),
            self.group()
        );
        Client::new(&self.azure).ask(method.as_str(), &path, body).status
    }

    /// The release that the ledger calls live.
    fn live(&self) -> Option<u32> {
        let end = format!("/{}/azure/current.json", self.sandbox.name());
        let current = self.azure.blobs().iter().find_map(|blobs| {
            let name = blobs.names().into_iter().find(|name| name.ends_with(&end))?;
            blobs.read(&name)
        })?;
        let current: Value = serde_json::from_str(&current).expect("JSON");
        current["release"].as_u64().and_then(|release| release.try_into().ok())
    }

    /// True if something is of this environment: by its tags, or by the group that it is in.
    fn is_ours(&self, seen: &Seen) -> bool {
        let app = self.sandbox.name();
        let within = format!("/resourcegroups/{}", self.group());
        let id = seen.id.to_lowercase();
        seen.tags.get("mizan:app").is_some_and(|it| it == app)
            || seen.state["properties"]["tags"]["mizan:app"] == app
            || id
                .split_once(&within)
                .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
    }

    /// The Workers of this environment.
    fn workers(&self) -> Vec<Fact> {
        let prefix = format!("mizan-{}-azure-", self.sandbox.name());
        let state = self.account.state();
        let scripts = state["scripts"].as_array().expect("a list").iter();
        let ours = scripts.filter_map(|script| {
            let kind = script["name"].as_str()?.strip_prefix(&prefix)?;
            let what = format!("script {kind} {}", script["tags"]);
            // The Hub that leads visitors back is deployed anew, with what it had before.
            let which = match kind {
                "hub" => String::new(),
                _ => script["deployments"][0]["versions"].to_string(),
            };
            Some(Fact { what, which, cached: false })
        });
        ours.collect()
    }

    fn ledger(&self) -> Vec<Fact> {
        let within = format!("/{}/azure/", self.sandbox.name());
        let names = self.azure.blobs().into_iter().flat_map(|blobs| blobs.names());
        // What the lock leaves lying tells nothing, as long as it goes with the ledger.
        let is_live = self.live().is_some();
        let ours = names.filter(|name| name.contains(&within));
        let ours = ours.filter(|name| !(is_live && name.contains("/lock")));
        ours.map(|name| Fact {
            cached: name.contains("/lock"),
            what: format!("blob {name}"),
            which: String::new(),
        })
        .collect()
    }
}

impl Platform for Instances {
    const NAME: &'static str = "azure";
    const STAGES: &'static [&'static str] = &["container-group/", "hub/", "traffic/"];
    const FIRST: &'static [&'static str] = &["hub/", "container-group/", "edge/", "domain/"];
    const KEPT: Option<&'static str> = Some("vaults ");
    const FOREIGN: (i32, &'static str) = (1, "does not belong to this environment");
    const STRIDE: usize = 16;
    // Whether a vault was new is not known of a step that failed: it is deleted so that it can come back.
    const RESTS: &'static [&'static str] = &["folder ", "deletedVaults ", "deleted secret "];

    fn write(&self, app: &App) {
        let root = self.sandbox.app();
        let fixture =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conformance-app"));
        let original = |name| fs::read_to_string(fixture.join(name)).expect("the fixture");
        let mut config = original("mizan.yaml");
        let name = format!("app: {}", self.sandbox.name());
        let own = [("app: conformance", name.as_str())];
        for (from, to) in OWN.iter().chain(&own).chain(&app.edits) {
            assert!(config.contains(from), "{from:?} is not in mizan.yaml");
            config = config.replace(from, to);
        }
        if self.light.load(Ordering::Relaxed) {
            BESIDE.iter().for_each(|service| config = config.replace(service, ""));
        }
        let state = json!({"version": app.version, "fault": app.fault}).to_string();
        let dockerfile = app.dockerfile(&original("Dockerfile"));
        for (name, text) in
            [("mizan.yaml", config), ("app.json", state), ("Dockerfile", dockerfile)]
        {
            fs::write(root.join(name), text).expect("a file of the app");
        }
    }

    fn mizan(&self, arguments: &[&str]) -> Command {
        self.sandbox.mizan(arguments)
    }

    fn world(&self) -> World {
        let ours: Vec<_> = self.azure.seen().into_iter().filter(|it| self.is_ours(it)).collect();
        let running = ours.iter().filter(|it| state_of(it) == "Running");
        let mut services: Vec<_> =
            running.filter_map(|it| it.tags.get("mizan:service").cloned()).collect();
        services.sort();
        let mut facts: Vec<_> = ours.iter().map(fact).collect();
        facts.extend(self.workers());
        facts.extend(self.ledger());
        World { facts, live: self.live(), services }
    }

    fn serving(&self) -> Result<String, String> {
        match self.account.visit(HOST, "/version") {
            (200, version) => Ok(version),
            (status, body) => Err(format!("{status} {body}")),
        }
    }

    fn squat(&self) -> String {
        let made = self.by_hand(Method::PUT, &json!({"location": "westeurope"}));
        assert_eq!(made, 201, "the group of somebody else");
        self.group()
    }

    fn unsquat(&self, _: &str) -> bool {
        let (deleted, mut seen) = (self.by_hand(Method::DELETE, &Value::Null), 200);
        while deleted == 202 && seen == 200 {
            seen = self.by_hand(Method::GET, &Value::Null);
        }
        deleted == 202
    }

    fn lighten(&self) {
        self.light.store(true, Ordering::Relaxed);
    }
}

impl Cloud for Instances {
    type Striker = Azure;

    fn striker(&self) -> &Azure {
        &self.azure
    }

    fn app(&self) -> &str {
        self.sandbox.name()
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
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

/// What a container group does as a whole; empty for everything else.
fn state_of(seen: &Seen) -> &str {
    seen.state["properties"]["instanceView"]["state"].as_str().unwrap_or_default()
}

/// What compares with another deploy is what was asked for; ids, times and hashes are its identity
/// or nobody's.
fn fact(seen: &Seen) -> Fact {
    const CACHES: [&str; 3] = ["registries", "resourceGroups", "userAssignedIdentities"];
    // Hashes of what differs from app to app, and versions of what is made up.
    const OWN: [&str; 4] = ["mizan:secrets", "mizan:image", "mizan:migrated", "mizan:version"];
    let tags: Vec<_> = seen.tags.iter().filter(|(key, _)| !OWN.contains(&key.as_str())).collect();
    let properties = &seen.state["properties"];
    let said = |keys: &[&str]| -> String {
        keys.iter().map(|key| format!("{key}={} ", properties[*key])).collect()
    };
    let essence = match seen.kind.as_str() {
        "containerGroups" => {
            let containers = properties["containers"].as_array().into_iter().flatten();
            let each: Vec<_> = containers
                .map(|it| format!("{} {}", it["name"], it["properties"]["resources"]))
                .collect();
            format!("{} {}{each:?}", state_of(seen), said(&["restartPolicy"]))
        }
        "roleAssignments" => said(&["roleDefinitionId", "scope"]),
        "vaults" => said(&["sku", "enableRbacAuthorization", "softDeleteRetentionInDays"]),
        "registries" => said(&["adminUserEnabled"]),
        _ => String::new(),
    };
    Fact {
        what: format!("{} {} {tags:?}: {essence}", seen.kind, seen.name),
        which: format!("{} #{}", seen.id, seen.serial),
        cached: CACHES.contains(&seen.kind.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_somebody_else_is_seen_and_taken_away() {
        let platform = Instances::default();
        assert!(platform.world().is_empty());
        let squatted = platform.squat();
        let world = platform.world();
        assert_eq!((world.facts.len(), world.live), (1, None));
        assert!(world.facts[0].what.contains(&squatted), "{world:?}");
        assert!(platform.unsquat(&squatted));
        assert!(!platform.unsquat(&squatted));
        assert_eq!(platform.azure().ids(), Vec::<String>::new());
    }
}
