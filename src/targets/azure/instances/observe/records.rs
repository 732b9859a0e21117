//! What the ledger knows of an environment's releases.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{desired::Desired, seen::CurrentRelease, spec::ReleaseSpec};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    ledger::{Ledger, Release},
    model::ReleaseId,
    plan::{self, Late},
    workers::cloud::{CloudSpec, LivePlane, Recorded},
};

/// How the inventory of a release calls its container groups.
pub const GROUP: &str = "container-group";

/// The recorded releases.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// All of them, newest first.
    pub all: Vec<Release>,
    /// The one that is live.
    pub current: Option<CurrentRelease>,
    /// The groups of the one before, by service.
    pub previous: BTreeMap<String, String>,
}

impl Records {
    /// The groups of the live release and of the one before.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        let live = self.current.iter().flat_map(|current| current.groups.values());
        live.chain(self.previous.values()).cloned().collect()
    }

    /// Reads them.
    ///
    /// # Errors
    /// The ledger cannot be reached, or its record of the live release cannot be read.
    pub async fn read(ledger: &Ledger) -> Result<Self> {
        let (all, current) = tokio::try_join!(ledger.releases(), ledger.current_id())?;
        let current = match current {
            None => None,
            Some(id) => match all.iter().find(|release| release.id == id) {
                Some(release) => Some(current_release(release)?),
                // The ledger says what is missing.
                None => Some(current_release(&ledger.release(id).await?)?),
            },
        };
        let live = current.as_ref().map(|current| current.id);
        let before = all.iter().find(|release| Some(release.id) < live);
        let previous = before.map(groups_of).unwrap_or_default();
        Ok(Self { all, current, previous })
    }

    /// The recorded numbers, newest first. One above the live release was written down by a deploy
    /// that came no further: the next one goes on under its number.
    pub fn ids(&self) -> Vec<ReleaseId> {
        let live = self.current.as_ref().map(|current| current.id);
        self.begun().filter(|id| Some(*id) <= live).collect()
    }

    /// Every number that is written down, newest first.
    pub fn begun(&self) -> impl Iterator<Item = ReleaseId> {
        self.all.iter().map(|release| release.id)
    }
}

/// A release as it was recorded.
///
/// # Errors
/// The record is of another version of mizan, or of another target.
pub fn current_release(release: &Release) -> Result<CurrentRelease> {
    let unreadable = || format!("the record of release {} cannot be read", release.id);
    let desired: Desired =
        serde_json::from_value(release.config.clone()).context(ErrorKind::Failed, unreadable)?;
    let groups = groups_of(release);
    let web = desired.web().and_then(|(name, _)| groups.get(name));
    let origin = web.map(|group| desired.origin(group)).unwrap_or_default();
    let recorded = Recorded::of(release).ok_or_else(|| {
        Error::failed(unreadable()).cause("it does not tell which Workers it has")
    })?;
    let spec = CloudSpec { origin: Late::Known(origin), ..desired.plane.clone() };
    Ok(CurrentRelease {
        id: release.id,
        plane: LivePlane { spec, recorded },
        groups,
        digest: release.image.id.clone(),
        desired,
    })
}

/// What is written at the resource group when a release step has ended well: which one it was.
pub fn migration_mark(release: ReleaseId, spec: &ReleaseSpec) -> String {
    let hash = plan::hash(&spec.container).unwrap_or_default();
    let short: String = hash.chars().take(32).collect();
    format!("{release} {short}")
}

/// The container groups of a release, by service.
fn groups_of(release: &Release) -> BTreeMap<String, String> {
    let groups = release.inventory.iter().filter(|item| item.kind == GROUP);
    groups
        .filter_map(|item| Some((item.attributes.get("service")?.clone(), item.name.clone())))
        .collect()
}
