//! What Container Instances would refuse late, in the middle of a deploy, or not at all: said
//! beforehand, at the lines of `mizan.yaml`. Pure; what needs the subscription is checked once it
//! was looked at. Volumes are refused for every cloud when the file is read.

mod ask;
mod location;
mod services;

use std::collections::BTreeMap;

pub use ask::Location;
pub use location::{
    Capacity, Quota, Usage, capacity, location, quota, quota_of_first, whole_release,
};

use crate::{
    config::Finding,
    model::{App, AzureService, SchemaSource, Target},
};

/// The longest name of a secret in a vault.
/// (<https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates>)
const SECRET_NAME: usize = 127;
/// What Container Instances run.
const PLATFORM: &str = "linux/amd64";

/// What is wrong with an app that is to run on Container Instances, as far as its configuration
/// tells.
pub fn app(app: &App) -> Vec<Finding> {
    let Some(written) = target(app) else { return Vec::new() };
    let mut findings = Vec::new();
    findings.extend(location::spelling(written));
    findings.extend(platform(app));
    findings.extend(edge(app));
    findings.extend(secret_names(app));
    services::check(app, &mut findings);
    findings
}

/// The location as it is written, if the app runs here.
fn target(app: &App) -> Option<&str> {
    match &app.target {
        Target::Azure { location, service: AzureService::ContainerInstances } => Some(location),
        Target::Azure { service: AzureService::ContainerApps, .. }
        | Target::Local { .. }
        | Target::Aws(_)
        | Target::Origin { .. } => None,
    }
}

fn platform(app: &App) -> Option<Finding> {
    let platform = &app.build.platform;
    (platform != PLATFORM).then(|| {
        Finding::new(
            "build.platform",
            format!("Container Instances do not run {platform}"),
            format!("write {PLATFORM}"),
        )
    })
}

/// A group has a host name of its own, and nothing before it that could lead visitors elsewhere.
fn edge(app: &App) -> Option<Finding> {
    if app.edge.is_none() {
        return Some(Finding::new(
            "edge.on",
            "Container Instances have no way to move visitors to a new release, so they need the \
             edge",
            "add `cloudflare` to `edge: {on: [...]}`",
        ));
    }
    (app.schema == SchemaSource::None).then(|| {
        Finding::new(
            "schema",
            "without a schema the edge has nothing to cache by",
            "`auto` takes it out of the image, a path names its file",
        )
    })
}

/// The vault does not tell upper from lower case, and has no other characters.
fn secret_names(app: &App) -> Vec<Finding> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for name in app.secrets.keys() {
        if let Some(first) = known.insert(name.to_lowercase(), name) {
            findings.push(Finding::new(
                "secrets",
                format!("`{first}` and `{name}` are one secret in a key vault"),
                "give one of them another name",
            ));
        }
        if "env-".len() + name.len() > SECRET_NAME {
            findings.push(Finding::new(
                "secrets",
                format!("a key vault has no room for the name `{name}`"),
                format!("it has at most {} characters", SECRET_NAME - "env-".len()),
            ));
        }
    }
    findings
}
