//! `mizan config explain`: what a key means, and what holds.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::Value;

use crate::{
    cli::{
        Done,
        args::{ExplainArgs, GlobalArgs},
        failure::Failure,
        output::Output,
        project::Project,
    },
    config::{self, Explanation, InForce, KeyPath, Place, Source},
    error::{Error, ErrorKind},
};

/// Runs the command. Where there is no mizan.yaml, the meaning is all there is to tell.
pub(super) fn run(args: &ExplainArgs, global: &GlobalArgs, output: &Output) -> Done {
    let key = KeyPath::new(&args.path);
    let global = GlobalArgs { env: environment(&key, global)?, ..global.clone() };
    let project = Project::load_if_any(&global)?;
    let project = project.as_ref().map(|project| (&project.file, &project.app));
    let explanation = config::explain(&key, project)?;
    output.result(&explanation, |out| write(&explanation, out))?;
    Ok(ExitCode::SUCCESS)
}

/// The environment: `--env`, or the one that the key begins with.
fn environment(key: &KeyPath, global: &GlobalArgs) -> Result<Option<String>, Failure> {
    match (&key.env, &global.env) {
        (Some(named), Some(chosen)) if named != chosen => {
            let message = format!("the key is of the environment {named}, and --env is {chosen}");
            Err(Error::new(ErrorKind::Usage, message).hint("leave one of them out").into())
        }
        (named, chosen) => Ok(named.clone().or_else(|| chosen.clone())),
    }
}

fn write(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n  {}\n", explanation.path, explanation.description)?;
    let required = if explanation.required { ", required" } else { "" };
    row(out, "type", &format!("{}{required}", explanation.kind))?;
    if !explanation.fields.is_empty() {
        row(out, "fields", &explanation.fields.join(", "))?;
    }
    if let Some(default) = &explanation.default {
        row(out, "default", default)?;
    }
    match &explanation.in_force {
        Some(in_force) => write_in_force(in_force, out),
        None => Ok(()),
    }
}

fn write_in_force(in_force: &InForce, out: &mut dyn Write) -> io::Result<()> {
    let InForce { environment, value, written, source } = in_force;
    row(out, "value", &format!("{} in the environment {environment}", shown(value.as_ref())))?;
    if let Some(written) = written {
        row(out, "written", &shown(Some(written)))?;
    }
    row(out, "from", &origin(source, environment))
}

fn row(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<9}{text}")
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn origin(source: &Source, environment: &str) -> String {
    let at = |Place { file, line, column }: &Place| format!("{file}:{line}:{column}");
    match source {
        Source::Default => "the default".to_owned(),
        Source::File(place) => at(place),
        Source::Environment(place) => {
            format!("{}, of the environment {environment} alone", at(place))
        }
        Source::TakenAway(place) => {
            format!(
                "{}, where the environment {environment} takes away what it would inherit",
                at(place)
            )
        }
    }
}
