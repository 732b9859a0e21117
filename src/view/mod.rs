//! What people and machines see of plans, events, checks and errors. Views draw; they decide nothing.
//!
//! Text views write styled text to the `Write` they are given: wrap a stream in
//! [`anstream::AutoStream`], which strips the colours where they are not wanted (`NO_COLOR`, no
//! terminal).

mod check_markdown;
mod check_text;
mod clean;
mod error;
mod init_text;
mod lines;
mod ndjson;
mod plan_json;
mod plan_markdown;
mod plan_text;
mod policy;
mod progress;
#[cfg(test)]
mod sample;
mod screen;
mod story;
mod style;
#[cfg(test)]
mod terminal;

pub use check_markdown::write_check_markdown;
pub use check_text::write_check_text;
pub use error::write_error;
pub use init_text::{write_findings_text, write_notes_text, write_placed_text};
pub use lines::Lines;
pub use ndjson::Ndjson;
pub use plan_json::{PlanDocument, plan_schema};
pub use plan_markdown::write_plan_markdown;
pub use plan_text::write_plan_text;
pub use policy::write_policy_text;
pub use progress::Progress;
pub use screen::Screen;
