//! The location: whether there is such a one, how large a group may be there, and whether the
//! subscription has room for a new release beside the live one.

use serde::{Deserialize, Serialize};

use super::target;
use crate::{
    config::Finding,
    model::{App, Role, Service},
    plan::Plan,
    targets::azure::instances::{Op, desired::size, spec::Size},
};

const FIELD: &str = "target.azure.location";

/// How large a group may be in a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// The most that a group can have.
    pub largest: Size,
}

/// What the subscription has in a location, of groups and of cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Container groups.
    pub groups: Usage,
    /// Cores.
    pub cores: Usage,
}

/// How much of something is used, and how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Used.
    pub current: u32,
    /// There is.
    pub limit: u32,
}

/// A location is spelled as Azure's API spells it, which is also a part of host names.
pub(super) fn spelling(location: &str) -> Option<Finding> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let known = location.to_lowercase().replace([' ', '-', '_'], "");
    (!location.chars().all(plain) || location.is_empty()).then(|| {
        Finding::new(
            FIELD,
            format!("`{location}` is not how Azure spells a location"),
            format!("did you mean `{known}`? `az account list-locations -o table` lists them"),
        )
    })
}

/// What is wrong with the location, where these are the ones that have Container Instances.
pub fn location(app: &App, available: &[String]) -> Option<Finding> {
    let wanted = target(app)?;
    (!available.iter().any(|known| known == wanted)).then(|| {
        Finding::new(
            FIELD,
            format!("this subscription has no Container Instances in {wanted}"),
            format!("there are: {}", available.join(", ")),
        )
    })
}

/// What is wrong with the sizes, where groups can be this large.
pub fn capacity(app: &App, capacity: Capacity) -> Vec<Finding> {
    let Some(location) = target(app) else { return Vec::new() };
    let too_large = app.services.iter().flat_map(|(name, service)| {
        let size = group(service);
        let cpu = (size.cpu > capacity.largest.cpu).then(|| {
            let (is, most) = (size.cores(), capacity.largest.cores());
            (format!("services.{name}.cpu"), format!("{is} cores"), format!("{most} cores"))
        });
        let memory = (size.memory > capacity.largest.memory).then(|| {
            let (is, most) = (size.gibibytes(), capacity.largest.gibibytes());
            (format!("services.{name}.memory"), format!("{is} GiB"), format!("{most} GiB"))
        });
        cpu.into_iter().chain(memory)
    });
    too_large
        .map(|(path, is, most)| {
            Finding::new(
                path,
                format!(
                    "the container group would have {is}, and in {location} one has at most {most}"
                ),
                "all copies of a service are in one group: ask for less, or for fewer copies",
            )
        })
        .collect()
}

/// What the group of a service would have.
fn group(service: &Service) -> Size {
    match service.role {
        Role::Web { .. } => Size::of_web(size(service)),
        Role::Worker => size(service).times(service.scale.min),
        Role::Singleton | Role::Accessory { .. } => size(service),
    }
}

/// The groups and cores of a whole release, all of which may be new.
pub fn whole_release(app: &App) -> (u32, u32) {
    let services = app.services.values();
    let runs = services.filter(|service| !matches!(service.role, Role::Accessory { .. }));
    in_groups(runs.map(|service| group(service).cpu))
}

/// How many groups, and how many whole cores, these thousandths of cores are.
fn in_groups(groups: impl Iterator<Item = u32>) -> (u32, u32) {
    let (count, sum) = groups.fold((0, 0), |(count, sum), cpu| (count + 1, sum + cpu));
    (count, u32::div_ceil(sum, 1000))
}

/// What is wrong with the room for what a plan makes: a new release runs beside the live one.
pub fn quota(app: &App, plan: &Plan<Op>, quota: Quota) -> Vec<Finding> {
    let created = plan.steps.iter().filter_map(|step| match &step.op {
        // The release step's group is gone before these start.
        Op::CreateGroup { spec, .. } => Some(spec.size().cpu),
        _ => None,
    });
    room(app, in_groups(created), quota, "while a new release runs beside the live one")
}

/// What is wrong with the room for a first release, of which everything is new.
pub fn quota_of_first(app: &App, quota: Quota) -> Vec<Finding> {
    room(app, whole_release(app), quota, "for a first release")
}

fn room(app: &App, (groups, cores): (u32, u32), quota: Quota, why: &str) -> Vec<Finding> {
    let Some(location) = target(app) else { return Vec::new() };
    let needs = [("container groups", groups, quota.groups), ("cores", cores, quota.cores)];
    let short = needs.into_iter().filter(|(_, more, usage)| usage.current + more > usage.limit);
    short
        .map(|(what, more, Usage { current, limit })| {
            Finding::new(
                FIELD,
                format!(
                    "{current} of {limit} {what} are used in {location}, and {more} more are needed \
                     {why}"
                ),
                "ask Azure for a higher quota, or destroy an environment that nobody needs",
            )
        })
        .collect()
}
