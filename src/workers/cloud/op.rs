//! The operations of the plane. Each means "ensure": it may find its work done already.

use serde::{Deserialize, Serialize};

use super::names::Kind;
use crate::{model::ReleaseId, plan::Late};

/// A version of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The one that this plan uploads, or that it found to be uploaded already.
    Uploaded,
    /// This one.
    Version(String),
    /// Whatever it is.
    Untouched,
}

impl From<Option<String>> for Pick {
    fn from(version: Option<String>) -> Self {
        version.map_or(Self::Untouched, Self::Version)
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// The Hub runs this code and names this origin. Its output is `version`.
    PutHub {
        /// The base URL of the app's own server.
        origin: Late<String>,
        /// Everything that was cached before this release counts as changed.
        mark: Option<ReleaseId>,
    },
    /// There is a version of Render with this release's bundle, which takes no request that does
    /// not ask for it. Its outputs are `version` and `hash`.
    UploadRender {
        /// The release.
        release: ReleaseId,
    },
    /// There is a version of the Edge for this release, which takes no request yet. Its outputs
    /// are `version` and `assets`.
    UploadEdge {
        /// The release.
        release: ReleaseId,
    },
    /// An earlier version of Render can be asked for.
    StageRender {
        /// The version.
        version: String,
    },
    /// The Edge's version has answered: health, public contexts, one page.
    Probe {
        /// The version; the one that was uploaded if absent.
        version: Option<String>,
        /// The health path; that of the schema if absent.
        health: Option<String>,
    },
    /// All requests go to these versions.
    Switch {
        /// Of the Edge.
        edge: Pick,
        /// Of Render.
        render: Pick,
        /// The release that they are of.
        release: ReleaseId,
    },
    /// The host name leads to the Edge.
    PutDomain {
        /// The name.
        hostname: String,
        /// The id of its zone.
        zone: String,
    },
    /// The host name does not lead to the Edge any more.
    DeleteDomain {
        /// The name.
        hostname: String,
    },
    /// The Edge answers under its own name below `workers.dev`, or does not.
    PutSubdomain {
        /// It does.
        enabled: bool,
    },
    /// The script is gone.
    DeleteScript {
        /// Which.
        kind: Kind,
    },
}
