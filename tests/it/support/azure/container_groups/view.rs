//! What is told about a container group: no secrets, and what goes on in it.

use serde_json::{Value, json};

use super::super::{
    State,
    engine::{Condition, Now},
    gates, reply,
    store::Resource,
};

/// All that Azure tells about a group.
pub fn view(state: &State, group: &Resource) -> Value {
    let mut view = group.view();
    let properties = &mut view["properties"];
    for key in ["containers", "initContainers"] {
        for container in properties[key].as_array_mut().into_iter().flatten() {
            forget(&mut container["properties"]["environmentVariables"], "secureValue");
        }
        if properties[key].is_null() {
            properties.as_object_mut().expect("a group has properties").remove(key);
        }
    }
    if properties.get("imageRegistryCredentials").is_some() {
        forget(&mut properties["imageRegistryCredentials"], "password");
    }
    if properties.get("ipAddress").is_some() {
        address(&mut properties["ipAddress"], group.location());
    }
    let mut conditions = Vec::new();
    for container in properties["containers"].as_array_mut().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        let condition = state.engine.condition(&group.id, name);
        container["properties"]["instanceView"] = instance(group, condition.as_ref());
        conditions.push(condition);
    }
    let events: Vec<_> =
        group.failure.iter().map(|(code, message)| reply::warning(code, message)).collect();
    properties["instanceView"] = json!({"events": events, "state": overall(group, &conditions)});
    view
}

/// What goes on in a container.
fn instance(group: &Resource, condition: Option<&Condition>) -> Value {
    let Some(condition) = condition.filter(|_| group.operation.is_none()) else {
        return json!({"restartCount": 0, "currentState": {"state": "Waiting"}, "events": []});
    };
    let current = match condition.now {
        Now::Running => json!({"state": "Running", "detailStatus": ""}),
        Now::Waiting => {
            let why = "CrashLoopBackOff: Back-off restarting failed";
            json!({"state": "Waiting", "detailStatus": why})
        }
        Now::Ended(code) => ended(code),
    };
    let started = reply::event("Started", "Started container", "Normal", condition.restarts + 1);
    let failed = condition.reason.as_ref().map(|reason| reply::warning("Failed", reason));
    let events = match failed {
        Some(failed) => json!([failed]),
        None => json!([started]),
    };
    let mut view =
        json!({"restartCount": condition.restarts, "currentState": current, "events": events});
    if let Some(code) = condition.last {
        view["previousState"] = ended(code);
    }
    view
}

fn ended(code: i32) -> Value {
    let detail = if code == 0 { "Completed" } else { "Error" };
    json!({"state": "Terminated", "exitCode": code, "detailStatus": detail})
}

/// What a group does as a whole.
fn overall(group: &Resource, conditions: &[Option<Condition>]) -> &'static str {
    let now: Vec<_> = conditions.iter().flatten().map(|condition| condition.now).collect();
    match group.provisioning {
        "Succeeded" if now.len() < conditions.len() => "Stopped",
        "Succeeded" if now.contains(&Now::Running) => "Running",
        "Succeeded" if now.contains(&Now::Waiting) => "Pending",
        "Succeeded" if now.iter().any(|it| *it != Now::Ended(0)) => "Failed",
        "Succeeded" => "Succeeded",
        "Failed" => "Failed",
        _ => "Pending",
    }
}

/// Leaves a key out of every element.
fn forget(items: &mut Value, key: &str) {
    for item in items.as_array_mut().into_iter().flatten() {
        if let Some(item) = item.as_object_mut() {
            item.remove(key);
        }
    }
    if items.is_null() {
        *items = json!([]);
    }
}

fn address(address: &mut Value, location: &str) {
    address["ip"] = "127.0.0.1".into();
    if let Some(host) = gates::host(address, location) {
        address["ip"] = gates::address_of(&host).to_string().into();
        address["fqdn"] = host.into();
    }
}
