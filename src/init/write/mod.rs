//! A setup to files: rendered from `templates/init/`, and put where none are yet.

mod config;
mod dockerfile;
mod put;
mod workflow;

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

use super::{
    decide::Setup,
    findings::{Findings, Note},
    tree::Tree,
};
use crate::error::{Context, ErrorKind, Result};

pub use self::{
    dockerfile::{dockerfile, dockerignore},
    put::{Placed, Status, put},
};

/// A file that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its path, relative to the root.
    pub path: &'static str,
    /// Its text.
    pub text: String,
}

/// The files of a setup, mizan.yaml first; and what there is to say about those that are not
/// among them. `action` is what a workflow calls: `OWNER/REPO@REF`.
///
/// # Errors
/// A template cannot be rendered, which no input should lead to.
pub fn drafts(
    tree: &Tree,
    findings: &Findings,
    setup: &Setup,
    action: Option<&str>,
) -> Result<(Vec<Draft>, Vec<Note>)> {
    let mut files = vec![
        Draft { path: "mizan.yaml", text: config::config(findings, setup)? },
        Draft { path: "Dockerfile", text: dockerfile(findings, setup)? },
        Draft { path: ".dockerignore", text: dockerignore(findings)? },
    ];
    let (workflow, notes) = workflow::workflow(tree, setup, action)?;
    files.extend(workflow);
    Ok((files, notes))
}

/// Fills in a template.
fn render(name: &str, template: &str, values: impl Serialize) -> Result<String> {
    let failed = || format!("cannot render {name}");
    // A tag alone in its line leaves no line behind.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .context(ErrorKind::Failed, failed)?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.render_str(template, Serde(values)).context(ErrorKind::Failed, failed)
}

/// A text as YAML and JSON write it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
