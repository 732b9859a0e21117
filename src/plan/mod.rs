//! Plans: what would change, in which order, and how each change is undone. Pure data and pure
//! functions: no async, files, environment, clock or randomness.

mod build;
mod types;

pub use build::{PlanBuilder, PlanError};
pub use types::{
    Change, FieldDiff, FieldValue, Late, Note, Plan, ResourceId, Seen, Step, StepId, Totals, Undo,
};
