//! The storage account of the ledgers of all apps in a subscription and location, in a resource group
//! of its own. It is opened by its key, which works at once: a role would take minutes.
//! (<https://learn.microsoft.com/rest/api/storagerp/storage-accounts>)

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Clients,
    api::{Looks, Patience},
    instances::group::{tags_of, text_of},
    names::Scope,
    paths::version,
    surroundings::{Tell, ensure_provider},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ledger::BlobPlace,
    secret::SecretValue,
};

/// The provider of storage accounts.
const PROVIDER: &str = "Microsoft.Storage";
/// The container of the ledgers.
const CONTAINER: &str = "ledgers";
/// What Azure says while the account is being made.
const IN_PROGRESS: &str = "StorageAccountOperationInProgress";
/// Marks what all environments share as made by this tool.
const SHARED: (&str, &str) = ("mizan:shared", "ledger");

/// The account, as it is.
#[derive(Debug)]
pub struct Storage {
    /// Its tag says that it is ours.
    pub is_ours: bool,
    name: String,
    endpoint: String,
    key: SecretValue,
}

impl Storage {
    /// Looks for it.
    ///
    /// # Errors
    /// Azure cannot be reached, or does not hand out the key.
    pub async fn find(clients: &Clients, scope: &Scope) -> Result<Option<Self>> {
        let path = scope.storage_path();
        let Some(found) = clients.arm.get(&path, version::STORAGE).await? else { return Ok(None) };
        if found["properties"]["provisioningState"] != "Succeeded" {
            return Ok(None);
        }
        let (tag, value) = SHARED;
        let is_ours = found["tags"][tag] == value;
        let keys = format!("{path}/listKeys");
        let keys = clients.arm.post(&keys, version::STORAGE, None, Patience::USUAL).await;
        let keys = keys.map_err(|error| {
            let is_denied = error.is_denied();
            let error = Error::from(error);
            match is_denied {
                true => error.hint(
                    "whoever deploys needs Microsoft.Storage/storageAccounts/listKeys/action \
                     (docs/azure.md)",
                ),
                false => error,
            }
        })?;
        let key = keys["keys"][0]["value"].as_str().ok_or_else(|| {
            Error::new(ErrorKind::Denied, format!("{} tells no key", scope.storage_account()))
        })?;
        Ok(Some(Self {
            is_ours,
            name: scope.storage_account(),
            endpoint: text_of(&found["properties"]["primaryEndpoints"]["blob"]).to_owned(),
            key: SecretValue::new(key.to_owned()),
        }))
    }

    /// Refuses an account that has the name without our tag: nothing of ours is written into it.
    ///
    /// # Errors
    /// It is not ours.
    pub fn require_own(self) -> Result<Self> {
        if self.is_ours {
            return Ok(self);
        }
        let ((tag, value), name) = (SHARED, self.name);
        Err(Error::failed(format!("the storage account {name} was not made by mizan"))
            .cause(format!("it does not have the tag {tag}={value}"))
            .hint(
                "give it the tag back if it holds ledgers of mizan, else remove it; or keep the \
                 ledger elsewhere: `ledger: az://ACCOUNT/CONTAINER`",
            ))
    }

    /// The part of it with these names.
    pub fn place(&self, prefix: String) -> BlobPlace {
        BlobPlace {
            account: self.name.clone(),
            container: CONTAINER.to_owned(),
            prefix,
            endpoint: Some(self.endpoint.clone()),
            key: self.key.clone(),
        }
    }

    /// The environments that have something in it, as `<app>/<env>`.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn users(&self, clients: &Clients) -> Result<BTreeSet<String>> {
        let place = self.place(String::new());
        let mut users = BTreeSet::new();
        for app in place.folders(&clients.http, "").await? {
            for env in place.folders(&clients.http, &app).await? {
                users.insert(format!("{app}/{env}"));
            }
        }
        Ok(users)
    }
}

/// The account and the container in it are there. One that is there is not put again: that would
/// replace the tags and settings that its owner gave it.
///
/// # Errors
/// They cannot be made, or their names are taken by somebody else.
pub async fn ensure(clients: &Clients, scope: &Scope, tell: Tell<'_>) -> Result<Storage> {
    let arm = &clients.arm;
    let (tag, value) = SHARED;
    ensure_provider(clients, scope, PROVIDER, tell).await?;
    if let Some(storage) = Storage::find(clients, scope).await? {
        let storage = storage.require_own()?;
        storage.place(String::new()).ensure_container(&clients.http).await?;
        return Ok(storage);
    }
    let group = scope.group_path(&scope.ledgers_group());
    let in_group = arm.get(&group, version::RESOURCES).await?;
    if in_group.is_none() {
        let body = json!({"location": scope.location, "tags": {tag: value}});
        arm.put(&group, version::RESOURCES, &body, Patience::USUAL).await?;
    }
    let body = json!({
        "location": scope.location,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": {tag: value},
        "properties": {
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": true,
            "allowBlobPublicAccess": false,
            "allowSharedKeyAccess": true,
        },
    });
    put_account(clients, scope, &body).await?;
    let storage = Storage::find(clients, scope).await?;
    let storage = storage.ok_or_else(|| Error::failed("the storage account is gone already"))?;
    let storage = storage.require_own()?;
    storage.place(String::new()).ensure_container(&clients.http).await?;
    Ok(storage)
}

/// Puts the account; another deploy may be making it at the same time.
async fn put_account(clients: &Clients, scope: &Scope, body: &Value) -> Result<()> {
    let path = scope.storage_path();
    let mut looks = Looks::new(Patience::USUAL);
    loop {
        let error = match clients.arm.put(&path, version::STORAGE, body, Patience::USUAL).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if error.is(IN_PROGRESS) && looks.next(None).await {
            continue;
        }
        let is_taken = error.is("StorageAccountAlreadyTaken");
        let error = Error::from(error);
        return Err(match is_taken {
            true => error.hint("write `ledger: az://account/container` in mizan.yaml"),
            false => error,
        });
    }
}

/// The account is gone, and its resource group if nothing else is in it.
///
/// # Errors
/// Azure refuses.
pub async fn delete(clients: &Clients, scope: &Scope) -> Result<()> {
    let arm = &clients.arm;
    arm.delete(&scope.storage_path(), version::STORAGE, Patience::USUAL).await?;
    let group = scope.group_path(&scope.ledgers_group());
    let Some(found) = arm.get(&group, version::RESOURCES).await? else { return Ok(()) };
    let rest: Vec<Value> = arm.list(&format!("{group}/resources"), version::RESOURCES).await?;
    let (tag, value) = SHARED;
    if rest.is_empty() && tags_of(&found).get(tag).map(String::as_str) == Some(value) {
        arm.delete(&group, version::RESOURCES, Patience::USUAL).await?;
    }
    Ok(())
}
