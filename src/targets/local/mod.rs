//! The local target: containers on the Docker engine of this machine, the Edge and Render Workers
//! in workerd, and a front on 127.0.0.1 that moves traffic from release to release.
//!
//! [`Desired`] is made from the app, [`Observed`] from the engine, the supervisor and the ledger;
//! [`diff::plan`] compares them (pure), and [`LocalExecutor`] makes a plan's operations true.

mod apply;
mod desired;
pub mod diff;
pub mod doctor;
pub mod hydration;
mod logs;
mod names;
mod observe;
mod one_off;
mod op;
mod plane;
mod probe;
mod secrets;
mod state;

pub use apply::LocalExecutor;
pub use desired::{Desired, Inputs, Kind, PlaneSpec, ReleaseSpec, ServiceSpec};
pub use logs::follow as follow_logs;
pub use names::{Labels, Scope};
pub use observe::{ContainerRole, Observed, SeenContainer, SeenFront, observe};
pub use op::Op;
pub use plane::{foreseen_plane, plane_of};
pub use probe::ask as ask_health;
pub use secrets::SecretStore;
pub use state::StateDir;
