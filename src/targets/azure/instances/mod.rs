//! Azure Container Instances. A service has no traffic split, no rolling update and no balancer: a
//! release gets container groups of its own beside those that run, and visitors move when the Hub
//! names another origin. Groups that run are never changed.
//!
//! [`Desired`] is made from the app, [`Observed`] from the subscription and the ledger; the planner
//! ([`diff`]) compares them.

mod apply;
mod desired;
pub mod diff;
pub mod group;
pub mod logs;
pub mod observe;
mod op;
mod resolve;
mod seen;
pub mod spec;
pub mod validate;

/// What stands before the web service: it ends TLS. The official image, as everybody calls it.
/// (<https://hub.docker.com/_/caddy>)
pub const SIDECAR_IMAGE: &str = "caddy:2";

pub use apply::InstancesExecutor;
pub use desired::{Desired, Inputs};
pub use op::Op;
pub use resolve::Find;
pub use seen::{CurrentRelease, Observed, SeenGroup, SeenThing, State};
