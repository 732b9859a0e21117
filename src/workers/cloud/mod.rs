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
mod logs;
mod names;
mod observe;
mod op;
mod record;
mod seen;
mod traffic_url;

pub use apply::{Plane, Supplies};
pub use desired::{CloudSpec, Domain, Foreseen};
pub use logs::follow as follow_logs;
pub use names::{Kind, Scripts};
pub use observe::{Place, observe, place};
pub use op::{Op, Pick};
pub use record::{LivePlane, Recorded};
pub use seen::{SeenDomain, SeenPlane, SeenScript};
pub use traffic_url::base;

use crate::{error::Result, images::Artifacts};

/// What a plan can say of the next versions, before anything is uploaded.
///
/// # Errors
/// The schema is invalid, or a file cannot be read or is too large for Cloudflare.
pub fn foresee(spec: &CloudSpec, artifacts: &Artifacts) -> Result<Foreseen> {
    let content = content::Content::read(spec, artifacts)?;
    content::require_size("the Edge", &content.edge_modules("r0", &content.assets))?;
    content::require_size("Render", &content.render_modules())?;
    Ok(content.foresee())
}
