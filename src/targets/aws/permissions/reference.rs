//! The permissions as a page of the documentation.

use std::fmt::Write;

use super::{Asked, Environment, GithubRole, On, Permission, Policy, Purpose, TABLE};
use crate::{
    model::{AppName, EnvName},
    targets::{aws::names::Scope, github::Workflow},
};

const HEAD: &str = "\
# What mizan is allowed on AWS

This page is made from the table that the tool itself uses; `mizan doctor` asks about the same
permissions, and a test holds them against every call of a recorded deploy.

- `mizan config iam-policy -e ENV` prints the smallest policy with which the environment can be
  deployed, rolled back and destroyed. It is for that one environment: an account with two has two
  policies. `--account` names the account; without it a placeholder stands there.
- `mizan config github-role OWNER/REPO -e ENV` prints who may take the role that a workflow on
  GitHub deploys with: jobs that run in GitHub's environment of the same name, or, with `--branch`,
  runs of that branch. No key is stored anywhere.

Attach the policy to a role as an inline policy (10,240 characters are allowed there; it can be too
long for a managed one).

Some things that a policy cannot say:

- Whoever may deploy decides what runs, and with which rights: the tool writes the policies of the
  tasks' two roles. If that is too much, give both roles in `mizan.yaml` (`execution_role`,
  `task_role`): then the policy allows only to pass these two on.
- Names end with an asterisk where services come and go. The environment `prod` of an app can so
  touch one called `prod-eu`: choose names of which none begins with another, or use two accounts.
- Existing security groups and certificates are told apart by their tags, as their ids are not
  known beforehand.
";

/// What the examples refer to.
const REFERENCES: [&str; 2] = [
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shared-AbCdEf",
    "arn:aws:ssm:eu-west-1:123456789012:parameter/shared",
];

/// The page.
pub fn markdown() -> String {
    let scope = sample();
    let environment = everything(&scope);
    let mut page = HEAD.to_owned();
    // Writing to a string does not fail.
    let _ = write_tables(&mut page, &environment);
    let _ = write_examples(&mut page, &environment);
    page
}

fn write_tables(page: &mut String, environment: &Environment<'_>) -> std::fmt::Result {
    writeln!(page, "\n## Every permission\n")?;
    writeln!(
        page,
        "An asterisk alone means that the action lists, or that AWS knows no resources for it."
    )?;
    for purpose in Purpose::ALL {
        let rows = TABLE.iter().filter(|permission| permission.purpose == purpose);
        writeln!(page, "\n### For {}\n", purpose.words())?;
        writeln!(page, "| action | on | asked for by |\n|---|---|---|")?;
        for row in rows {
            writeln!(page, "| `{}` | {} | {} |", row.action, on(row, environment), asked(row))?;
        }
    }
    Ok(())
}

fn on(row: &Permission, environment: &Environment<'_>) -> String {
    if row.on == On::Free {
        return "nothing: everybody may".to_owned();
    }
    let resources = row.on.resources(environment);
    let named: Vec<_> = resources.iter().map(|resource| format!("`{resource}`")).collect();
    match row.on.conditions(environment) {
        Some(condition) => format!("{} if `{condition}`", named.join(" ")),
        None => named.join(" "),
    }
}

fn asked(row: &Permission) -> String {
    match row.asked {
        Asked::Call => "the call".to_owned(),
        Asked::Named(calls) => {
            let names: Vec<_> =
                calls.iter().filter_map(|call| Some(call.split_once(':')?.1)).collect();
            names.join(", ")
        }
        Asked::Implied(why) => why.to_owned(),
    }
}

fn write_examples(page: &mut String, environment: &Environment<'_>) -> std::fmt::Result {
    let policy = Policy::of(environment);
    let json = serde_json::to_string_pretty(&policy).map_err(|_| std::fmt::Error)?;
    writeln!(page, "\n## The policy of an environment with a domain, the edge and autoscaling\n")?;
    writeln!(page, "```json\n{json}\n```")?;
    let repository = "octo-org/board".parse().map_err(|_| std::fmt::Error)?;
    let workflow = Workflow::Environment(environment.scope.env.to_string());
    let role = GithubRole::new(&repository, &workflow, environment);
    let trust = serde_json::to_string_pretty(&role.trust).map_err(|_| std::fmt::Error)?;
    writeln!(page, "\n## The trust of a role for GitHub\n\n```json\n{trust}\n```\n\n```console")?;
    for command in role.commands() {
        writeln!(page, "{command}")?;
    }
    writeln!(page, "```")
}

/// The environment of the examples.
pub(super) fn sample() -> Scope {
    Scope {
        account: "123456789012".to_owned(),
        partition: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
        app: AppName::new("board").expect("a name"),
        env: EnvName::new("production").expect("a name"),
    }
}

fn everything(scope: &Scope) -> Environment<'_> {
    Environment {
        scope,
        cluster: None,
        balancer: None,
        roles: Vec::new(),
        references: REFERENCES.to_vec(),
        https: true,
        scaling: true,
        check: true,
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    /// `MIZAN_WRITE_DOCS=1` writes it anew.
    #[test]
    fn the_page_in_docs_is_fresh() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/aws-permissions.md");
        let page = super::markdown();
        if env::var_os("MIZAN_WRITE_DOCS").is_some() {
            fs::write(&file, &page).unwrap();
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        assert!(written == page, "docs/aws-permissions.md is not what MIZAN_WRITE_DOCS=1 writes");
    }
}
