//! What the subscription would refuse of an app.

use crate::{
    config::Finding,
    model::App,
    plan::Plan,
    targets::azure::instances::{
        Op,
        validate::{self, Location},
    },
};

/// What the subscription would refuse, as far as it tells.
pub(super) fn of_plan(app: &App, plan: &Plan<Op>, location: &Location) -> Vec<Finding> {
    let mut findings = place_and_size(app, location);
    findings.extend(location.quota.into_iter().flat_map(|it| validate::quota(app, plan, it)));
    findings
}

/// The part of it that does not depend on what is there.
pub(super) fn place_and_size(app: &App, location: &Location) -> Vec<Finding> {
    let available = location.available.as_deref();
    let mut findings: Vec<Finding> =
        available.and_then(|available| validate::location(app, available)).into_iter().collect();
    findings.extend(location.capacity.into_iter().flat_map(|it| validate::capacity(app, it)));
    findings
}
