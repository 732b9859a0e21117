//! The small values of mizan.yaml: durations, sizes, ports, paths. Each checks itself, so that
//! what was read is also right.

use super::{
    decode::expected,
    diagnostic::Problems,
    node::{Kind, Node, Scalar},
};

/// A string value: how its JSON Schema calls and describes it, and how it is read.
macro_rules! string_value {
    ($name:ty, $title:literal, $schema:tt, $parse:expr) => {
        impl FromNode for $name {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                string(node, $title, $parse, problems)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

mod amounts;
mod aws;
mod names;
mod paths;
mod places;
mod words;

pub(crate) use amounts::{Period, Port, Version, Whole};
pub(crate) use aws::{
    BalancerArn, CertificateArn, ClusterName, Retention, RoleArn, SecretArn, SubnetId, VpcId,
    arn_parts,
};
pub(crate) use names::{VarName, Word};
pub(crate) use paths::{ContainerPath, HostPath, UrlPath, UrlPrefix};
pub(crate) use places::{HostName, ImageRef, LedgerUrl, OriginUrl, Platform, Region};
pub(crate) use words::Literal;

/// Why a text is not the value it should be.
pub(crate) struct Wrong {
    message: String,
    hint: Option<String>,
}

/// Reads a string. What is none, but would be a good one in quotes, gets that advice.
fn string<T>(
    node: &Node,
    what: &str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
    problems: &mut Problems,
) -> Option<T> {
    let (written, is_text) = match (&node.kind, node.scalar()) {
        (Kind::Scalar { text, .. }, Some(Scalar::Text(_))) => (text, true),
        (Kind::Scalar { text, .. }, Some(Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_))) => {
            (text, false)
        }
        _ => return expected(what, node, problems),
    };
    match parse(written) {
        Ok(value) if is_text => return Some(value),
        Ok(_) => {
            let message = format!("expected {what}, found {}", node.describe());
            problems.hint(node.place(), message, format!("write it in quotes: \"{written}\""));
        }
        Err(Wrong { message, hint: Some(hint) }) => problems.hint(node.place(), message, hint),
        Err(Wrong { message, hint: None }) => problems.add(node.place(), message),
    }
    None
}

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
