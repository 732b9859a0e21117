//! Where an app can run. A new target is a folder here and a variant of [`crate::model::Target`];
//! exhaustive matches name everything else there is to do. Each target has its own operations, and
//! none knows another: what they share is here.

pub mod aws;
pub mod azure;
mod check;
mod env;
pub mod github;
mod health;
pub mod local;
mod log;
pub mod origin;
mod source;

/// The header in which the Edge shows the origin that it is the Edge.
pub const ORIGIN_SECRET_HEADER: &str = "x-mizan-origin-secret";

pub use check::{Check, State as CheckState, verdict};
pub use env::{EnvSpec, add_env, fingerprint};
pub use health::{Health, advice, settled_after};
pub use log::{LogLine, LogRequest};
pub use source::Source;
