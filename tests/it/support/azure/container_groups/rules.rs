//! What Azure refuses of a container group though its spec allows it.

use serde_json::Value;

use super::{
    super::{State, identities, registries, reply, roles},
    KIND, containers,
};
use crate::support::server::Answer;

/// How many ports a group may have.
const PORTS: usize = 5;
/// What makes another group of a group.
const FIXED: [&str; 2] = ["/properties/osType", "/properties/restartPolicy"];

/// Location, ports, names, quota, and what an update must not change.
pub fn check(state: &State, id: &str, body: &Value) -> Result<(), Answer> {
    if body["location"].as_str().is_none_or(str::is_empty) {
        let message = "The location property is required for this definition.";
        return Err(reply::refusal(400, "LocationRequired", message));
    }
    check_ports(body)?;
    check_label(state, id, body)?;
    check_update(state, id, body)?;
    check_quota(state, id, body)
}

/// Azure looks at every image before it says yes. An identity needs its role for that, and the role
/// needs time.
pub fn check_images(state: &mut State, body: &Value) -> Result<(), Answer> {
    for image in containers(body).filter_map(|it| it["properties"]["image"].as_str()) {
        let Some((registry, server)) = registries::of_image(state, image) else { continue };
        if !may_pull(state, &registry, &server, body) {
            let message = format!(
                "The image '{image}' in container group is not accessible. Please check the image and registry credential."
            );
            return Err(reply::refusal(400, "InaccessibleImage", &message));
        }
    }
    Ok(())
}

fn may_pull(state: &mut State, registry: &str, server: &str, body: &Value) -> bool {
    let credentials = body["properties"]["imageRegistryCredentials"].as_array();
    let credential = credentials.into_iter().flatten().find(|it| it["server"] == server);
    let Some(identity) = credential.and_then(|it| it["identity"].as_str()) else { return false };
    let assigned = body["identity"]["userAssignedIdentities"].as_object();
    if !assigned.is_some_and(|all| all.keys().any(|key| key.eq_ignore_ascii_case(identity))) {
        return false;
    }
    let found = state.store.get(identity).filter(|it| it.kind() == identities::KIND);
    let principal = found.and_then(|it| it.body["properties"]["principalId"].as_str());
    let principal = principal.map(str::to_owned);
    principal.is_some_and(|principal| roles::allows(state, &principal, roles::ACR_PULL, registry))
}

fn check_ports(body: &Value) -> Result<(), Answer> {
    let ports = body["properties"]["ipAddress"]["ports"].as_array();
    if ports.is_some_and(|ports| ports.len() > PORTS) {
        let message = format!("A container group has at most {PORTS} ports.");
        return Err(reply::refusal(400, "TooManyPorts", &message));
    }
    let inside = |port: &Value| {
        containers(body)
            .flat_map(|it| it["properties"]["ports"].as_array().into_iter().flatten())
            .any(|it| it["port"] == *port)
    };
    match ports.into_iter().flatten().find(|it| !inside(&it["port"])) {
        None => Ok(()),
        Some(port) => {
            let message = format!("No container of the group has the port {}.", port["port"]);
            Err(reply::refusal(400, "PortNotExposedByContainer", &message))
        }
    }
}

/// A label is one group's in its region.
fn check_label(state: &State, id: &str, body: &Value) -> Result<(), Answer> {
    let label = &body["properties"]["ipAddress"]["dnsNameLabel"];
    let taken = state.store.all().any(|it| {
        it.kind() == KIND
            && !it.id.eq_ignore_ascii_case(id)
            && it.body["location"] == body["location"]
            && it.body["properties"]["ipAddress"]["dnsNameLabel"] == *label
    });
    if label.is_null() || !taken {
        return Ok(());
    }
    let message = format!("The DNS name label {label} is not available in the region.");
    Err(reply::refusal(409, "DnsNameLabelNotAvailable", &message))
}

fn check_update(state: &State, id: &str, body: &Value) -> Result<(), Answer> {
    let Some(before) = state.store.get(id) else { return Ok(()) };
    let resources = |body: &Value| -> Vec<Value> {
        containers(body).map(|it| it["properties"]["resources"].clone()).collect()
    };
    let fixed = |body: &Value| FIXED.map(|it| body.pointer(it).cloned());
    if resources(&before.body) == resources(body) && fixed(&before.body) == fixed(body) {
        return Ok(());
    }
    let message = "The updates on the container group are invalid. If you are going to update the os type, restart policy, network profile, CPU, memory or GPU resources for a container group, you must delete it first and then create a new one.";
    Err(reply::refusal(400, "InvalidContainerGroupUpdate", message))
}

fn check_quota(state: &State, id: &str, body: &Value) -> Result<(), Answer> {
    let others = state.store.all().filter(|it| {
        it.kind() == KIND
            && !it.id.eq_ignore_ascii_case(id)
            && it.body["location"] == body["location"]
    });
    let used: f64 = others.map(|it| cores(&it.body)).sum();
    let (wanted, limit) = (cores(body), f64::from(state.settings.cores));
    if used + wanted <= limit {
        return Ok(());
    }
    let message = format!(
        "Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota 'StandardCores' exceeded in the region. Limit: '{limit}', Usage: '{used}' Requested: '{wanted}'."
    );
    Err(reply::refusal(400, "ContainerGroupQuotaReached", &message))
}

/// The cores that a group asks for.
pub fn cores(body: &Value) -> f64 {
    let requests = containers(body).map(|it| &it["properties"]["resources"]["requests"]);
    requests.filter_map(|it| it["cpu"].as_f64()).sum()
}
