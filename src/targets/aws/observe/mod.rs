//! Looks at the account, at the zone and at the ledger: what of this environment exists, and in which state.
//! Reads only.
//!
//! Names are deterministic, so nearly everything is asked for at once; the rest (what recorded
//! releases had besides, the tags of what was found) follows. What the caller may not read is
//! `Unknown`, with AWS's words; everything else that goes wrong fails the whole look.

mod account;
mod answer;
pub mod dns;
mod document;
mod families;
mod gather;
mod groups;
mod lookup;
mod network;
mod release;
mod release_step;
mod services;
mod status;
mod task_definition;
mod things;
mod traffic;

pub use account::identity;
pub use gather::observe;
pub use network::network;
pub use release::{Recorded, current_release};
pub use status::{ServiceStatus, Status, TargetStatus, TaskStatus, status};
pub use traffic::{balancer_dns, given_balancer};
