//! The AWS target: services on ECS and Fargate behind an application load balancer.
//!
//! [`Desired`] is made from the app, [`Observed`] from the account and the ledger; the planner
//! compares them (pure), and the executor makes a plan's operations true.

pub mod api;
mod apply;
mod certificates;
mod clients;
mod desired;
pub mod diff;
pub mod doctor;
mod failure;
mod fargate;
mod logs;
mod names;
pub mod observe;
mod op;
mod overrides;
pub mod permissions;
mod resolve;
pub mod secrets;
mod seen;
pub mod spec;
mod task;
mod task_log;
pub mod validate;

pub use apply::AwsExecutor;
pub use clients::Clients;
pub use desired::{CHECK_HEADER, Desired, GivenBalancer, Inputs, Probe};
pub use logs::follow as follow_logs;
pub use names::{Scope, Tags};
pub use op::Op;
pub use resolve::Find;
pub use secrets::{Kept, Removal, Store, Vault};
pub use seen::{CurrentRelease, Egress, Network, Observed, SeenService, SeenThing, Subnet};
