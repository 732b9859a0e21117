//! Environment variables as a plan may show and compare them: never with a secret's value.

use serde::{Deserialize, Serialize};

use crate::plan::StepId;

/// Where an environment variable's value comes from, and what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvSpec {
    /// It stands in `mizan.yaml` or is made by us.
    Literal(String),
    /// It comes from the caller's environment.
    Caller {
        /// The variable's name there.
        from: String,
        /// A keyed hash of the value.
        fingerprint: String,
    },
    /// It is known after a step of the plan.
    Late {
        /// The value, with `{}` where the step's output goes.
        text: String,
        /// The step.
        step: StepId,
        /// Which of its outputs.
        output: String,
    },
    /// It comes from the secret store.
    Secret {
        /// A keyed hash of the value; absent until a first deploy has generated it.
        fingerprint: Option<String>,
    },
}
