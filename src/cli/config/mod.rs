//! `mizan config`: the resolved configuration, the JSON Schema of the file and what its keys mean, and
//! what a cloud has to allow.

mod aws;
mod azure;
mod explain;

use std::{io, process::ExitCode};

use super::{
    Done,
    args::{ConfigCommand, GithubRoleArgs, GlobalArgs},
    output::Output,
    project::Project,
    site, write_out,
};
use crate::{
    config,
    error::{Error, ErrorKind, Result},
    model::{App, Target},
    targets::github::Workflow,
};

/// Runs the command.
pub fn run(command: &ConfigCommand, global: &GlobalArgs, output: &Output) -> Done {
    match command {
        ConfigCommand::Schema => write_out(config::json_schema_text().as_bytes()),
        ConfigCommand::Show => {
            let project = Project::load(global)?;
            let yaml = config::show(&project.app)?;
            output.result(&config::resolved(&project.app), |out| write!(out, "{yaml}"))?;
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Explain(args) => explain::run(args, global, output),
        ConfigCommand::IamPolicy(args) => {
            aws::iam_policy(args, &Project::load(global)?.app, output)
        }
        ConfigCommand::AzureRole(args) => azure::role(args, &Project::load(global)?.app, output),
        ConfigCommand::GithubRole(args) => github_role(args, &Project::load(global)?.app, output),
    }
}

/// What a cloud has to know to trust workflows on GitHub.
fn github_role(args: &GithubRoleArgs, app: &App, output: &Output) -> Done {
    let (account, subscription) = (&args.account.account, &args.subscription.subscription);
    match &app.target {
        Target::Azure { .. } if account.is_some() => Err(foreign("--account", app).into()),
        Target::Azure { .. } => azure::github_login(args, app, output),
        _ if subscription.is_some() => Err(foreign("--subscription", app).into()),
        _ => aws::github_role(args, app, output),
    }
}

/// The workflows that may deploy.
fn workflow(args: &GithubRoleArgs, app: &App) -> Workflow {
    match &args.branch {
        Some(branch) => Workflow::Branch(branch.clone()),
        None => Workflow::Environment(app.env.to_string()),
    }
}

fn foreign(option: &str, app: &App) -> Error {
    let message = format!("{option} says nothing about the environment {}", app.env);
    Error::new(ErrorKind::Usage, message).cause("its target is another cloud")
}

fn write_json(value: &impl serde::Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    writeln!(out, "{json}")
}

/// The environment is on no cloud whose permissions are asked for.
fn elsewhere<T>(app: &App, cloud: &str, what: &str) -> Result<T> {
    match &app.target {
        Target::Origin { .. } => Err(site::unsupported(app)),
        _ => Err(Error::new(
            ErrorKind::Usage,
            format!("the environment {} does not run on {cloud}: it needs no {what}", app.env),
        )),
    }
}
