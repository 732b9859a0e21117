//! What is told about a container group: no secrets, and what goes on in it.

use serde_json::{Value, json};

use super::super::{State, engine::Condition, reply, store::Resource};

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
        let current = match (group.operation.is_some(), condition) {
            (true, _) | (_, None) => json!({"state": "Waiting"}),
            (_, Some(Condition::Running)) => json!({"state": "Running"}),
            (_, Some(Condition::Ended(code))) => {
                json!({"state": "Terminated", "exitCode": code,
                       "detailStatus": if code == 0 { "Completed" } else { "Error" }})
            }
        };
        container["properties"]["instanceView"] =
            json!({"restartCount": 0, "currentState": current, "events": []});
        conditions.push(condition);
    }
    let events: Vec<_> =
        group.failure.iter().map(|(code, message)| reply::event(code, message)).collect();
    properties["instanceView"] = json!({"events": events, "state": overall(group, &conditions)});
    view
}

/// What a group does as a whole.
fn overall(group: &Resource, conditions: &[Option<Condition>]) -> &'static str {
    let is = |wanted: fn(&Option<Condition>) -> bool| conditions.iter().any(wanted);
    match group.provisioning {
        "Succeeded" if is(Option::is_none) => "Stopped",
        "Succeeded" if is(|it| *it == Some(Condition::Running)) => "Running",
        "Succeeded" if is(|it| *it != Some(Condition::Ended(0))) => "Failed",
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
    if let Some(label) = address["dnsNameLabel"].as_str().map(str::to_owned) {
        address["fqdn"] = format!("{label}.{location}.azurecontainer.io").into();
    }
}
