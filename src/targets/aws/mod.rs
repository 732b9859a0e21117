//! The AWS target: services on ECS and Fargate behind an application load balancer.
//!
//! [`Desired`] is made from the app, [`Observed`] from the account and the ledger; the planner
//! compares them (pure), and the executor makes a plan's operations true.

mod apply;
mod certificates;
mod clients;
mod desired;
mod failure;
mod names;
pub mod observe;
mod op;
pub mod permissions;
mod seen;
pub mod spec;

pub use apply::AwsExecutor;
pub use clients::Clients;
pub use desired::{Desired, Probe};
pub use names::{Scope, Tags};
pub use op::Op;
pub use seen::{CurrentRelease, Egress, Network, Observed, SeenService, SeenThing, Subnet};
