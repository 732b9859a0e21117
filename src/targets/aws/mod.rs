//! The AWS target: services on ECS and Fargate behind an application load balancer.
//!
//! [`Desired`] is made from the app, [`Observed`] from the account and the ledger; the planner
//! compares them (pure), and the executor makes a plan's operations true.

pub mod api;
mod apply;
mod clients;
mod desired;
mod failure;
mod names;
mod op;
mod secrets;
mod seen;
pub mod spec;

pub use apply::AwsExecutor;
pub use clients::Clients;
pub use desired::{Desired, Probe};
pub use names::{Scope, Tags};
pub use op::Op;
pub use secrets::{Kept, Removal, Store, Vault};
pub use seen::{CurrentRelease, Egress, Network, Observed, SeenService, SeenThing, Subnet};
