//! Key vaults: a deleted one stays under its name until somebody purges it, and takes its secrets
//! back with it when somebody recovers it.

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    Call, State,
    operations::{self, Effect, Style},
    providers, removal, reply, resource_groups,
    store::{Resource, described},
};
use crate::support::server::Answer;

/// The type.
pub const KIND: &str = "Microsoft.KeyVault/vaults";
/// That of one that was deleted.
pub const DELETED: &str = "Microsoft.KeyVault/deletedVaults";
/// Its provider.
const PROVIDER: &str = "Microsoft.KeyVault";
/// How long a deleted vault stays if its maker did not say, in days.
const RETENTION: u64 = 90;

fn id(call: &Call) -> String {
    format!("{}/providers/{KIND}/{}", call.group(), call.value("vaultName"))
}

fn deleted_id(subscription: &str, location: &str, name: &str) -> String {
    format!(
        "/subscriptions/{subscription}/providers/{PROVIDER}/locations/{location}/deletedVaults/{name}"
    )
}

/// The address that its secrets have.
pub fn uri(state: &State, name: &str) -> String {
    format!("{}/vaults/{name}/", state.endpoint)
}

pub fn put(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    providers::expect(state, PROVIDER)?;
    resource_groups::expect(state, &call.group())?;
    let id = id(call);
    expect_tenant(state, &call.body)?;
    let is_there = state.store.get(&id).is_some();
    if call.body["properties"]["createMode"] == "recover" {
        return recover(state, call, &id);
    }
    if !is_there {
        expect_free(state, call.value("vaultName"))?;
    }
    let mut body = described(&id, KIND, &call.body);
    body["properties"] = properties(state, call);
    let resource = Resource::ready(&id, body);
    let view = resource.view();
    state.store.put(resource);
    state.vaults.entry(key(call.value("vaultName"))).or_default();
    Ok(reply::answer(if is_there { 200 } else { 201 }, &view))
}

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    let found = state.store.get(&id).ok_or_else(|| reply::not_found(&id))?;
    Ok(reply::answer(200, &found.view()))
}

pub fn list(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    resource_groups::expect(state, &call.group())?;
    Ok(reply::list(state.store.below(&call.group(), KIND).map(Resource::view).collect()))
}

/// It is done at once.
pub fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    if state.store.get(&id).is_none() {
        return Ok(reply::empty(204));
    }
    removal::remove(state, &id);
    Ok(reply::empty(200))
}

pub fn list_deleted(state: &mut State, _: &Call) -> Result<Answer, Answer> {
    let deleted = state.store.all().filter(|it| it.kind() == DELETED);
    Ok(reply::list(deleted.map(|it| it.body.clone()).collect()))
}

pub fn get_deleted(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = deleted_id(&state.subscription, call.value("location"), call.value("vaultName"));
    operations::look(state, &id);
    Ok(reply::answer(200, &expect_deleted(state, &id)?.body))
}

pub fn purge(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = deleted_id(&state.subscription, call.value("location"), call.value("vaultName"));
    if expect_deleted(state, &id)?.body["properties"]["purgeProtectionEnabled"] == true {
        let message = "Operation 'DeletedVaultPurge' is not allowed.";
        return Err(reply::refusal(405, "MethodNotAllowed", message));
    }
    let operation = operations::begin(state, &id, Effect::Gone, "Deleting");
    Ok(operations::announce(state, reply::empty(202), &operation, Style::Result))
}

pub fn check_name(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let name = call.body["name"].as_str().unwrap_or_default();
    Ok(match expect_free(state, name) {
        Ok(()) => reply::answer(200, &json!({"nameAvailable": true})),
        Err(_) => {
            let message = format!("The vault name '{name}' is already in use.");
            let body =
                json!({"nameAvailable": false, "reason": "AlreadyExists", "message": message});
            reply::answer(200, &body)
        }
    })
}

/// A vault was removed: from now on it is a deleted one.
pub fn keep_deleted(state: &mut State, vault: &Resource) {
    let properties = &vault.body["properties"];
    let name = vault.body["name"].as_str().unwrap_or_default();
    let id = deleted_id(&state.subscription, vault.location(), name);
    let days = properties["softDeleteRetentionInDays"].as_u64().unwrap_or(RETENTION);
    let now = Timestamp::now();
    let purged = now + (days as i64 * 24).hours();
    let mut told = json!({
        "vaultId": vault.id, "location": vault.location(), "deletionDate": now.to_string(),
        "scheduledPurgeDate": purged.to_string(),
        "tags": vault.body.get("tags").cloned().unwrap_or_else(|| json!({})),
    });
    if properties["enablePurgeProtection"] == true {
        told["purgeProtectionEnabled"] = true.into();
    }
    let body = json!({"id": id, "name": name, "type": DELETED, "properties": told});
    state.recoverable.insert(key(name), vault.clone());
    state.store.put(Resource::ready(&id, body));
}

/// A deleted vault was purged.
pub fn forget(state: &mut State, deleted: &Resource) {
    let name = key(deleted.body["name"].as_str().unwrap_or_default());
    state.recoverable.remove(&name);
    state.vaults.remove(&name);
}

/// It comes back as it was, but nobody has a role in it any more.
fn recover(state: &mut State, call: &Call, id: &str) -> Result<Answer, Answer> {
    let name = key(call.value("vaultName"));
    let found = state.recoverable.get(&name).filter(|it| it.id.eq_ignore_ascii_case(id));
    let Some(vault) = found.cloned() else {
        let message = "A soft deleted vault with the given name does not exist. Ensure that the name for the vault that is being attempted to recover is in a recoverable state.";
        return Err(reply::refusal(400, "SoftDeletedVaultDoesNotExist", message));
    };
    let deleted = deleted_id(&state.subscription, vault.location(), call.value("vaultName"));
    state.store.remove(&deleted);
    state.recoverable.remove(&name);
    let view = vault.view();
    state.store.put(vault);
    Ok(reply::answer(200, &view))
}

fn properties(state: &State, call: &Call) -> Value {
    let mut properties = call.body["properties"].clone();
    let fields = properties.as_object_mut().expect("a vault has properties");
    fields.remove("createMode");
    fields.entry("enableRbacAuthorization").or_insert(false.into());
    fields.entry("softDeleteRetentionInDays").or_insert(RETENTION.into());
    fields.insert("enableSoftDelete".to_owned(), true.into());
    fields.insert("vaultUri".to_owned(), uri(state, call.value("vaultName")).into());
    properties
}

fn expect_tenant(state: &State, body: &Value) -> Result<(), Answer> {
    let tenant = &body["properties"]["tenantId"];
    if *tenant == state.tenant.as_str() {
        return Ok(());
    }
    let message = format!("The tenant {tenant} is not that of the subscription.");
    Err(reply::refusal(400, "BadRequest", &message))
}

/// The names of vaults are the whole world's, and a deleted one keeps its name.
fn expect_free(state: &State, name: &str) -> Result<(), Answer> {
    if state.recoverable.contains_key(&key(name)) {
        let message = "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.";
        return Err(reply::refusal(409, "ConflictError", message));
    }
    let foreign = state.settings.taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    if foreign || state.vaults.contains_key(&key(name)) {
        let message = format!(
            "The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name is already taken."
        );
        return Err(reply::refusal(409, "VaultAlreadyExists", &message));
    }
    Ok(())
}

fn expect_deleted<'a>(state: &'a State, id: &str) -> Result<&'a Resource, Answer> {
    state.store.get(id).ok_or_else(|| {
        let name = id.rsplit('/').next().unwrap_or_default();
        let message = format!("The specified deleted vault '{name}' does not exist.");
        reply::refusal(404, "DeletedVaultNotFound", &message)
    })
}

/// Vaults are told apart by their names, whose case does not matter.
pub fn key(name: &str) -> String {
    name.to_lowercase()
}
