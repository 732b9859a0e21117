//! Where a value of mizan.yaml really stands, after the environments are merged: so that what a
//! target finds wrong later is told at its place.

use super::{
    diagnostic::Span,
    node::{Kind, Node},
};

/// A problem that a target found with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The value, e.g. `services.web.cpu`; where it is not set, what it would stand in is shown.
    pub path: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Finding {
    /// A problem with the value at `path`.
    pub fn new(
        path: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), message: message.into(), hint: hint.into() }
    }
}

/// The place of the value at `path` in a tree, or of the innermost thing on the way to it.
pub(super) fn locate(tree: &Node, path: &str) -> Option<Span> {
    let mut found = None;
    let mut node = tree;
    let segments: Vec<&str> = path.split('.').collect();
    for (at, segment) in segments.iter().enumerate() {
        let (span, value) = match &node.kind {
            Kind::Map(_) => {
                let Some(entry) = node.entry(segment) else { break };
                (entry.span, &entry.value)
            }
            Kind::List(items) => {
                let item = segment.parse().ok().and_then(|at: usize| items.get(at));
                let Some(item) = item else { break };
                (item.place(), item)
            }
            Kind::Scalar { .. } => break,
        };
        let last = at + 1 == segments.len();
        let whole = last && matches!(value.kind, Kind::Scalar { .. });
        found = Some(if whole { value.place() } else { span });
        node = value;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{diagnostic::Problems, node};

    fn place(path: &str) -> Option<(usize, usize)> {
        let text = "services:\n  web:\n    cpu: 3\n    volumes: [a, b]\n  worker: {}\n";
        let tree = node::parse(text, &mut Problems::default()).expect("a tree");
        locate(&tree, path).map(|span| (span.start.line, span.start.column))
    }

    #[test]
    fn a_value_is_found_at_its_place() {
        assert_eq!(place("services.web.cpu"), Some((3, 10)));
        assert_eq!(place("services.web.volumes.1"), Some((4, 18)));
    }

    #[test]
    fn what_is_not_set_is_shown_at_what_it_would_stand_in() {
        assert_eq!(place("services.worker.cpu"), Some((5, 3)));
        assert_eq!(place("services.web.volumes.7"), Some((4, 5)));
        assert_eq!(place("target.aws"), None);
    }
}
