//! Values that are text, and commands.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Wrong, string};
use crate::{
    config::{
        command::{self, CommandError},
        decode::{FromNode, Spanned, expected},
        diagnostic::Problems,
        node::{Kind, Node},
    },
    model::Command,
};

/// A scalar that becomes text as it is written: `1.10` stays `1.10`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal(pub(crate) String);

impl FromNode for Literal {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => literal(text, node, problems),
            _ => expected("a text, a number or a boolean", node, problems),
        }
    }
}

fn literal(text: &str, node: &Node, problems: &mut Problems) -> Option<Literal> {
    if text.contains('\0') {
        problems.add(node.place(), "the value has a NUL character in it");
        return None;
    }
    // Expansion would be silent, and differ between the callers' machines.
    if text.contains("${") {
        let hint = "write {from: NAME} to take it from the caller's environment";
        problems.hint(node.place(), "`${...}` is not expanded", hint);
        return None;
    }
    Some(Literal(text.to_owned()))
}

impl JsonSchema for Literal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "a text, number or boolean".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

impl FromNode for Command {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::List(_) = node.kind {
            return words(node, problems);
        }
        string(node, "a command (a string or a list of words)", split, problems)
    }
}

fn split(written: &str) -> Result<Command, Wrong> {
    let wrong = |error: CommandError| Wrong::new(error.to_string()).hint(error.hint());
    command::split(written).map(Command).map_err(wrong)
}

fn words(node: &Node, problems: &mut Problems) -> Option<Command> {
    let words = Vec::<Spanned<Argument>>::from_node(node, problems)?;
    if words.first().is_none_or(|first| first.value.0.is_empty()) {
        problems.add(node.place(), "the command is empty");
        return None;
    }
    Some(Command(words.into_iter().map(|word| word.value.0).collect()))
}

/// One word of a command that is written as a list.
struct Argument(String);

impl FromNode for Argument {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => Some(Self(text.clone())),
            _ => expected("a word", node, problems),
        }
    }
}

impl JsonSchema for Command {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "a command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "array"],
            "minLength": 1,
            "minItems": 1,
            "items": {"type": ["string", "number", "boolean"]}
        })
    }
}
