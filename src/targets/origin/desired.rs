//! What should be, and what was found. Pure data.

use serde::{Deserialize, Serialize};

use crate::{
    check::Gate,
    images::ArtifactRequest,
    ledger::Release,
    model::ReleaseId,
    plan::Late,
    workers::cloud::{CloudSpec, Foreseen, LivePlane, Recorded, Scripts, SeenPlane},
};

/// What the environment should look like. It is stored with each release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The Workers.
    pub plane: CloudSpec,
    /// The tag of the image that bundle, assets or schema come from; absent if none of them does.
    pub image: Option<Late<String>>,
    /// What is taken out of it.
    pub artifacts: ArtifactRequest,
    /// What is asked of the app before the Edge leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Gate>,
    /// How many releases are kept.
    pub keep_releases: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whose it is.
    pub scripts: Scripts,
    /// The Workers.
    pub plane: SeenPlane,
    /// The live release, as it was recorded.
    pub current: Option<CurrentRelease>,
    /// The recorded releases, newest first.
    pub releases: Vec<ReleaseId>,
    /// What is needed of the image was taken out of it already, or nothing is needed.
    pub artifacts_cached: bool,
    /// What is known of the next versions.
    pub foreseen: Foreseen,
}

/// A release, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentRelease {
    /// Its number.
    pub id: ReleaseId,
    /// What was desired, and what came of it.
    pub live: LivePlane,
    /// All that was desired.
    pub desired: Desired,
}

impl CurrentRelease {
    /// A release of the ledger; `None` if its record is of another kind or version.
    pub fn of(release: &Release) -> Option<Self> {
        let desired: Desired = serde_json::from_value(release.config.clone()).ok()?;
        let recorded = Recorded::of(release)?;
        let live = LivePlane { spec: desired.plane.clone(), recorded };
        Some(Self { id: release.id, live, desired })
    }
}

impl Observed {
    /// The number of the next release: one more than any that was recorded or uploaded.
    pub fn next_release(&self) -> ReleaseId {
        let recorded = self.releases.iter().copied().max();
        // An upload that was never recorded goes on under its number.
        let highest = recorded.unwrap_or(ReleaseId(0));
        match self.plane.newest {
            Some(uploaded) if uploaded > highest => uploaded,
            _ => ReleaseId(highest.0 + 1),
        }
    }
}
