//! The policy as a plan and `mizan edge policy` show it: in words and as data, with what changed
//! since the live release and what is probably not meant.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    facts::{ContextFacts, PolicyFacts},
    lint::{Lint, Severity},
    words::{PolicyChange, compare},
};

/// The policy of the Edge, for a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyReport {
    /// What the Edge does with each context.
    pub contexts: Vec<ContextReport>,
    /// Seconds that no entry outlives.
    pub window: u64,
    /// The release that it was compared with; absent if there was none, or nobody knows its policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What is different from then.
    pub changes: Vec<PolicyChange>,
    /// What is probably not meant.
    pub findings: Vec<SchemaFinding>,
}

/// What the Edge does with a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContextReport {
    /// As data.
    #[serde(flatten)]
    pub facts: ContextFacts,
    /// In words.
    pub words: String,
}

/// Something in the schema that is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaFinding {
    /// How much it matters.
    pub severity: Severity,
    /// Its kind.
    pub code: String,
    /// Where: `schema.json:44:13`, or a JSON pointer into what the image printed.
    pub place: String,
    /// What is so.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl PolicyReport {
    /// The policy of `now`, compared with that of an earlier release.
    pub fn new(now: &PolicyFacts, before: Option<(String, &PolicyFacts)>) -> Self {
        let contexts = now.contexts.iter().map(|context| ContextReport {
            words: context.words(now.window),
            facts: context.clone(),
        });
        Self {
            contexts: contexts.collect(),
            window: now.window,
            changes: before.as_ref().map(|(_, before)| compare(before, now)).unwrap_or_default(),
            since: before.map(|(release, _)| release),
            findings: Vec::new(),
        }
    }

    /// The same with what is probably not meant in the schema. `file` is that of the schema, if a
    /// person wrote it.
    #[must_use]
    pub fn with_findings(mut self, lints: &[Lint], file: Option<&Path>) -> Self {
        self.findings = lints.iter().map(|lint| SchemaFinding::new(lint, file)).collect();
        self
    }
}

impl SchemaFinding {
    fn new(lint: &Lint, file: Option<&Path>) -> Self {
        let place = match (file, lint.position) {
            (Some(file), Some(at)) => {
                format!("{}:{}:{}", crate::config::shown(file), at.line, at.column)
            }
            _ => lint.pointer.clone(),
        };
        Self {
            severity: lint.severity,
            code: lint.code.to_owned(),
            place,
            message: lint.message.clone(),
            hint: lint.hint.clone(),
        }
    }

    /// On one line.
    pub fn line(&self) -> String {
        format!("[{}] {}: {}; {}", self.code, self.place, self.message, self.hint)
    }
}
