//! Which permissions are missing: Azure tells what the caller's roles allow at a place, and the table
//! says what is needed there.
//! (<https://learn.microsoft.com/rest/api/authorization/permissions>)

use std::collections::BTreeSet;

use crate::{
    error::{Context, ErrorKind, Result},
    targets::{
        Check,
        azure::{
            Clients,
            names::Scope,
            paths::version,
            permissions::{At, Granted, Permission, Purpose, TABLE},
        },
    },
};

const NAME: &str = "permissions";

/// One check for each action that is missing, or one that says that none is.
pub(super) async fn checks(clients: &Clients, scope: &Scope) -> Vec<Check> {
    match missing(clients, scope).await {
        Ok(missing) if missing.is_empty() => {
            vec![Check::ok(NAME, "everything that a deploy needs is allowed")]
        }
        Ok(missing) => missing.into_iter().map(told).collect(),
        Err(error) if error.kind == ErrorKind::Denied => {
            vec![Check::skipped(NAME, error.to_string()).hint(
                "allow Microsoft.Authorization/*/read, or compare with mizan config azure-role",
            )]
        }
        Err(error) => vec![Check::error(NAME, &error)],
    }
}

fn told(permission: &Permission) -> Check {
    let what = format!("{} is not allowed: {}", permission.action, permission.purpose.words());
    let check = match permission.purpose {
        Purpose::Doctor => Check::warning(NAME, what),
        _ => Check::failed(NAME, ErrorKind::Denied, what),
    };
    check.hint("mizan config azure-role prints the role that is needed")
}

async fn missing(clients: &Clients, scope: &Scope) -> Result<Vec<&'static Permission>> {
    let (environment, ledgers) = (scope.resource_group(), scope.ledgers_group());
    let (subscription, environment, ledgers) = tokio::try_join!(
        granted(clients, scope.subscription_path()),
        granted(clients, scope.group_path(&environment)),
        granted(clients, scope.group_path(&ledgers)),
    )?;
    // Before a group is there, what is allowed everywhere counts.
    let or_everywhere = |roles| if Vec::is_empty(&roles) { subscription.clone() } else { roles };
    let places = [
        (At::Environment, or_everywhere(environment)),
        (At::Ledgers, or_everywhere(ledgers)),
        (At::Subscription, subscription.clone()),
    ];
    let mut seen = BTreeSet::new();
    let mut missing = Vec::new();
    for (at, roles) in &places {
        let needed = TABLE.iter().filter(|permission| permission.at == *at);
        let lacking = Granted::missing(roles, needed);
        missing.extend(lacking.filter(|permission| seen.insert(permission.action)));
    }
    Ok(missing)
}

/// What the caller's roles allow at a place; nothing if it is not there.
async fn granted(clients: &Clients, place: String) -> Result<Vec<Granted>> {
    let path = format!("{place}/providers/Microsoft.Authorization/permissions");
    let roles = clients.arm.list(&path, version::ROLES).await?;
    let read = roles.into_iter().map(serde_json::from_value).collect::<Result<_, _>>();
    read.context(ErrorKind::Failed, || {
        "what Azure tells of the caller's roles cannot be read".into()
    })
}
