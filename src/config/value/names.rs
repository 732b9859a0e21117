//! Names: of the app and its parts, and of environment variables.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Wrong, string};
use crate::config::{decode::FromNode, diagnostic::Problems, node::Node};
use crate::model::{AppName, EnvName, PURGE_KEY, ServiceName};

const NAME_PATTERN: &str = "^[a-z]([a-z0-9]|-[a-z0-9])*$";

macro_rules! name_value {
    ($name:ident, $title:literal) => {
        string_value!(
            $name,
            $title,
            {"type": "string", "pattern": NAME_PATTERN, "maxLength": $name::MAX},
            |written: &str| $name::new(written).map_err(|error| {
                let wrong = Wrong::new(error.to_string());
                match $name::new(similar_name(written)) {
                    Ok(similar) => wrong.hint(format!("try `{similar}`")),
                    Err(_) => wrong,
                }
            })
        );
    };
}

/// The text with what no name takes replaced: `My_Board` becomes `my-board`.
fn similar_name(written: &str) -> String {
    let lower = written.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

name_value!(AppName, "an app name");
name_value!(EnvName, "an environment name");
name_value!(ServiceName, "a service name");

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VarName(pub(crate) String);
string_value!(
    VarName,
    "a variable name",
    {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    variable
);

fn variable(written: &str) -> Result<VarName, Wrong> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if written.is_empty() || !written.chars().all(valid) || written.starts_with(char::is_numeric) {
        let message = format!("{written:?} is no name of an environment variable");
        return Err(Wrong::new(message).hint("use letters, digits and underscores"));
    }
    // This one is a secret that people give; what is no secret is refused where that is known.
    let is_reserved = written == "PORT" || written.starts_with("MIZAN_");
    if is_reserved && written != PURGE_KEY {
        let message = format!("`{written}` is reserved: mizan sets it in every container");
        return Err(Wrong::new(message).hint("choose another name"));
    }
    Ok(VarName(written.to_owned()))
}

/// Any text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(pub(crate) String);
string_value!(Word, "a text", {"type": "string", "minLength": 1}, word);

fn word(written: &str) -> Result<Word, Wrong> {
    if written.is_empty() {
        return Err(Wrong::new("the text is empty"));
    }
    Ok(Word(written.to_owned()))
}
