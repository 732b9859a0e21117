//! What was found on Cloudflare, as the planner compares it with what should be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::names::Kind;
use crate::model::ReleaseId;

/// The plane as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPlane {
    /// The scripts with our names; those that are not there are absent.
    pub scripts: BTreeMap<Kind, SeenScript>,
    /// The host names that lead to our Edge, and the one that should, whoever has it.
    pub domains: Vec<SeenDomain>,
    /// The account's name below `workers.dev`, if it has one.
    pub subdomain: Option<String>,
    /// The Edge answers there.
    pub on_subdomain: bool,
    /// Versions may be asked there before they take requests.
    pub previews: bool,
    /// The highest number that any release gave a version of the Edge, if it had to be read.
    pub newest: Option<ReleaseId>,
    /// Versions that a release recorded and Cloudflare does not have any more.
    pub lost_versions: BTreeSet<String>,
}

/// A script as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenScript {
    /// Its tags say that it is ours.
    pub ours: bool,
    /// The version that takes the requests, if one does.
    pub version: Option<String>,
    /// Its plain variables, if they had to be read.
    pub vars: BTreeMap<String, String>,
    /// Bindings that somebody else has added, if they had to be read: they stay.
    pub foreign: Vec<String>,
    /// The key by which the Edge knows its own cookies is there, if it had to be read.
    pub has_key: bool,
}

/// A host name that leads to a Worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDomain {
    /// Its id.
    pub id: String,
    /// The name.
    pub hostname: String,
    /// The script.
    pub service: String,
}

impl SeenPlane {
    /// The version of a script that takes the requests.
    pub fn version(&self, kind: Kind) -> Option<&str> {
        self.scripts.get(&kind)?.version.as_deref()
    }
}
