//! A plan for machines: a versioned document (docs/plan-format.md). The operations themselves are
//! the tool's own business and not part of it.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use crate::{
    plan::{Change, Note, Plan, ResourceId, Step, StepId, Totals, Undo},
    schema::PolicyReport,
};

/// The version of the document; it changes when a reader of the old one would be misled.
const VERSION: u32 = 1;

/// The name of the document's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
enum Format {
    /// A plan of mizan.
    #[serde(rename = "mizan-plan")]
    MizanPlan,
}

/// What would change, in the order it would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanDocument {
    /// Always `mizan-plan`.
    format: Format,
    /// The version of the format: 1.
    version: u32,
    /// How much of what would be done.
    totals: Totals,
    /// The steps; each comes after all it needs.
    steps: Vec<StepDocument>,
    /// The resources that are as they should be.
    unchanged: Vec<ResourceId>,
    /// What else the reader should know.
    notes: Vec<Note>,
    /// What the Edge will do with each context, where there is an Edge and its schema is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyReport>,
}

/// One unit of work on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct StepDocument {
    /// Its name within the plan; events use it too.
    id: StepId,
    /// What it works on.
    resource: ResourceId,
    /// What happens to it.
    change: Change,
    /// The steps that must be done before it starts.
    needs: Vec<StepId>,
    /// How it is taken back when a later one fails.
    undo: UndoDocument,
    /// True if it runs after traffic has moved: nothing is taken back from there on.
    after_commit: bool,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "undo", rename_all = "snake_case")]
enum UndoDocument {
    /// What it created is deleted.
    Delete,
    /// What was before is brought back.
    Restore,
    /// Nothing can or need be done.
    None {
        /// Why.
        why: String,
    },
}

impl<O> From<&Plan<O>> for PlanDocument {
    fn from(plan: &Plan<O>) -> Self {
        Self {
            format: Format::MizanPlan,
            version: VERSION,
            totals: plan.totals(),
            steps: plan.steps.iter().map(StepDocument::from).collect(),
            unchanged: plan.unchanged.clone(),
            notes: plan.notes.clone(),
            policy: plan.policy.clone(),
        }
    }
}

impl<O> From<&Step<O>> for StepDocument {
    fn from(step: &Step<O>) -> Self {
        Self {
            id: step.id.clone(),
            resource: step.resource.clone(),
            change: step.change.clone(),
            needs: step.needs.clone(),
            undo: match &step.undo {
                Undo::Delete => UndoDocument::Delete,
                Undo::Restore { .. } => UndoDocument::Restore,
                Undo::None { why } => UndoDocument::None { why: why.to_string() },
            },
            after_commit: step.after_commit,
        }
    }
}

/// The JSON schema of [`PlanDocument`], checked in as docs/plan.schema.json.
pub fn plan_schema() -> Schema {
    schema_for!(PlanDocument)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::view::sample;

    #[test]
    fn the_document_is_stable() {
        insta::assert_json_snapshot!(PlanDocument::from(&sample::plan()));
    }

    #[test]
    fn the_document_keeps_to_its_schema() {
        let document = serde_json::to_value(PlanDocument::from(&sample::plan())).expect("JSON");
        let schema = serde_json::to_value(plan_schema()).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(validator.is_valid(&document));
        assert!(!validator.is_valid(&serde_json::json!({"format": "mizan-plan"})));
    }

    /// `MIZAN_UPDATE_DOCS=1 cargo test` writes the file anew.
    #[test]
    fn the_checked_in_schema_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plan.schema.json");
        let schema = serde_json::to_string_pretty(&plan_schema()).expect("JSON") + "\n";
        if std::env::var_os("MIZAN_UPDATE_DOCS").is_some() {
            fs::write(&path, &schema).expect("written");
        }
        let checked_in = fs::read_to_string(&path).expect("docs/plan.schema.json");
        assert_eq!(checked_in, schema, "run the tests with MIZAN_UPDATE_DOCS=1 to write it anew");
    }
}
