//! Storage accounts. Their blobs are Azurite's, one for each account.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::{Request, http::request::Parts};
use serde_json::json;
use sha2::{Digest, Sha512};

use super::{
    Call, State,
    azurite::Azurite,
    blobs::Blobs,
    front::{Entry, Front, Keeper},
    operations::{self, Effect, Style},
    providers, removal, reply, resource_groups, sites,
    store::{Resource, described},
    striking::{Fate, Strikes},
    words::Service,
};
use crate::support::server::Answer;

/// The type.
pub const KIND: &str = "Microsoft.Storage/storageAccounts";
/// Its provider.
const PROVIDER: &str = "Microsoft.Storage";

/// What is behind a storage account.
#[derive(Debug)]
pub struct Account {
    key: String,
    front: Front,
    _azurite: Azurite,
}

impl Account {
    fn start(name: &str, key: String, strikes: Strikes) -> Self {
        let azurite = Azurite::start(name, &key);
        Self { key, front: Front::start(azurite.address(), |_| Door(strikes)), _azurite: azurite }
    }

    /// What opens it, in Base64.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where its blobs are.
    pub fn endpoint(&self, name: &str) -> String {
        format!("http://{}/{name}/", self.front.address())
    }
}

/// What hears the calls of the blobs.
struct Door(Strikes);

impl Keeper for Door {
    fn enter(&self, head: &mut Parts) -> Entry {
        let (method, uri) = (&head.method, &head.uri);
        match self.0.hear(sites::site(method, uri), sites::is_read(method, uri)) {
            Fate::Served => Entry::Passed,
            Fate::Refused(fault) => Entry::Answered(Service::Blobs.refuses(fault)),
            Fate::CutBefore => Entry::Cut,
            Fate::CutAfter => Entry::Swallowed(Box::new(|| {})),
            Fate::DeadAfter => {
                let strikes = self.0.clone();
                Entry::Swallowed(Box::new(move || strikes.kill()))
            }
        }
    }

    fn serve(&self, _: &Request<Bytes>) -> Option<Answer> {
        None
    }
}

fn id(call: &Call) -> String {
    format!("{}/providers/{KIND}/{}", call.group(), call.value("accountName"))
}

/// A new account takes a while; one that is there is changed at once.
pub fn put(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    providers::expect(state, PROVIDER)?;
    resource_groups::expect(state, &call.group())?;
    let (id, name) = (id(call), call.value("accountName"));
    let before = state.store.get(&id);
    if before.is_some_and(|account| account.operation.is_some()) {
        operations::look(state, &id);
        let message = "An operation is currently performing on this storage account that requires exclusive access.";
        return Err(reply::refusal(409, "StorageAccountOperationInProgress", message));
    }
    let is_new = before.is_none();
    if is_new && is_taken(state, name) {
        let message = format!("The storage account named {name} is already taken.");
        return Err(reply::refusal(409, "StorageAccountAlreadyTaken", &message));
    }
    let created = before.map(|account| account.body["properties"]["creationTime"].clone());
    let mut body = described(&id, KIND, &call.body);
    body["kind"] = call.body["kind"].clone();
    let tier = body["sku"]["name"].as_str().and_then(|name| name.split('_').next());
    body["sku"]["tier"] = tier.unwrap_or_default().into();
    body["properties"] = call.body.get("properties").cloned().unwrap_or_else(|| json!({}));
    let properties = &mut body["properties"];
    properties["creationTime"] =
        created.unwrap_or_else(|| jiff::Timestamp::now().to_string().into());
    properties["primaryEndpoints"] = json!({"blob": blobs(state, name)});
    properties["primaryLocation"] = call.body["location"].clone();
    properties["statusOfPrimary"] = "available".into();
    let resource = Resource::ready(&id, body);
    let view = resource.view();
    state.store.put(resource);
    if !is_new {
        return Ok(reply::answer(200, &view));
    }
    let operation = operations::begin(state, &id, Effect::Made, "Creating");
    Ok(operations::announce(state, reply::empty(202), &operation, Style::Result))
}

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    operations::look(state, &id);
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

/// Each account has two keys; here the second one opens nothing.
pub fn keys(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    let found = state.store.get(&id).ok_or_else(|| reply::not_found(&id))?;
    let created = &found.body["properties"]["creationTime"];
    let name = call.value("accountName").to_lowercase();
    let account = state.accounts.get(&name).ok_or_else(|| reply::not_found(&id))?;
    let key = |name: &str, value: &str| json!({"keyName": name, "value": value, "permissions": "FULL", "creationTime": created});
    let both = [key("key1", &account.key), key("key2", &new_key("the second key"))];
    Ok(reply::answer(200, &json!({"keys": both})))
}

pub fn check_name(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let name = call.body["name"].as_str().unwrap_or_default();
    Ok(reply::answer(
        200,
        &match is_taken(state, name) {
            false => json!({"nameAvailable": true}),
            true => json!({"nameAvailable": false, "reason": "AlreadyExists",
                           "message": format!("The storage account named {name} is already taken.")}),
        },
    ))
}

/// A client of an account.
pub fn opened(name: &str, account: &Account) -> Blobs {
    Blobs::new(name, &account.endpoint(name), &account.key)
}

/// An account was removed: its blobs are gone.
pub fn forget(state: &mut State, account: &Resource) {
    state.accounts.remove(account.body["name"].as_str().unwrap_or_default());
}

/// Where its blobs are. Azurite starts when an account is made.
fn blobs(state: &mut State, name: &str) -> String {
    let account = match state.accounts.remove(name) {
        Some(account) => account,
        None => {
            let key = new_key(&state.new_uuid());
            Account::start(name, key, state.strikes.clone())
        }
    };
    let endpoint = account.endpoint(name);
    state.accounts.insert(name.to_owned(), account);
    endpoint
}

/// Keys are 64 bytes.
fn new_key(of: &str) -> String {
    BASE64_STANDARD.encode(Sha512::digest(of))
}

/// The names of accounts are the whole world's.
fn is_taken(state: &State, name: &str) -> bool {
    state.settings.taken.contains(&name) || state.accounts.contains_key(name)
}
