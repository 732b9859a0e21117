//! The target `origin`: the app runs elsewhere already, and the Workers on Cloudflare stand before
//! it. A release is what the Workers are; the app itself is nobody's business here.

mod apply;
mod desired;
pub mod diff;
pub mod doctor;
mod op;

pub use apply::OriginExecutor;
pub use desired::{CurrentRelease, Desired, Observed};
pub use op::Op;
