//! What a plan refuses: to touch what is not ours, and to change what AWS cannot change without
//! taking the app down.

use super::{
    super::{desired::Desired, names::Tags, seen::Observed, spec::Thing},
    Purpose,
};
use crate::{
    error::{Error, ErrorKind},
    model::ReleaseId,
    plan::{Late, PlanError, ResourceId, Seen},
};

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something has a name that we need, and is not ours.
    #[error("{} is there already and does not belong to this environment", .0[0].0)]
    Foreign(Vec<(ResourceId, String)>),
    /// Load balancers, target groups and services stay where they were made.
    #[error("`{field}` of a deployed environment cannot be changed")]
    Immovable {
        /// The field of the target in `mizan.yaml`.
        field: &'static str,
        /// Where it is.
        is: String,
        /// Where it should be.
        wanted: String,
    },
    /// The host name of a deployed environment would move between Edge and load balancer.
    #[error("the edge of a deployed environment with a domain cannot be switched {}", if *on { "on" } else { "off" })]
    EdgeSwitch {
        /// It is off, and should be on.
        on: bool,
        /// The public URL.
        url: String,
    },
    /// A rollback needs an image that is not there any more.
    #[error("the image of {release} is no longer in the repository")]
    ImageGone {
        /// The release.
        release: ReleaseId,
    },
    /// The Workers cannot be as desired.
    #[error("{}", .0.message)]
    Workers(Error),
    /// The planner itself is wrong.
    #[error(transparent)]
    Planner(#[from] PlanError),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let error = Self::new(ErrorKind::Failed, refusal.to_string());
        match refusal {
            Refusal::Foreign(things) => {
                let has_role = things.iter().any(|(id, _)| id.kind == "role");
                let error = things
                    .into_iter()
                    .fold(error, |error, (id, arn)| {
                        error.cause(format!("{id} ({arn}) has no tags {} and {} of ours", Tags::APP, Tags::ENV))
                    })
                    .hint("what is not ours is never changed: remove or rename it, or choose another name for the app or the environment");
                match has_role {
                    true => error.hint("a role is of no region: is this environment deployed in another one? A second region needs a second environment"),
                    false => error,
                }
            }
            Refusal::Immovable { is, wanted, .. } => error
                .cause(format!("it is {is}, and {wanted} is wanted"))
                .hint("names on AWS are taken as long as the old ones exist, so there is no way without a gap")
                .hint("deploy to a second environment beside this one, move the traffic, then destroy this one"),
            Refusal::EdgeSwitch { url, .. } => error
                .cause(format!(
                    "{url} leads to the live release by DNS records and a certificate that the other way has not"
                ))
                .hint("give this release another domain, or deploy a second environment with the edge as you want it, and move the domain when it serves"),
            Refusal::ImageGone { .. } => error.hint("deploy its commit again"),
            Refusal::Workers(error) => error,
            Refusal::Planner(_) => error,
        }
    }
}

pub(super) fn check(
    desired: &Desired,
    observed: &Observed,
    purpose: Purpose<'_>,
) -> Result<(), Refusal> {
    if let Some(switch) = edge_switch(desired, observed) {
        return Err(switch);
    }
    let foreign = foreign(desired, observed);
    if !foreign.is_empty() {
        return Err(Refusal::Foreign(foreign));
    }
    if let Some((field, is, wanted)) = moved(desired, observed) {
        return Err(Refusal::Immovable { field, is, wanted });
    }
    match purpose {
        Purpose::Rollback(to) if observed.image_digest.is_none() => {
            Err(Refusal::ImageGone { release: to.id })
        }
        Purpose::Rollback(_) | Purpose::Deploy => Ok(()),
    }
}

/// What has a name that is desired, and is not ours.
fn foreign(desired: &Desired, observed: &Observed) -> Vec<(ResourceId, String)> {
    let things = desired.things.iter().filter_map(|thing| {
        let id = thing.id();
        let seen = observed.things.get(&id)?.present()?;
        (!seen.ours).then(|| (id, seen.arn.clone()))
    });
    let services = desired.services.keys().filter_map(|name| {
        let seen = observed.services.get(name)?.present()?;
        (!seen.ours).then(|| (super::service_resource(name), seen.arn.clone()))
    });
    things.chain(services).collect()
}

/// While a domain moves between Edge and load balancer, visitors who still come by the old way would
/// meet a listener that has the other way's certificate, or lets in the Edge alone.
fn edge_switch(desired: &Desired, observed: &Observed) -> Option<Refusal> {
    let live = &observed.current.as_ref()?.desired;
    let has_domain = |desired: &Desired| {
        let edge = desired.plane.as_ref().map(|plane| plane.domain.is_some());
        edge.unwrap_or_else(|| desired.probe.as_ref().is_some_and(|probe| probe.host.is_some()))
    };
    let on = desired.plane.is_some();
    let Late::Known(url) = &desired.url else { return None };
    (live.plane.is_some() != on && live.url == desired.url && has_domain(desired))
        .then(|| Refusal::EdgeSwitch { on, url: url.clone() })
}

/// The first thing that would have to move: to another VPC, cluster or load balancer.
fn moved(desired: &Desired, observed: &Observed) -> Option<(&'static str, String, String)> {
    let live = observed.current.as_ref().map(|live| &live.desired);
    let balancer = |desired: &Desired| desired.probe.as_ref().map(|probe| probe.balancer.clone());
    if let Some(live) = live {
        if live.cluster != desired.cluster {
            return Some(("cluster", live.cluster.clone(), desired.cluster.clone()));
        }
        if let (Some(is), Some(wanted)) = (balancer(live), balancer(desired))
            && is != wanted
        {
            return Some(("load_balancer", is, wanted));
        }
    }
    desired.things.iter().find_map(|thing| {
        let Some(Seen::Present(seen)) = observed.things.get(&thing.id()) else { return None };
        let (is, wanted) = (vpc(&seen.thing)?, vpc(thing)?);
        (is != wanted).then(|| ("vpc", is.to_owned(), wanted.to_owned()))
    })
}

fn vpc(thing: &Thing) -> Option<&str> {
    match thing {
        Thing::SecurityGroup(group) => Some(&group.vpc),
        Thing::TargetGroup(group) => Some(&group.vpc),
        _ => None,
    }
}
