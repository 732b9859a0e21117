//! What a plan refuses: to touch what is not ours, to move what Azure cannot move, and to bring back
//! what is gone.

use super::{Planner, Purpose, group_name, group_resource};
use crate::{
    error::{Error, ErrorKind},
    model::ReleaseId,
    plan::{PlanError, ResourceId, Seen},
    targets::azure::{names::Tags, things::Thing},
};

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something has a name that we need, and is not ours.
    #[error("{} is there already and does not belong to this environment", .0[0].0)]
    Foreign(Vec<(ResourceId, String)>),
    /// A resource group stays where it was made, and everything in it.
    #[error("`location` of a deployed environment cannot be changed")]
    Immovable {
        /// Where it is.
        is: String,
        /// Where it should be.
        wanted: String,
    },
    /// A rollback needs an image that is not there any more.
    #[error("the image of {release} is no longer in the registry")]
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
            Refusal::Foreign(things) => things
                .into_iter()
                .fold(error, |error, (id, at)| {
                    error.cause(format!("{id} ({at}) has no tags {} and {} of ours", Tags::APP, Tags::ENV))
                })
                .hint("what is not ours is never changed: remove or rename it, or choose another name for the app or the environment"),
            Refusal::Immovable { is, wanted } => error
                .cause(format!("it is in {is}, and {wanted} is wanted"))
                .hint("deploy to a second environment beside this one, move the traffic, then destroy this one"),
            Refusal::ImageGone { .. } => error.hint("deploy its commit again"),
            Refusal::Workers(error) => error,
            Refusal::Planner(_) => error,
        }
    }
}

pub(super) fn check(planner: &Planner<'_>) -> Result<(), Refusal> {
    let foreign = foreign(planner);
    if !foreign.is_empty() {
        return Err(Refusal::Foreign(foreign));
    }
    if let Some((is, wanted)) = moved(planner) {
        return Err(Refusal::Immovable { is, wanted });
    }
    match planner.purpose {
        Purpose::Rollback(to) if planner.observed.image_digest.is_none() => {
            Err(Refusal::ImageGone { release: to.id })
        }
        Purpose::Rollback(_) | Purpose::Deploy => Ok(()),
    }
}

/// What has a name that is desired, and is not ours. A provider is nobody's.
fn foreign(planner: &Planner<'_>) -> Vec<(ResourceId, String)> {
    let (desired, observed) = (planner.desired, planner.observed);
    let things = desired.things.iter().filter_map(|thing| {
        let id = thing.id();
        let seen = observed.things.get(&id)?.present()?;
        (!seen.ours).then(|| (id, seen.id.clone()))
    });
    let groups = desired.services.iter().filter_map(|(name, spec)| {
        let group = group_name(&desired.scope, planner.number, name, spec);
        let seen = observed.groups.get(&group)?.present()?;
        (!seen.ours).then(|| (group_resource(&group), seen.id.clone()))
    });
    things.filter(|(id, _)| id.kind != "provider").chain(groups).collect()
}

fn moved(planner: &Planner<'_>) -> Option<(String, String)> {
    planner.desired.things.iter().find_map(|thing| {
        let Some(Seen::Present(seen)) = planner.observed.things.get(&thing.id()) else {
            return None;
        };
        let (Thing::ResourceGroup(is), Thing::ResourceGroup(wanted)) = (&seen.thing, thing) else {
            return None;
        };
        let differs = is.location != wanted.location;
        differs.then(|| (is.location.clone(), wanted.location.clone()))
    })
}
