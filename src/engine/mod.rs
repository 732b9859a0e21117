//! Runs a plan: ready steps in parallel (bounded), one stream of events, undo on failure.
//! It draws nothing and knows no target.

mod event;
mod executor;

pub use event::{Event, EventSink, LogStream, Outcome};
pub use executor::{Executor, Outputs, StepContext, StepOutput};
