//! Where an app can run. A new target is a folder here, a variant of [`crate::model::Target`] and
//! a variant of [`Op`]; exhaustive matches name everything else there is to do.

pub mod aws;
pub mod local;

use serde::{Deserialize, Serialize};

/// What a step of a plan executes, by target. Plans are data: this can be saved and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "target", content = "op", rename_all = "snake_case")]
pub enum Op {
    /// An operation on the Docker engine and the data plane of this machine.
    Local(local::Op),
}
