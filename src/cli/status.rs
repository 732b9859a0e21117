//! `mizan status`: what runs, where, and whether it is healthy.

use std::{io::Write, process::ExitCode, time::Duration};

use serde::Serialize;

use super::{Done, args::GlobalArgs, output::Output, site};
use crate::targets::{
    Health,
    local::{ContainerRole, Desired, Kind, Observed, SeenContainer, ask_health},
};

/// One health request may take this long.
const PROBE_LIMIT: Duration = Duration::from_secs(3);

/// What `status` answers.
#[derive(Debug, Serialize)]
struct Status {
    app: String,
    environment: String,
    release: Option<String>,
    url: Option<String>,
    front: &'static str,
    services: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    service: String,
    state: String,
    container: String,
    release: Option<String>,
}

/// Runs the command.
pub async fn run(global: &GlobalArgs, output: &Output) -> Done {
    let (project, site) = site::open(global).await?;
    let observed = site.observe(None).await?;
    let live = site.ledger.current().await?;
    let desired: Option<Desired> =
        live.as_ref().and_then(|release| serde_json::from_value(release.config.clone()).ok());
    let mut services = Vec::new();
    for seen in shown(&observed) {
        services.push(Row {
            service: seen.service.clone(),
            state: state(seen, desired.as_ref()).await,
            container: seen.name.clone(),
            release: seen.release.map(|id| id.to_string()),
        });
    }
    services.extend(missing(desired.as_ref(), &services));
    let status = Status {
        app: project.app.name.to_string(),
        environment: project.app.env.to_string(),
        release: observed.live().map(|id| id.to_string()),
        url: desired.as_ref().map(Desired::url),
        front: match (&observed.front, &live) {
            (Some(_), _) => "running",
            (None, Some(_)) => "stopped: `mizan deploy` starts it again",
            (None, None) => "not deployed",
        },
        services,
    };
    output.result(&status, |out| write(&status, out))?;
    Ok(ExitCode::SUCCESS)
}

fn shown(observed: &Observed) -> impl Iterator<Item = &SeenContainer> {
    let containers = observed.containers.iter();
    containers.filter(|seen| matches!(seen.role, ContainerRole::Service | ContainerRole::Accessory))
}

/// What should run and has no container at all.
fn missing(desired: Option<&Desired>, found: &[Row]) -> Vec<Row> {
    let wanted = desired.iter().flat_map(|desired| desired.services.keys());
    let missing = wanted.filter(|name| !found.iter().any(|row| row.service == **name));
    missing
        .map(|name| Row {
            service: name.clone(),
            state: "missing: `mizan deploy` starts it again".to_owned(),
            container: "-".to_owned(),
            release: None,
        })
        .collect()
}

async fn state(seen: &SeenContainer, desired: Option<&Desired>) -> String {
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

fn write(status: &Status, out: &mut dyn Write) -> std::io::Result<()> {
    let release = status.release.as_deref().unwrap_or("no release");
    writeln!(out, "{} in {}: {release}", status.app, status.environment)?;
    if let Some(url) = &status.url {
        writeln!(out, "  {url}  (front {})", status.front)?;
    }
    let width = status.services.iter().map(|row| row.service.len()).max().unwrap_or(0);
    for row in &status.services {
        writeln!(out, "  {:<width$}  {}  {}", row.service, row.state, row.container)?;
    }
    Ok(())
}
