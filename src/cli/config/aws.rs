//! What AWS has to allow.

use std::process::ExitCode;

use super::{elsewhere, workflow, write_json};
use crate::{
    cli::{
        Done,
        args::{AccountArgs, GithubRoleArgs},
        output::Output,
    },
    error::{Error, ErrorKind, Result},
    model::{App, AwsTarget, Target},
    targets::aws::{
        Scope,
        permissions::{Environment, GithubRole, Policy},
    },
};

/// Stands where the account's number is not known.
const PLACEHOLDER: &str = "ACCOUNT_NUMBER";

/// The smallest policy.
pub fn iam_policy(args: &AccountArgs, app: &App, output: &Output) -> Done {
    let target = target(app)?;
    let scope = scope(app, target, args, output)?;
    let policy = Policy::of(&Environment::of(&scope, app, target));
    output.result(&policy, |out| write_json(&policy, out))?;
    Ok(ExitCode::SUCCESS)
}

/// As text, the trust policy, which goes into a file; the commands are told beside it.
pub fn github_role(args: &GithubRoleArgs, app: &App, output: &Output) -> Done {
    let target = target(app)?;
    let scope = scope(app, target, &args.account, output)?;
    let environment = Environment::of(&scope, app, target);
    let role = GithubRole::new(&args.repository, &workflow(args, app), &environment);
    output.result(&role, |out| write_json(&role.trust, out))?;
    if !output.is_json() {
        output.say(&format!("the role {}:\n  {}", role.arn, role.commands().join("\n  ")));
    }
    Ok(ExitCode::SUCCESS)
}

fn target(app: &App) -> Result<&AwsTarget> {
    match &app.target {
        Target::Aws(target) => Ok(target),
        _ => elsewhere(app, "AWS", "policy"),
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
