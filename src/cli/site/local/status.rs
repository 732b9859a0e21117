//! How a local environment is, as `mizan status` shows it.

use std::time::Duration;

use crate::targets::{
    Health,
    local::{ContainerRole, Desired, Kind, Observed, SeenContainer, ask_health},
};

/// One health request may take this long.
const PROBE_LIMIT: Duration = Duration::from_secs(3);

/// The containers that a person asks about.
pub(super) fn shown(observed: &Observed) -> impl Iterator<Item = &SeenContainer> {
    let containers = observed.containers.iter();
    containers.filter(|seen| matches!(seen.role, ContainerRole::Service | ContainerRole::Accessory))
}

/// How a container is; the web service is asked for its health.
pub(super) async fn state(seen: &SeenContainer, desired: Option<&Desired>) -> String {
    let Some(spec) = seen.spec.as_ref().filter(|_| seen.running) else {
        return seen.state.clone();
    };
    match (&spec.kind, seen.host_port, desired) {
        (Kind::Web { health, .. }, Some(port), Some(desired)) => {
            let host = format!("{}:{}", desired.scope.host(), desired.port);
            match ask_health(port, &host, health, PROBE_LIMIT).await {
                Health::Healthy => "healthy".to_owned(),
                Health::Unhealthy(why) | Health::Silent(why) => format!("unhealthy: {why}"),
            }
        }
        _ if seen.restarts > 0 => format!("running, after {} crashes", seen.restarts),
        _ => "running".to_owned(),
    }
}
