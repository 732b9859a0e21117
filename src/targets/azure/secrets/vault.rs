//! The environment's key vault as a resource: made with what it stands on, brought back if it was
//! deleted, and removed.
//! (<https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview>)

use serde_json::{Value, json};

use super::{access, client::Client};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::ResourceId,
    targets::azure::{
        Clients,
        api::{ApiError, Patience},
        foreign::{foreign, tags},
        names::Scope,
        paths::version,
        surroundings::{Tell, ensure_group, ensure_provider},
    },
};

/// The provider of key vaults.
const PROVIDER: &str = "Microsoft.KeyVault";
/// Days that a removed vault or secret can be brought back; Azure's minimum.
const RECOVERY_DAYS: u32 = 7;
/// What Azure says about a name that a deleted vault has.
const DELETED: &str = "ConflictError";
/// What a PUT may not say although a GET tells it.
const ONLY_TOLD: [&str; 3] =
    ["provisioningState", "privateEndpointConnections", "hsmPoolResourceId"];

/// How something is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// For some days it can be brought back; its name stays taken.
    Recoverable,
    /// At once and for good.
    Final,
}

/// What is at the vault's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vault {
    /// Nothing.
    Absent,
    /// Our vault.
    Ours,
    /// A vault without our tags.
    Foreign,
}

/// What is at the vault's name. Its secrets are not asked for.
///
/// # Errors
/// Azure refused to tell, or could not be reached.
pub async fn look(clients: &Clients, scope: &Scope) -> Result<Vault> {
    Ok(match find(clients, scope).await? {
        None => Vault::Absent,
        Some(vault) if scope.owns_resource(&vault) => Vault::Ours,
        Some(_) => Vault::Foreign,
    })
}

/// The vault, as Azure tells it; `None` if it is not there.
pub(super) async fn find(clients: &Clients, scope: &Scope) -> Result<Option<Value>, ApiError> {
    clients.arm.get(&scope.vault_path(&scope.vault()), version::VAULTS).await
}

/// A vault that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensured {
    /// Its resource id.
    pub id: String,
    /// It is new: nobody had ever put anything into it.
    pub is_new: bool,
}

/// The vault is there, with provider and resource group, and the caller may use its secrets.
///
/// # Errors
/// Something of it is not ours, Azure refused it, or it takes too long.
pub async fn ensure_vault(clients: &Clients, scope: &Scope, tell: Tell<'_>) -> Result<Ensured> {
    let (vault, client, is_new) = made(clients, scope, tell).await?;
    access::ensure(clients, scope, &client, tell).await?;
    let id = vault["id"].as_str().map_or_else(|| scope.vault_path(&scope.vault()), str::to_owned);
    Ok(Ensured { id, is_new })
}

/// The vault, what asks it, and whether it is new.
async fn made(clients: &Clients, scope: &Scope, tell: Tell<'_>) -> Result<(Value, Client, bool)> {
    let (vault, is_new) = match find(clients, scope).await? {
        Some(vault) => (by_roles(clients, scope, vault).await?, false),
        None => {
            ensure_provider(clients, scope, PROVIDER, tell).await?;
            ensure_group(clients, scope, tell).await?;
            create(clients, scope, tell).await?
        }
    };
    let client = Client::new(clients, uri(&vault)?);
    Ok((vault, client, is_new))
}

/// The address of its secrets.
pub(super) fn uri(vault: &Value) -> Result<&str> {
    let uri = vault["properties"]["vaultUri"].as_str();
    uri.ok_or_else(|| Error::failed("Azure does not tell the address of the key vault"))
}

/// The vault of before, whose secrets roles decide about.
async fn by_roles(clients: &Clients, scope: &Scope, mut vault: Value) -> Result<Value> {
    scope.require_own(&id(scope), &vault)?;
    if vault["properties"]["enableRbacAuthorization"] == true {
        return Ok(vault);
    }
    let mut properties = vault["properties"].take();
    if let Value::Object(properties) = &mut properties {
        ONLY_TOLD.iter().for_each(|key| drop(properties.remove(*key)));
    }
    properties["enableRbacAuthorization"] = true.into();
    let tags = tags(&vault);
    let body = json!({"location": vault["location"], "tags": tags, "properties": properties});
    Ok(put(clients, scope, &body).await?)
}

async fn create(clients: &Clients, scope: &Scope, tell: Tell<'_>) -> Result<(Value, bool)> {
    let tenant = clients.credentials.identity(clients.cloud.management()).await?.tenant;
    let sku = json!({"family": "A", "name": "standard"});
    let body = json!({"location": scope.location, "tags": scope.tags(), "properties": {
        "tenantId": tenant, "sku": sku, "accessPolicies": [], "enableRbacAuthorization": true,
        "enableSoftDelete": true, "softDeleteRetentionInDays": RECOVERY_DAYS,
    }});
    match put(clients, scope, &body).await {
        Err(error) if error.is(DELETED) => {
            require_own_deleted(clients, scope).await?;
            tell(&format!("bringing back the key vault {}, which was deleted", scope.vault()));
            let body = json!({"location": scope.location, "tags": scope.tags(), "properties": {
                "tenantId": tenant, "sku": sku, "createMode": "recover",
            }});
            let vault = put(clients, scope, &body).await?;
            Ok((by_roles(clients, scope, vault).await?, false))
        }
        Err(error) if error.is("VaultAlreadyExists") => {
            Err(Error::from(error).hint("choose another name for the app or the environment"))
        }
        made => Ok((made?, true)),
    }
}

async fn put(clients: &Clients, scope: &Scope, body: &Value) -> Result<Value, ApiError> {
    let path = scope.vault_path(&scope.vault());
    clients.arm.put(&path, version::VAULTS, body, Patience::USUAL).await
}

/// A deleted vault keeps its tags.
async fn require_own_deleted(clients: &Clients, scope: &Scope) -> Result<()> {
    let name = scope.vault();
    match deleted(clients, scope).await? {
        Some(vault) if scope.owns_resource(&vault["properties"]) => Ok(()),
        Some(_) => Err(foreign(&ResourceId::new("deleted vault", name))),
        None => Err(Error::failed(format!("a deleted key vault holds the name {name}"))
            .cause(format!("it is not in {} of this subscription", scope.location))
            .hint(format!("az keyvault purge --name {name}, if it is yours"))),
    }
}

async fn deleted(clients: &Clients, scope: &Scope) -> Result<Option<Value>, ApiError> {
    clients.arm.get(&scope.deleted_vault_path(&scope.vault()), version::VAULTS).await
}

/// True if our vault was deleted and can still be brought back. Who may not look cannot purge it.
///
/// # Errors
/// Azure could not be reached.
pub async fn is_deleted(clients: &Clients, scope: &Scope) -> Result<bool> {
    match deleted(clients, scope).await {
        Ok(found) => Ok(found.is_some_and(|vault| scope.owns_resource(&vault["properties"]))),
        Err(error) if error.is_denied() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The vault and all secrets in it are gone; they may be already. One that is not ours is left alone.
/// Answers what the user should know: that the name stays taken for some days.
///
/// # Errors
/// Azure refused it, or could not be reached.
pub async fn remove_vault(
    clients: &Clients,
    scope: &Scope,
    how: Removal,
) -> Result<Option<String>> {
    match find(clients, scope).await? {
        Some(vault) if !scope.owns_resource(&vault) => return Ok(None),
        Some(_) => {
            let path = scope.vault_path(&scope.vault());
            clients.arm.delete(&path, version::VAULTS, Patience::USUAL).await?;
        }
        None => {}
    }
    match how {
        Removal::Recoverable => Ok(None),
        Removal::Final => purge(clients, scope).await,
    }
}

/// That the vault was deleted is all that matters: whoever may not purge it leaves a name behind.
async fn purge(clients: &Clients, scope: &Scope) -> Result<Option<String>> {
    let name = scope.vault();
    let found = match deleted(clients, scope).await {
        Err(error) if error.is_denied() => return Ok(Some(reserved(&name, None, error))),
        found => found?,
    };
    let Some(vault) = found else { return Ok(None) };
    if !scope.owns_resource(&vault["properties"]) {
        return Ok(None);
    }
    let purge = format!("{}/purge", scope.deleted_vault_path(&name));
    match clients.arm.post(&purge, version::VAULTS, None, Patience::USUAL).await {
        Err(error) if error.is_absent() => Ok(None),
        Err(ApiError::Failed(error)) if error.kind != ErrorKind::Unavailable => Err(error),
        // Denied, protected, or not through in time: none of it is worth the rest of the teardown.
        Err(error) => {
            let until = vault["properties"]["scheduledPurgeDate"].as_str();
            Ok(Some(reserved(&name, until, error)))
        }
        Ok(_) => Ok(None),
    }
}

fn reserved(name: &str, until: Option<&str>, error: ApiError) -> String {
    let until = until.unwrap_or("Azure purges it");
    format!(
        "the key vault {name} is deleted, but not purged: its name stays reserved until {until}; \
         the next deploy brings it back ({})",
        Error::from(error)
    )
}

/// How the vault is called in front of users.
pub(super) fn id(scope: &Scope) -> ResourceId {
    ResourceId::new("vault", scope.vault())
}
