//! Gathers what rules judge: exchanges with the app, recorded as they came.

mod call;
mod context;
mod mutation;
mod site;

pub use call::{CallSeen, call, call_path};
pub use context::{ContextSeen, Reading, TOLD_BY_HEAD, context, is_open};
pub use mutation::{Affected, Called, MutationSeen, mutation};
pub use site::{SiteSeen, schema_path, site};

/// Why nothing was asked that needs somebody who is signed in.
pub const NOBODY: &str = "nobody is signed in: --cookie or --header";
