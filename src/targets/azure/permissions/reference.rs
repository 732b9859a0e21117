//! The permissions as a page of the documentation.

use std::fmt::Write;

use super::{Asked, At, CustomRole, GithubLogin, Permission, Purpose, TABLE};
use crate::{
    model::{AppName, EnvName},
    targets::{azure::names::Scope, github::Workflow},
};

const HEAD: &str = "\
# What mizan is allowed on Azure

This page is made from the table that the tool itself uses; `mizan doctor` asks about the same
permissions.

- `mizan config azure-role -e ENV > role.json` prints the smallest custom role with which the
  environment can be deployed, rolled back and destroyed, and tells the two commands that make it
  and give it. `--subscription` names the subscription (else `AZURE_SUBSCRIPTION_ID`, else a
  placeholder), `--principal` the object id of who gets it.
- `mizan config github-role OWNER/REPO -e ENV > credential.json` prints whose tokens are trusted
  when a workflow on GitHub deploys: jobs that run in GitHub's environment of the same name, or,
  with `--branch`, runs of that branch. No key is stored anywhere.

The role is given on the subscription, as a deploy makes resource groups and registers resource
providers there. To make custom roles and give them needs the role Owner or User Access
Administrator, once.

Roles are given under a condition: who deploys may give and take two roles and no other.

- AcrPull, on the environment's registry, to the identity that pulls images;
- Key Vault Secrets Officer, on the environment's vault, to who deploys. With `--principal` the
  condition lets it be given to nobody else.

Some things that a role cannot say:

- Whoever may deploy decides what runs.
- Roles know no names: who may deploy one environment of a subscription can change the others in
  it, open their vaults and read their ledgers. Environments that must not reach each other belong
  in different subscriptions, and so does whatever else has container groups, registries, vaults or
  storage accounts.
- Without the two actions about `roleAssignments`, somebody else has to give both roles before the
  first deploy. What a deploy finds there it does not give again.
- Without `deletedVaults/purge/action`, `mizan destroy --volumes` leaves a deleted vault behind,
  whose name is free again when Azure has kept it for its time.
";

/// The page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    // Writing to a string does not fail.
    let _ = write_tables(&mut page);
    let _ = write_examples(&mut page, &sample());
    page
}

fn write_tables(page: &mut String) -> std::fmt::Result {
    writeln!(page, "\n## Every permission")?;
    for purpose in Purpose::ALL {
        let rows = TABLE.iter().filter(|permission| permission.purpose == purpose);
        writeln!(page, "\n### For {}\n", purpose.words())?;
        writeln!(page, "| action | where | asked for by |\n|---|---|---|")?;
        for row in rows {
            writeln!(page, "| `{}` | {} | {} |", row.action, at(row), asked(row))?;
        }
    }
    Ok(())
}

fn at(row: &Permission) -> &'static str {
    match row.at {
        At::Subscription => "the subscription",
        At::Environment => "the environment's resource group",
        At::Ledgers => "the resource group `mizan-ledgers`",
        At::Vault => "the environment's vault; it comes with Key Vault Secrets Officer",
    }
}

fn asked(row: &Permission) -> &'static str {
    match row.asked {
        Asked::Call => "the request",
        Asked::Implied(why) => why,
    }
}

fn write_examples(page: &mut String, scope: &Scope) -> std::fmt::Result {
    let role = CustomRole::of(scope);
    writeln!(page, "\n## The role\n\n```json\n{}\n```\n", json(&role)?)?;
    let principal = "11111111-2222-3333-4444-555555555555";
    write_commands(page, &role.commands(scope, Some(principal)))?;
    let repository = "octo-org/board".parse().map_err(|_| std::fmt::Error)?;
    let workflow = Workflow::Environment(scope.env.to_string());
    let login = GithubLogin::new(&repository, &workflow, scope);
    writeln!(page, "\n## The sign-in of a workflow on GitHub\n")?;
    writeln!(page, "```json\n{}\n```\n", json(&login.credential)?)?;
    write_commands(page, &login.commands)
}

fn write_commands(page: &mut String, commands: &[String]) -> std::fmt::Result {
    writeln!(page, "```console\n{}\n```", commands.join("\n"))
}

fn json(value: &impl serde::Serialize) -> Result<String, std::fmt::Error> {
    serde_json::to_string_pretty(value).map_err(|_| std::fmt::Error)
}

/// The environment of the examples.
pub(super) fn sample() -> Scope {
    Scope {
        subscription: "00000000-0000-0000-0000-000000000001".to_owned(),
        location: "westeurope".to_owned(),
        app: AppName::new("board").expect("a name"),
        env: EnvName::new("production").expect("a name"),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    /// `MIZAN_WRITE_DOCS=1` writes it anew.
    #[test]
    fn the_page_in_docs_is_fresh() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/azure-permissions.md");
        let page = super::markdown();
        if env::var_os("MIZAN_WRITE_DOCS").is_some() {
            fs::write(&file, &page).expect("written");
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        assert!(written == page, "docs/azure-permissions.md is not what MIZAN_WRITE_DOCS=1 writes");
    }
}
