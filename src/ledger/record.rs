//! What is remembered of a release.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::ReleaseId;

/// One release of one environment: enough to go back to it and to remove what it created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its number.
    pub id: ReleaseId,
    /// When it was made.
    pub created: Timestamp,
    /// The commit it was made from, if it was made from a git checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitRevision>,
    /// The image it runs.
    pub image: ImageRecord,
    /// Hash of the edge's modules and data, if the edge is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
    /// Hash of the render worker's modules and assets, if the app renders at the edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub render: Option<String>,
    /// Version of the exported schema, if the app exports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The release whose image and configuration this one brought back, if it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<ReleaseId>,
    /// The resolved configuration; of secrets it has the names only.
    pub config: serde_json::Value,
    /// What was created, so that it can be removed when it is no longer wanted.
    pub inventory: Vec<InventoryItem>,
}

/// A commit, as `git` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitRevision {
    /// The full hash.
    pub revision: String,
    /// True if the checkout had changes that are not in the commit.
    pub dirty: bool,
}

/// An image, by both its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Repository and tag, as people write it.
    pub reference: String,
    /// The digest (or, where nothing was pushed, the engine's id): what really ran.
    pub id: String,
}

/// Something that was created on the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryItem {
    /// Its kind, as in plans ("container", "network").
    pub kind: String,
    /// Its name on the platform.
    pub name: String,
    /// What else is needed to find or describe it (a port, an ARN).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}
