//! The one error a user sees: what happened to which resource, why, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of everything that can fail in front of a user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of a failure; it decides the exit code (`docs/exit-codes.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Anything without a code of its own: 1.
    Failed,
    /// The command line makes no sense: 64 (`EX_USAGE` of sysexits.h).
    Usage,
    /// mizan.yaml or the schema is invalid: 65 (`EX_DATAERR`).
    Invalid,
    /// A needed service (engine, registry, cloud) cannot be reached: 69 (`EX_UNAVAILABLE`).
    Unavailable,
    /// The deploy failed and everything it had done was undone: 70 (`EX_SOFTWARE`).
    RolledBack,
    /// The deploy failed and something is left over; the error lists it: 71 (`EX_OSERR`).
    LeftOver,
    /// Another deploy holds the lock: 75 (`EX_TEMPFAIL`).
    Locked,
    /// Credentials or permissions are missing: 77 (`EX_NOPERM`).
    Denied,
    /// Interrupted by the user: 130, as shells report SIGINT.
    Interrupted,
}

impl ErrorKind {
    /// The process exit code of this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 64,
            Self::Invalid => 65,
            Self::Unavailable => 69,
            Self::RolledBack => 70,
            Self::LeftOver => 71,
            Self::Locked => 75,
            Self::Denied => 77,
            Self::Interrupted => 130,
        }
    }
}

/// A failure, told completely: it is printed to people and written as JSON for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What happened, to which resource, in one sentence without a full stop.
    pub message: String,
    /// Why, outermost first, in the vendor's own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The last lines of the log of what failed (a build step, a container).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// What the reader can do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// What exists now that should not, by resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<String>,
}

impl Error {
    /// An error of the given kind with its one-sentence message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            log: Vec::new(),
            hints: Vec::new(),
            left_over: Vec::new(),
        }
    }

    /// An error without a kind of its own (exit code 1).
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// Adds a cause below those already there.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds every source of a Rust error as a cause, outermost first.
    #[must_use]
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(source) = next {
            let text = source.to_string();
            // Wrappers often repeat their source's text; saying it once is enough.
            if !self.causes.iter().any(|known| known.contains(&text)) {
                self.causes.push(text);
            }
            next = source.source();
        }
        self
    }

    /// Adds advice on what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the last lines of the log of what failed.
    #[must_use]
    pub fn log(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.log.extend(lines);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Turns a foreign error into ours by saying what was being done.
pub trait Context<T> {
    /// `message` says what failed, to which resource; the source becomes the cause.
    fn context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::error::Error + 'static> Context<T> for std::result::Result<T, E> {
    fn context(self, kind: ErrorKind, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::new(kind, message()).because(&source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_that_repeats_its_source_is_told_once() {
        let inner = std::io::Error::other("connection refused");
        let error = Error::failed("no engine").because(&inner).because(&inner);
        assert_eq!(error.to_string(), "no engine: connection refused");
    }
}
