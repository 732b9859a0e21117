//! Whether the location has Container Instances, and room for a release beside the live one.

use super::told;
use crate::{
    error::ErrorKind,
    model::App,
    targets::{
        Check,
        azure::{
            Clients,
            instances::validate::{self, Location, Usage},
            names::Scope,
        },
    },
};

const LOCATION: &str = "location";
const QUOTAS: &str = "quotas";

/// What a location has, held against what the app needs.
pub(super) async fn checks(clients: &Clients, scope: &Scope, app: &App) -> Vec<Check> {
    let location = match Location::ask(clients, scope).await {
        Ok(location) => location,
        Err(error) => return vec![Check::error(LOCATION, &error)],
    };
    let mut checks = place(scope, app, &location);
    checks.extend(quotas(app, &location));
    checks
}

fn place(scope: &Scope, app: &App, location: &Location) -> Vec<Check> {
    let name = &scope.location;
    let mut findings = Vec::new();
    if let Some(available) = &location.available {
        findings.extend(validate::location(app, available));
    }
    if let Some(capacity) = location.capacity {
        findings.extend(validate::capacity(app, capacity));
    }
    match (findings.is_empty(), location.capacity, &location.available) {
        (false, ..) => told(LOCATION, findings),
        (true, Some(capacity), _) => {
            let (cores, memory) = (capacity.largest.cores(), capacity.largest.gibibytes());
            let what = format!("{name} has groups of up to {cores} cores and {memory} GiB");
            vec![Check::ok(LOCATION, what)]
        }
        (true, None, Some(_)) => {
            vec![Check::ok(LOCATION, format!("{name} has Container Instances"))]
        }
        (true, None, None) => {
            let what = format!("Azure does not tell what {name} has before a deploy registers");
            vec![Check::skipped(LOCATION, what)]
        }
    }
}

fn quotas(app: &App, location: &Location) -> Vec<Check> {
    let Some(quota) = location.quota else {
        let what = "Azure does not tell them before Container Instances are registered";
        return vec![Check::skipped(QUOTAS, what)];
    };
    // The live release is among what is used.
    let (groups, cores) = validate::whole_release(app);
    vec![check("container groups", groups, quota.groups), check("cores", cores, quota.cores)]
}

fn check(what: &str, needed: u32, usage: Usage) -> Check {
    let Usage { current, limit } = usage;
    let told = format!("{what}: {current} of {limit} are used, a release needs {needed} more");
    match current + needed > limit {
        true => Check::failed(QUOTAS, ErrorKind::Failed, told)
            .hint("ask Azure for a higher quota, or destroy an environment that nobody needs"),
        false => Check::ok(QUOTAS, told),
    }
}
