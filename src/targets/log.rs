//! What `mizan logs` asks of a target, and what it gets.

use std::collections::BTreeSet;

/// What to show.
#[derive(Debug, Clone)]
pub struct LogRequest {
    /// The services; empty for all.
    pub services: BTreeSet<String>,
    /// Lines from the past, per container.
    pub lines: u32,
    /// Goes on as new lines come, across deploys.
    pub follow: bool,
    /// With the platform's time before each line.
    pub timestamps: bool,
}

/// A line of a service's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The service.
    pub service: String,
    /// True for its error output, where the platform tells it apart.
    pub error: bool,
    /// The line, without its end.
    pub text: String,
}
