//! Services: how many run, and at which ports.

use crate::{
    config::Finding,
    model::{App, Role, Service},
    targets::azure::instances::{group::SIDECAR, spec::TLS_PORT},
};

/// Containers of one group.
/// (<https://learn.microsoft.com/azure/container-instances/container-instances-resource-and-quota-limits>)
const CONTAINERS_MAX: u32 = 60;
/// Ports that Azure keeps for itself.
/// (<https://learn.microsoft.com/azure/container-instances/container-instances-faq>)
const RESERVED: [(u16, u16); 10] = [
    (22, 22),
    (1025, 1027),
    (3389, 3399),
    (9999, 9999),
    (19000, 19000),
    (19080, 19080),
    (19100, 19100),
    (19390, 19390),
    (20000, 30000),
    (49152, 65534),
];
/// A tag has 256 characters, and two numbers of seconds stand before the path.
/// (<https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources>)
const HEALTH_MAX: usize = 200;
/// Where the sidecar is told what to do. All containers of a group share its ports.
const SIDECAR_ADMIN: u16 = 2019;

pub(super) fn check(app: &App, findings: &mut Vec<Finding>) {
    for (name, service) in &app.services {
        let path = |field: &str| format!("services.{name}.{field}");
        findings.extend(name_of(name.as_str()));
        findings.extend(health(service, path));
        findings.extend(port(service, path));
        findings.extend(scale(name.as_str(), service, path));
    }
}

/// The proxy's container is told from a service's by its name.
fn name_of(name: &str) -> Option<Finding> {
    (name == SIDECAR).then(|| {
        Finding::new(
            format!("services.{name}"),
            format!("`{name}` is the name of the proxy that ends TLS"),
            "choose another name",
        )
    })
}

/// The path is kept in a tag of the group.
fn health(service: &Service, path: impl Fn(&str) -> String) -> Option<Finding> {
    let Role::Web { health, .. } = &service.role else { return None };
    (health.len() > HEALTH_MAX).then(|| {
        Finding::new(
            path("health"),
            format!(
                "the path has {} characters, and Azure's tags have no room for it",
                health.len()
            ),
            format!("let the app answer at one with at most {HEALTH_MAX}"),
        )
    })
}

fn port(service: &Service, path: impl Fn(&str) -> String) -> Option<Finding> {
    let Role::Web { port, .. } = service.role else { return None };
    let is_reserved = RESERVED.iter().any(|(from, to)| (*from..=*to).contains(&port));
    let message = match port {
        TLS_PORT | SIDECAR_ADMIN => {
            format!("port {port} is taken by the proxy that ends TLS in the same group")
        }
        _ if is_reserved => format!("Container Instances keep port {port} for themselves"),
        _ => return None,
    };
    Some(Finding::new(path("port"), message, "let the app listen at another one, such as 8000"))
}

fn scale(name: &str, service: &Service, path: impl Fn(&str) -> String) -> Option<Finding> {
    let scale = service.scale;
    let is_web = matches!(service.role, Role::Web { .. });
    if is_web && (scale.min != 1 || scale.max != 1) {
        return Some(Finding::new(
            path("scale"),
            format!(
                "Container Instances have nothing that could share requests out, so `{name}` runs once"
            ),
            "write `scale: {min: 1, max: 1}` for this environment, and let it have more `cpu`",
        ));
    }
    if scale.max > scale.min || scale.cpu.is_some() {
        return Some(Finding::new(
            path("scale"),
            "nothing starts and stops Container Instances by their use",
            format!("write `scale: {{min: {0}, max: {0}}}` for this environment", scale.max.max(1)),
        ));
    }
    if scale.min == 0 {
        return Some(Finding::new(
            path("scale.min"),
            "a container group without a container does not exist",
            "write 1, or leave the service out here",
        ));
    }
    (scale.min > CONTAINERS_MAX).then(|| {
        Finding::new(
            path("scale.min"),
            format!("a container group has at most {CONTAINERS_MAX} containers"),
            "let each do more at a time",
        )
    })
}
