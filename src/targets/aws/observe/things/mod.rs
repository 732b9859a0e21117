//! What outlives releases, one file for each kind: the reading, and the way back from AWS's words to
//! the terms of the specification.

pub(super) mod cluster;
pub(super) mod iam;
pub(super) mod logs;
pub(super) mod registry;
pub(super) mod scaling;
pub(super) mod secrets;

use std::collections::BTreeMap;

use super::super::{names::Scope, seen::SeenThing, spec::Thing};

/// A thing as it was seen.
pub(super) fn thing(
    scope: &Scope,
    thing: Thing,
    arn: Option<String>,
    tags: &BTreeMap<String, String>,
) -> SeenThing {
    SeenThing {
        thing,
        arn: arn.unwrap_or_default(),
        ours: scope.owns(tags),
        attributes: BTreeMap::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{AppName, EnvName};

    /// The scope of the tests.
    pub fn scope() -> Scope {
        Scope {
            account: "123456789012".into(),
            partition: "aws".into(),
            region: "eu-west-1".into(),
            app: AppName::new("board").expect("a name"),
            env: EnvName::new("production").expect("a name"),
        }
    }
}
