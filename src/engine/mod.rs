//! Runs a plan: ready steps in parallel (bounded), one stream of events, undo on failure.
//! It draws nothing and knows no target.

mod board;
mod clock;
mod event;
mod executor;
mod fault;
mod interrupt;
mod run;
#[cfg(test)]
mod tests;
mod wait;

#[cfg(test)]
pub use clock::FakeClock;
pub use clock::{Clock, Sleep, SystemClock};
pub use event::{Event, EventSink, LogStream, Outcome};
pub use executor::{Executor, Fence, Outputs, StepContext, StepOutput};
pub use fault::{Fault, FaultError, FaultKind, FaultPoint, Faulty};
pub use interrupt::interrupted;
pub use run::{Options, Report, run};
pub use wait::{Verdict, Wait};
