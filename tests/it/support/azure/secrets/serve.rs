//! What can be done with the secrets of a vault.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    super::{Call, State, reply, router::Handler, vaults},
    gate::refusal,
    vault::{Deleted, Secrets, Version},
};
use crate::support::server::Answer;

/// How many are on a page, if the caller does not want fewer.
const PAGE: usize = 25;

/// What serves the operation of this id; `None` if it is not one of a vault's own API.
pub fn handler(operation: &str) -> Option<Handler> {
    Some(match operation {
        "SetSecret" => set,
        "GetSecret" => get,
        "GetSecretVersion" => get_version,
        "GetSecretVersions" => list_versions,
        "GetSecrets" => list,
        "DeleteSecret" => delete,
        "GetDeletedSecret" => get_deleted,
        "GetDeletedSecrets" => list_deleted,
        "PurgeDeletedSecret" => purge,
        "RecoverDeletedSecret" => recover,
        _ => return None,
    })
}

fn set(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let (key, id) = (key(call), state.new_uuid().replace('-', ""));
    if let Some(deleted) = secrets(state, call).deleted.get_mut(&key) {
        let (doing, code) = match deleted.left {
            0 => (
                "in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged",
                "ObjectIsDeletedButRecoverable",
            ),
            _ => (
                "currently being deleted and cannot be re-created; retry later",
                "ObjectIsBeingDeleted",
            ),
        };
        deleted.left = deleted.left.saturating_sub(1);
        let message = format!("Secret {} is {doing}.", name(call));
        return Err(refusal(409, "Conflict", &message, Some(code)));
    }
    let value = call.body["value"].as_str().unwrap_or_default().to_owned();
    let first = secrets(state, call).live.get(&key).and_then(|versions| versions.first());
    let name = first.map_or_else(|| name(call).to_owned(), |version| version.name.clone());
    let (created, more) = (Timestamp::now().as_second(), call.body.clone());
    let version = Version { id, name, value, created, more };
    let bundle = version.bundle(&address(state, call, "secrets", &version.name, &version.id));
    secrets(state, call).live.entry(key).or_default().push(version);
    Ok(reply::answer(200, &bundle))
}

fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let newest = expect(state, call)?.last().cloned();
    told(state, call, newest)
}

fn get_version(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let wanted = call.value("secretVersion");
    let found = expect(state, call)?.iter().find(|it| it.id == wanted).cloned();
    told(state, call, found)
}

/// One that is disabled keeps its value to itself.
fn told(state: &State, call: &Call, version: Option<Version>) -> Result<Answer, Answer> {
    let version = version.ok_or_else(|| not_found(call))?;
    if version.more["attributes"]["enabled"] == false {
        let message = "Operation get is not allowed on a disabled secret.";
        return Err(refusal(403, "Forbidden", message, Some("SecretDisabled")));
    }
    let id = address(state, call, "secrets", &version.name, &version.id);
    Ok(reply::answer(200, &version.bundle(&id)))
}

fn list(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let newest: Vec<_> = secrets(state, call)
        .live
        .values()
        .filter_map(|versions| versions.last().cloned())
        .collect();
    let items = newest.iter().map(|it| it.item(&address(state, call, "secrets", &it.name, "")));
    Ok(page(state, call, items.collect()))
}

fn list_versions(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let versions = expect(state, call)?.clone();
    let items =
        versions.iter().map(|it| it.item(&address(state, call, "secrets", &it.name, &it.id)));
    Ok(page(state, call, items.collect()))
}

fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let (key, left) = (key(call), state.settings.looks);
    let versions = expect(state, call)?.clone();
    let newest = versions.last().ok_or_else(|| not_found(call))?.clone();
    let deleted = Deleted { versions, deleted: Timestamp::now().as_second(), left };
    let item = newest.item(&address(state, call, "secrets", &newest.name, &newest.id));
    let told = deleted.describe(item, &address(state, call, "deletedsecrets", &newest.name, ""));
    let secrets = secrets(state, call);
    secrets.live.remove(&key);
    secrets.deleted.insert(key, deleted);
    Ok(reply::answer(200, &told))
}

fn get_deleted(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let deleted = expect_deleted(state, call)?;
    let newest = deleted.versions.last().ok_or_else(|| not_found(call))?;
    let item = newest.item(&address(state, call, "secrets", &newest.name, &newest.id));
    let told = deleted.describe(item, &address(state, call, "deletedsecrets", &newest.name, ""));
    Ok(reply::answer(200, &told))
}

fn list_deleted(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let all: Vec<_> = secrets(state, call).deleted.clone().into_iter().collect();
    let through = all.iter().filter(|(_, it)| it.left == 0);
    let items = through.filter_map(|(_, deleted)| {
        let newest = deleted.versions.last()?;
        let item = newest.item(&address(state, call, "secrets", &newest.name, ""));
        Some(deleted.describe(item, &address(state, call, "deletedsecrets", &newest.name, "")))
    });
    Ok(page(state, call, items.collect()))
}

fn purge(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    expect_deleted(state, call)?;
    secrets(state, call).deleted.remove(&key(call));
    Ok(reply::empty(204))
}

fn recover(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let (key, deleted) = (key(call), expect_deleted(state, call)?);
    let newest = deleted.versions.last().ok_or_else(|| not_found(call))?;
    let item = newest.item(&address(state, call, "secrets", &newest.name, &newest.id));
    let secrets = secrets(state, call);
    secrets.deleted.remove(&key);
    secrets.live.insert(key, deleted.versions);
    Ok(reply::answer(200, &item))
}

/// A page of a list, and where the next one is.
fn page(state: &State, call: &Call, items: Vec<Value>) -> Answer {
    let number = |name: &str| call.parameter(name).and_then(|it| it.parse::<usize>().ok());
    let (size, skipped) =
        (number("maxresults").unwrap_or(PAGE), number("$skiptoken").unwrap_or_default());
    let next = (items.len() > skipped + size).then(|| {
        let path = call.path.trim_start_matches('/');
        let vault = vaults::uri(state, &call.vault);
        let version = call.operation.version;
        format!(
            "{vault}{path}?api-version={version}&$skiptoken={}&maxresults={size}",
            skipped + size
        )
    });
    let value: Vec<_> = items.into_iter().skip(skipped).take(size).collect();
    reply::answer(200, &json!({"value": value, "nextLink": next}))
}

fn secrets<'a>(state: &'a mut State, call: &Call) -> &'a mut Secrets {
    state.vaults.entry(vaults::key(&call.vault)).or_default()
}

fn expect<'a>(state: &'a mut State, call: &Call) -> Result<&'a Vec<Version>, Answer> {
    secrets(state, call).live.get(&key(call)).ok_or_else(|| not_found(call))
}

/// One that was deleted, if that is through by now: who asks sees it go on.
fn expect_deleted(state: &mut State, call: &Call) -> Result<Deleted, Answer> {
    let found = secrets(state, call).deleted.get_mut(&key(call));
    let deleted = found.ok_or_else(|| not_found(call))?;
    if deleted.left > 0 {
        deleted.left -= 1;
        return Err(not_found(call));
    }
    Ok(deleted.clone())
}

fn not_found(call: &Call) -> Answer {
    let message = format!(
        "A secret with (name/id) {} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the correct recovery command.",
        name(call)
    );
    refusal(404, "SecretNotFound", &message, None)
}

/// The address of a secret, or of a version of it.
fn address(state: &State, call: &Call, place: &str, name: &str, version: &str) -> String {
    let whole = format!("{}{place}/{name}/{version}", vaults::uri(state, &call.vault));
    whole.trim_end_matches('/').to_owned()
}

fn name(call: &Call) -> &str {
    call.value("secretName")
}

fn key(call: &Call) -> String {
    name(call).to_lowercase()
}
