//! What `mizan doctor` finds out: checks as data, whichever target they are about.

use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// A deploy can go well all the same.
    Warning,
    /// A deploy cannot go well.
    Failed,
    /// It could not be found out, or needs not be.
    Skipped,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is checked, in a word or two.
    pub name: &'static str,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The kind of the failure, which decides the exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ErrorKind>,
}

impl Check {
    fn new(name: &'static str, state: State, what: impl Into<String>) -> Self {
        Self { name, state, what: what.into(), hint: None, kind: None }
    }

    /// As it should be.
    pub fn ok(name: &'static str, what: impl Into<String>) -> Self {
        Self::new(name, State::Ok, what)
    }

    /// Not good, but no obstacle.
    pub fn warning(name: &'static str, what: impl Into<String>) -> Self {
        Self::new(name, State::Warning, what)
    }

    /// Not found out.
    pub fn skipped(name: &'static str, what: impl Into<String>) -> Self {
        Self::new(name, State::Skipped, what)
    }

    /// An obstacle.
    pub fn failed(name: &'static str, kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind: Some(kind), ..Self::new(name, State::Failed, what) }
    }

    /// An obstacle that an error tells about.
    pub fn error(name: &'static str, error: &Error) -> Self {
        let hint = (!error.hints.is_empty()).then(|| error.hints.join("; "));
        Self { hint, ..Self::failed(name, error.kind, error.to_string()) }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The kind that a command ends with after these checks: what is not allowed weighs more than what
/// cannot be reached, and both more than the rest. `None` if nothing failed.
pub fn verdict(checks: &[Check]) -> Option<ErrorKind> {
    let kinds: Vec<_> = checks.iter().filter_map(|check| check.kind).collect();
    let worst = [ErrorKind::Denied, ErrorKind::Unavailable].into_iter();
    let found = worst.into_iter().find(|kind| kinds.contains(kind));
    found.or_else(|| kinds.first().map(|_| ErrorKind::Failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_weighs_most() {
        let failed = |kind| Check::failed("x", kind, "y");
        assert_eq!(verdict(&[Check::ok("x", "y"), Check::warning("x", "y")]), None);
        let both = [failed(ErrorKind::Unavailable), failed(ErrorKind::Denied)];
        assert_eq!(verdict(&both), Some(ErrorKind::Denied));
        assert_eq!(verdict(&[failed(ErrorKind::Invalid)]), Some(ErrorKind::Failed));
    }
}
