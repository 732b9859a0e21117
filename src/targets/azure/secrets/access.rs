//! The caller's own way into the vault: whoever deploys gives himself the role that opens its
//! secrets, and waits until it works everywhere.
//! (<https://learn.microsoft.com/azure/key-vault/general/rbac-guide>)

use std::time::Duration;

use serde_json::json;

use super::client::Client;
use crate::{
    error::{Error, ErrorKind, Result},
    targets::azure::{
        Clients,
        api::{ApiError, Identity, Looks, Patience},
        names::Scope,
        paths::version,
        surroundings::Tell,
    },
};

/// The role that may do everything with secrets.
const ROLE: &str = "Key Vault Secrets Officer";
/// How long a role may take until every part of Azure knows of it.
const PROPAGATION: Patience = Patience(Duration::from_secs(5 * 60));
/// Who may not enter, as long as he has no role that works.
pub(super) const NO_ROLE: &str = "ForbiddenByRbac";

/// The caller may use the secrets of the vault.
pub(super) async fn ensure(
    clients: &Clients,
    scope: &Scope,
    client: &Client,
    tell: Tell<'_>,
) -> Result<()> {
    match client.list().await {
        Err(error) if error.is(NO_ROLE) => {}
        listed => return listed.map(drop).map_err(|error| explained(scope, error)),
    }
    let caller = caller(clients).await?;
    assign(clients, scope, &caller).await?;
    let vault = scope.vault();
    tell(&format!("waiting until the role {ROLE} opens the vault {vault}, which takes minutes"));
    let mut looks = Looks::new(PROPAGATION);
    loop {
        let error = match client.list().await {
            Ok(_) => return Ok(()),
            Err(error) if is_early(&error) => error,
            Err(error) => return Err(explained(scope, error)),
        };
        if !looks.next(None).await {
            let message = format!("the role {ROLE} does not open the vault {vault} yet");
            return Err(Error::new(ErrorKind::Unavailable, message)
                .cause(Error::from(error))
                .hint(
                    "run the command again in some minutes: it goes on from what is there then",
                ));
        }
    }
}

/// True if the vault may open a moment later: its name is not known everywhere yet, or the role.
fn is_early(error: &ApiError) -> bool {
    match error {
        ApiError::Failed(error) => error.kind == ErrorKind::Unavailable,
        error => error.is(NO_ROLE),
    }
}

/// Azure names people and everything else by object ids.
async fn caller(clients: &Clients) -> Result<Identity> {
    clients.credentials.identity(clients.cloud.management()).await
}

async fn assign(clients: &Clients, scope: &Scope, caller: &Identity) -> Result<()> {
    let vault = scope.vault();
    let on = scope.vault_path(&vault);
    let name = scope.role_assignment(&vault, ROLE, &caller.object);
    let path = scope.role_assignment_path(&on, &name);
    let body = json!({"properties": {
        "roleDefinitionId": scope.role_id(ROLE),
        "principalId": caller.object,
        "principalType": caller.principal_type(),
    }});
    match clients.arm.put(&path, version::ROLES, &body, Patience::USUAL).await {
        // Somebody else gave it under another name.
        Err(error) if error.is("RoleAssignmentExists") => Ok(()),
        Err(error) if error.is_denied() => Err(Error::new(
            ErrorKind::Denied,
            format!("the caller may neither open the vault {vault} nor give itself the role"),
        )
        .cause(Error::from(error))
        .hint(command(scope, caller))),
        assigned => Ok(assigned.map(drop)?),
    }
}

/// What an administrator runs.
fn command(scope: &Scope, caller: &Identity) -> String {
    format!(
        "somebody who may assign roles runs: az role assignment create --role \"{ROLE}\" \
         --assignee-object-id {} --assignee-principal-type {} --scope {}",
        caller.object,
        caller.principal_type(),
        scope.vault_path(&scope.vault()),
    )
}

/// The error of a caller who may not read the vault, and gives itself no role.
pub(super) async fn denied(clients: &Clients, scope: &Scope, error: ApiError) -> Error {
    let has_no_role = error.is(NO_ROLE);
    let error = explained(scope, error);
    match (has_no_role, caller(clients).await) {
        (true, Ok(caller)) => error.hint(command(scope, &caller)),
        _ => error,
    }
}

/// What a refusal of the vault means.
fn explained(scope: &Scope, error: ApiError) -> Error {
    let vault = scope.vault();
    let hint = match &error {
        it if it.is("ForbiddenByFirewall") => {
            Some(format!("let this machine's address through the firewall of the vault {vault}"))
        }
        it if it.is("ForbiddenByPolicy") => Some(format!(
            "the vault {vault} goes by policies of its own; mizan deploy changes it to roles"
        )),
        _ => None,
    };
    let error = Error::from(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
