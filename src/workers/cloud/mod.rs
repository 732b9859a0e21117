//! The data plane on Cloudflare: Hub, Edge and Render as three scripts of an account, planned and
//! released together with whatever is behind them.
//!
//! It stands before any origin, so it is no target: a target puts its steps into its own plan
//! ([`diff`]), its observation beside its own ([`observe`]), and hands its operations to
//! [`Plane`]. What is compared are names, versions and hashes; uploads are made when they run.

mod apply;
mod content;
mod desired;
pub mod diff;
pub mod doctor;
mod names;
mod observe;
mod op;
mod record;
mod seen;
mod traffic_url;

pub use apply::{Plane, Supplies};
pub use desired::{CloudSpec, Domain, Foreseen};
pub use names::{Kind, Scripts};
pub use observe::{observe, place};
pub use op::Op;
pub use record::{LivePlane, Recorded};
pub use seen::{SeenDomain, SeenPlane, SeenScript};
