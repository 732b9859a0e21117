//! Environment variables as a plan may show and compare them: never with a secret's value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{Error, ErrorKind, Result},
    model::EnvValue,
    plan::StepId,
};

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

/// Adds variables as `mizan.yaml` gives them; the later ones win. `caller` answers a keyed hash of
/// a variable of the caller's.
///
/// # Errors
/// One is taken from a variable that is not set.
pub fn add_env(
    env: &mut BTreeMap<String, EnvSpec>,
    values: &BTreeMap<String, EnvValue>,
    caller: &dyn Fn(&str) -> Option<String>,
) -> Result<()> {
    for (name, value) in values {
        let spec = match value {
            EnvValue::Literal(text) => EnvSpec::Literal(text.clone()),
            EnvValue::From(from) => {
                let fingerprint = caller(from).ok_or_else(|| {
                    let message = format!("env {name} is taken from {from}, which is not set");
                    Error::new(ErrorKind::Invalid, message)
                        .hint(format!("export {from}=… and run the command again"))
                })?;
                EnvSpec::Caller { from: from.clone(), fingerprint }
            }
        };
        env.insert(name.clone(), spec);
    }
    Ok(())
}

/// A hash of a value that is no secret: it ends up where whoever can read this hash can read it, too.
pub fn fingerprint(value: &str) -> String {
    let digest = Sha256::digest(value.as_bytes());
    digest[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}
