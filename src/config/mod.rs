//! mizan.yaml: from text to the validated [`App`](crate::model::App) of an environment, or to
//! diagnostics, all of them at once.
//!
//! Text → positioned tree (`node`) → checked values (`decode`, `file`, `value`) → environments
//! merged on the tree (`merge`) → `App` (`lower`).

mod command;
mod decode;
mod diagnostic;
mod explain;
mod file;
mod json_schema;
mod load;
mod locate;
mod lower;
mod merge;
mod node;
#[cfg(test)]
mod reference;
mod show;
mod value;
mod words;

pub use diagnostic::{Diagnostic, Diagnostics, Position, Problem, Span};
pub(crate) use diagnostic::{Problems, closest, suggestion};
pub use explain::{Explanation, InForce, KeyPath, Place, Source, explain};
pub use json_schema::{json_schema, json_schema_text};
pub(crate) use load::shown;
pub use load::{ConfigError, ConfigFile, FILE_NAME, find, load};
pub use locate::Finding;
pub use show::{resolved, show};
