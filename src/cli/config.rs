//! `mizan config`: the resolved configuration, the JSON Schema of the file, and what AWS has to
//! allow.

use std::process::ExitCode;

use super::{
    Done,
    args::{AccountArgs, ConfigCommand, GithubRoleArgs, GlobalArgs},
    output::Output,
    project::Project,
    site, write_out,
};
use crate::{
    config,
    error::{Error, ErrorKind, Result},
    model::{App, AwsTarget, Target},
    targets::aws::{
        Scope,
        permissions::{Environment, GithubRole, Policy, Workflow},
    },
};

/// Stands where the account's number is not known.
const PLACEHOLDER: &str = "ACCOUNT_NUMBER";

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
        ConfigCommand::IamPolicy(args) => iam_policy(args, global, output),
        ConfigCommand::GithubRole(args) => github_role(args, global, output),
    }
}

fn iam_policy(args: &AccountArgs, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    let target = target(&app)?;
    let scope = scope(&app, target, args, output)?;
    let policy = Policy::of(&Environment::of(&scope, &app, target));
    output.result(&policy, |out| write_json(&policy, out))?;
    Ok(ExitCode::SUCCESS)
}

/// As text, the trust policy, which goes into a file; the commands are told beside it.
fn github_role(args: &GithubRoleArgs, global: &GlobalArgs, output: &Output) -> Done {
    let app = Project::load(global)?.app;
    let target = target(&app)?;
    let scope = scope(&app, target, &args.account, output)?;
    let workflow = match &args.branch {
        Some(branch) => Workflow::Branch(branch.clone()),
        None => Workflow::Environment(app.env.to_string()),
    };
    let environment = Environment::of(&scope, &app, target);
    let role = GithubRole::new(&args.repository, &workflow, &environment);
    output.result(&role, |out| write_json(&role.trust, out))?;
    if !output.is_json() {
        output.say(&format!("the role {}:\n  {}", role.arn, role.commands().join("\n  ")));
    }
    Ok(ExitCode::SUCCESS)
}

fn write_json(value: &impl serde::Serialize, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let json = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
    writeln!(out, "{json}")
}

fn target(app: &App) -> Result<&AwsTarget> {
    match &app.target {
        Target::Aws(target) => Ok(target),
        Target::Local { .. } => Err(Error::new(
            ErrorKind::Usage,
            format!("the environment {} does not run on AWS: it needs no policy", app.env),
        )),
        Target::Azure { .. } | Target::Origin { .. } => Err(site::unsupported(app)),
    }
}

/// The environment in the account that was named; nobody is asked for it.
fn scope(app: &App, target: &AwsTarget, args: &AccountArgs, output: &Output) -> Result<Scope> {
    let account = match &args.account {
        Some(number) if number.len() == 12 && number.bytes().all(|it| it.is_ascii_digit()) => {
            number.clone()
        }
        Some(other) => {
            return Err(Error::new(ErrorKind::Usage, format!("{other:?} is no account"))
                .cause("the number of an AWS account has 12 digits"));
        }
        None => {
            output.say(&format!("put your account's number for {PLACEHOLDER}, or use --account"));
            PLACEHOLDER.to_owned()
        }
    };
    Ok(Scope {
        account,
        partition: Scope::partition_of(&target.region).to_owned(),
        region: target.region.clone(),
        app: app.name.clone(),
        env: app.env.clone(),
    })
}
