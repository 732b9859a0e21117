//! What a region has: how much of it may be used, and is.

use serde_json::json;

use super::{Call, State, container_groups, reply};
use crate::support::server::Answer;

/// How many groups a subscription may have in a region.
const GROUPS: u32 = 100;

pub fn usages(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let here = |location: &str| location.eq_ignore_ascii_case(call.value("location"));
    let groups: Vec<_> = state
        .store
        .all()
        .filter(|it| it.kind() == container_groups::KIND && here(it.location()))
        .collect();
    let cores: f64 = groups.iter().map(|group| container_groups::cores(&group.body)).sum();
    let usage = |name: &str, used: f64, limit: u32| {
        json!({"id": format!("{}/{name}", call.path), "unit": "Count",
               "name": {"value": name, "localizedValue": name},
               // The spec has whole numbers.
               "currentValue": used.ceil() as u64, "limit": limit})
    };
    Ok(reply::list(vec![
        usage("ContainerGroups", groups.len() as f64, GROUPS),
        usage("StandardCores", cores, state.settings.cores),
    ]))
}

pub fn capabilities(_: &mut State, call: &Call) -> Result<Answer, Answer> {
    Ok(reply::list(vec![json!({
        "resourceType": "containerGroups", "osType": "Linux", "location": call.value("location"),
        "ipAddressType": "Public", "gpu": "None",
        "capabilities": {"maxMemoryInGB": 16, "maxCpu": 4, "maxGpuCount": 0},
    })]))
}
