//! The local Docker engine. The network of a group is that of a container which does nothing else,
//! so the others reach each other at localhost, and one that ends takes nothing from them.

use std::{
    collections::BTreeMap,
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Condition, Engine, Now, Program, Restart,
    api::{ask, pull, unframed},
};
use crate::support::free_port;

/// What holds the network of a group.
const HOLDER: &str = "debian:bookworm-slim";
/// The label of all containers: the process that they go with.
const OWNER: &str = "mizan.azure.owner";
/// How long a container has to end by itself, in seconds.
const GRACE: u32 = 10;

/// The containers that were started here; they go when this is dropped.
#[derive(Debug, Default)]
pub struct Docker {
    /// By the id of the group.
    groups: BTreeMap<String, Group>,
}

/// The containers of a group, by their names on the engine.
#[derive(Debug, Default)]
struct Group {
    holder: String,
    containers: Vec<Container>,
    /// The ports of 127.0.0.1, by those of the group.
    ports: BTreeMap<u16, u16>,
}

#[derive(Debug)]
struct Container {
    /// In the group.
    inside: String,
    name: String,
    /// Why it could not be started.
    reason: Option<String>,
}

impl Docker {
    fn find(&self, group: &str, container: &str) -> Option<&Container> {
        let group = self.groups.get(&group.to_lowercase())?;
        group.containers.iter().find(|it| it.inside == container)
    }

    /// Everything of a group that runs goes.
    fn remove(&mut self, group: &str) {
        let Some(group) = self.groups.remove(&group.to_lowercase()) else { return };
        let containers = group.containers.iter().map(|it| &it.name);
        for name in containers.chain([&group.holder]) {
            delete(name);
        }
    }
}

impl Engine for Docker {
    fn start(
        &mut self,
        group: &str,
        programs: &[Program],
        ports: &[u16],
        restart: Restart,
    ) -> Result<(), String> {
        programs.iter().try_for_each(fetch)?;
        self.stop(group);
        let ports: BTreeMap<u16, u16> = ports.iter().map(|port| (*port, free_port())).collect();
        let holder = new_name();
        run(&holder, &holding(&ports))?;
        let network = format!("container:{holder}");
        let mut made = Group { holder, ports, containers: Vec::new() };
        for program in programs {
            let name = new_name();
            let reason = run(&name, &container(program, &network, restart)).err();
            made.containers.push(Container { inside: program.name.clone(), name, reason });
        }
        self.groups.insert(group.to_lowercase(), made);
        Ok(())
    }

    fn condition(&self, group: &str, container: &str) -> Option<Condition> {
        let container = self.find(group, container)?;
        if let Some(reason) = &container.reason {
            return Some(Condition { reason: Some(reason.clone()), ..Now::Waiting.into() });
        }
        let told = ask("GET", &format!("/containers/{}/json", container.name), &[], &Value::Null);
        let told = told.success().ok()?.json();
        let state = &told["State"];
        let restarts = told["RestartCount"].as_u64().unwrap_or_default().try_into().ok()?;
        let code: i32 = state["ExitCode"].as_i64().unwrap_or_default().try_into().ok()?;
        // While it waits to be started again, it counts as running, too.
        let (now, last) = match (&state["Restarting"], &state["Running"]) {
            (Value::Bool(true), _) => (Now::Waiting, Some(code)),
            (_, Value::Bool(true)) if restarts > 0 => (Now::Running, last_code(&container.name)),
            (_, Value::Bool(true)) => (Now::Running, None),
            _ => (Now::Ended(code), None),
        };
        Some(Condition { now, restarts, last, reason: None })
    }

    fn logs(&self, group: &str, container: &str, tail: Option<u32>, timestamps: bool) -> String {
        let Some(container) = self.find(group, container) else { return String::new() };
        let tail = tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string());
        let path = format!(
            "/containers/{}/logs?stdout=1&stderr=1&tail={tail}&timestamps={timestamps}",
            container.name
        );
        ask("GET", &path, &[], &Value::Null)
            .success()
            .map_or_else(|_| String::new(), |it| unframed(&it.body))
    }

    fn published(&self, group: &str, port: u16) -> Option<u16> {
        self.groups.get(&group.to_lowercase())?.ports.get(&port).copied()
    }

    fn stop(&mut self, group: &str) {
        let names = self.groups.get(&group.to_lowercase()).into_iter();
        let names = names.flat_map(|group| &group.containers).map(|it| &it.name);
        thread::scope(|scope| {
            for name in names {
                let path = format!("/containers/{name}/stop?t={GRACE}");
                // One that has ended, or never began, is no less stopped.
                scope.spawn(move || ask("POST", &path, &[], &Value::Null));
            }
        });
        self.remove(group);
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        for group in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.remove(&group);
        }
    }
}

/// A name that no other container of any process has.
fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    if count == 0 {
        sweep();
    }
    format!("mizan-azure-{}-{count}", process::id())
}

/// Fetches an image that is not there.
fn fetch(program: &Program) -> Result<(), String> {
    let path = format!("/images/{}/json", program.image);
    match (ask("GET", &path, &[], &Value::Null).success(), &program.login) {
        (Ok(_), _) => Ok(()),
        (Err(_), Some(login)) => pull(&program.image, login),
        (Err(reason), None) => Err(reason),
    }
}

/// What holds these ports.
fn holding(ports: &BTreeMap<u16, u16>) -> Value {
    let exposed: serde_json::Map<_, _> =
        ports.keys().map(|port| (format!("{port}/tcp"), json!({}))).collect();
    let bound = |(port, outside): (&u16, &u16)| {
        (format!("{port}/tcp"), json!([{"HostIp": "127.0.0.1", "HostPort": outside.to_string()}]))
    };
    let bound: serde_json::Map<_, _> = ports.iter().map(bound).collect();
    json!({"Image": HOLDER, "Cmd": ["sleep", "infinity"], "ExposedPorts": exposed,
           "HostConfig": {"PortBindings": bound}})
}

fn container(program: &Program, network: &str, restart: Restart) -> Value {
    let environment: Vec<_> =
        program.environment.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let policy = match restart {
        Restart::Always => "always",
        Restart::OnFailure => "on-failure",
        Restart::Never => "no",
    };
    let mut container = json!({"Image": program.image, "Env": environment,
        "HostConfig": {"NetworkMode": network, "RestartPolicy": {"Name": policy}}});
    if !program.command.is_empty() {
        container["Entrypoint"] = program.command.clone().into();
        container["Cmd"] = json!([]);
    }
    container
}

/// Makes a container and starts it.
fn run(name: &str, container: &Value) -> Result<(), String> {
    let mut container = container.clone();
    container["Labels"] = json!({OWNER: process::id().to_string()});
    ask("POST", &format!("/containers/create?name={name}"), &[], &container).success()?;
    ask("POST", &format!("/containers/{name}/start"), &[], &Value::Null).success().map(drop)
}

/// One that could not be made is not there.
fn delete(name: &str) {
    ask("DELETE", &format!("/containers/{name}?force=1&v=1"), &[], &Value::Null);
}

/// The code that a container ended with the last time.
fn last_code(name: &str) -> Option<i32> {
    let filters = json!({"container": [name], "event": ["die"]}).to_string();
    let now = Timestamp::now();
    let until = format!("{}.{:09}", now.as_second(), now.subsec_nanosecond());
    let query = [("since", "0"), ("until", &until), ("filters", &filters)];
    let query = serde_urlencoded::to_string(query).expect("a query");
    let told = ask("GET", &format!("/events?{query}"), &[], &Value::Null);
    let text = String::from_utf8_lossy(&told.body).into_owned();
    let last: Value = serde_json::from_str(text.lines().last()?).ok()?;
    last["Actor"]["Attributes"]["exitCode"].as_str()?.parse().ok()
}

/// Takes away what was left by processes that were killed.
fn sweep() {
    let filters = json!({"label": [OWNER]}).to_string();
    let query =
        serde_urlencoded::to_string([("all", "1"), ("filters", &filters)]).expect("a query");
    let found = ask("GET", &format!("/containers/json?{query}"), &[], &Value::Null).json();
    for container in found.as_array().into_iter().flatten() {
        let owner = container["Labels"][OWNER].as_str().unwrap_or_default();
        if !std::path::Path::new("/proc").join(owner).exists() {
            delete(container["Id"].as_str().unwrap_or_default());
        }
    }
}
