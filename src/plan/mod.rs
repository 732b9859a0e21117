//! Plans: what would change, in which order, and how each change is undone. Pure data and pure
//! functions: no async, files, environment, clock or randomness.

mod approval;
mod build;
pub mod fields;
mod hash;
mod types;

pub use approval::{Approval, Basis, Departure};
pub use build::{PlanBuilder, PlanError, with_known_needs};
pub use hash::{canonical, hash};
pub use types::{
    Change, FieldDiff, FieldValue, Late, Note, Plan, ResourceId, Seen, Step, StepId, Totals, Undo,
};
