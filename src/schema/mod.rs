//! The schema that a Mizan app exports (version 1): read, checked, and made the policy of the
//! Edge and the routes of Render.
//!
//! Text → typed [`Schema`] (`read`) → references checked (`check`) → [`MizanData`] (`policy`). What
//! is allowed and probably not meant is found beside that (`lint`). For people, the data becomes
//! facts about each context (`facts`), words (`words`) and a report (`report`).
//! Places in the text are looked up only when there is a problem to report (`locate`), so that
//! reading stays linear and fast.

mod announced;
mod check;
mod facts;
mod lint;
mod locate;
mod policy;
mod read;
mod report;
mod results;
mod types;
mod words;

use std::path::Path;

pub use announced::{Mistaken, mistaken};
pub use facts::{ContextFacts, ParamFacts, PolicyFacts, Purge, Storage};
pub use lint::{Lint, Severity, lint};
pub use policy::{
    AffectsData, AssetsData, ContextData, CredentialsData, Deployment, MizanData, MutationData,
    ParamData, ParamType, RouteContextData, RouteData, policy,
};
pub use report::{ContextReport, PolicyReport, SchemaFinding};
pub use types::{
    Affects, AuthLevel, CacheScope, Context, Credentials, Function, FunctionKind, Param,
    RenderPlace, Route, RouteContext, Schema,
};
pub use words::{PolicyChange, compare};

use crate::{
    config::Diagnostics,
    error::{Error, ErrorKind},
};

/// Reads and checks an exported schema. `file` is how messages call it.
pub fn parse(file: &str, text: &str) -> Result<Schema, Diagnostics> {
    let schema = read::read(text).map_err(|issues| locate::diagnostics(issues, file, text))?;
    let issues = check::check(&schema);
    if issues.is_empty() { Ok(schema) } else { Err(locate::diagnostics(issues, file, text)) }
}

/// Everything that is wrong with an exported schema, and the schema as far as it could be read.
pub(crate) fn examine(text: &str) -> (Option<Schema>, Vec<Issue>) {
    match read::read(text) {
        Ok(schema) => {
            let issues = check::check(&schema);
            (Some(schema), issues)
        }
        Err(issues) => (None, issues),
    }
}

/// Reads and checks the file that `schema:` of mizan.yaml names.
pub fn load(path: &Path) -> Result<Schema, SchemaError> {
    load_with_text(path).map(|(schema, _)| schema)
}

/// The same with its text, in which lints have their places.
pub fn load_with_text(path: &Path) -> Result<(Schema, String), SchemaError> {
    let file = crate::config::shown(path);
    match std::fs::read_to_string(path) {
        Ok(text) => match parse(&file, &text) {
            Ok(schema) => Ok((schema, text)),
            Err(problems) => Err(SchemaError::Invalid(problems)),
        },
        Err(source) => Err(SchemaError::Io { path: file, source }),
    }
}

/// Why there is no schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// The file, as it is printed.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The schema has problems.
    #[error("{0}")]
    Invalid(Diagnostics),
}

impl From<SchemaError> for Error {
    fn from(error: SchemaError) -> Self {
        let message = error.to_string();
        match error {
            SchemaError::Io { source, .. } => {
                Self::new(ErrorKind::Invalid, message).because(&source)
            }
            SchemaError::Invalid(diagnostics) => diagnostics.into(),
        }
    }
}

/// A problem at a JSON pointer (RFC 6901), before anyone looked where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issue {
    /// Its kind; what is no schema at all has none.
    pub(crate) code: Option<&'static str>,
    pub(crate) pointer: Pointer,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Where an issue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pointer {
    /// At a value.
    Value(String),
    /// At a line and column, where the text is no JSON.
    Place(usize, usize),
}

impl Issue {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let pointer = Pointer::Value(pointer.into());
        Self { code: None, pointer, message: message.into(), hint: None }
    }

    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
