//! What Azure has to allow.

use std::{env, process::ExitCode};

use serde::Serialize;
use uuid::Uuid;

use super::{elsewhere, workflow, write_json};
use crate::{
    cli::{
        Done,
        args::{AzureRoleArgs, GithubRoleArgs, SubscriptionArgs},
        output::Output,
        site,
    },
    error::{Error, ErrorKind, Result},
    model::{App, AzureService, Target},
    targets::azure::{
        names::Scope,
        permissions::{CustomRole, GithubLogin, condition},
    },
};

/// Stands where the subscription's id is not known.
const PLACEHOLDER: &str = "SUBSCRIPTION_ID";
/// The subscription, as Azure's own tools call it.
const SUBSCRIPTION: &str = "AZURE_SUBSCRIPTION_ID";

/// The role, the condition under which it is given, and the commands.
#[derive(Serialize)]
struct Given {
    role: CustomRole,
    condition: String,
    commands: [String; 2],
}

/// As text, the role, which goes into a file; the commands are told beside it.
pub fn role(args: &AzureRoleArgs, app: &App, output: &Output) -> Done {
    let scope = scope(app, &args.subscription, output)?;
    let principal = args.principal.as_deref().map(|id| uuid(id, "object id")).transpose()?;
    let role = CustomRole::of(&scope);
    let commands = role.commands(&scope, principal);
    let given = Given { condition: condition(principal), commands, role };
    output.result(&given, |out| write_json(&given.role, out))?;
    if !output.is_json() {
        let commands = given.commands.join("\n  ");
        output.say(&format!("the role {}:\n  {commands}", given.role.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// As text, the federated credential, which goes into a file; the commands are told beside it.
pub fn github_login(args: &GithubRoleArgs, app: &App, output: &Output) -> Done {
    let scope = scope(app, &args.subscription, output)?;
    let login = GithubLogin::new(&args.repository, &workflow(args, app), &scope);
    output.result(&login, |out| write_json(&login.credential, out))?;
    if !output.is_json() {
        let commands = login.commands.join("\n  ");
        output.say(&format!("the app {} and its role:\n  {commands}", login.app));
        output.say("`mizan config azure-role` prints role.json");
    }
    Ok(ExitCode::SUCCESS)
}

/// The environment in the subscription that was named; nobody is asked for it.
fn scope(app: &App, args: &SubscriptionArgs, output: &Output) -> Result<Scope> {
    let location = match &app.target {
        Target::Azure { location, service: AzureService::ContainerInstances } => location,
        Target::Azure { .. } => return Err(site::unsupported(app)),
        _ => return elsewhere(app, "Azure", "role"),
    };
    let named = env::var(SUBSCRIPTION).ok().filter(|id| !id.is_empty());
    let subscription = match args.subscription.clone().or(named) {
        Some(id) => uuid(&id, "subscription")?.to_owned(),
        None => {
            output.say(&format!(
                "put your subscription's id for {PLACEHOLDER}, or use --subscription"
            ));
            PLACEHOLDER.to_owned()
        }
    };
    let (app, env) = (app.name.clone(), app.env.clone());
    Ok(Scope { subscription, location: location.clone(), app, env })
}

fn uuid<'a>(written: &'a str, what: &str) -> Result<&'a str> {
    match Uuid::parse_str(written) {
        Ok(_) => Ok(written),
        Err(_) => Err(Error::new(ErrorKind::Usage, format!("{written:?} is no {what}"))
            .cause("Azure's ids look like 00000000-0000-0000-0000-000000000000")),
    }
}
