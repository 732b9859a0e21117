//! Container registries.

use serde_json::json;

use super::{
    Call, State,
    operations::{self, Effect, Style},
    providers,
    registry::Registry,
    reply, resource_groups,
    store::{Resource, described},
};
use crate::support::server::Answer;

/// The type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries";
/// Its provider.
const PROVIDER: &str = "Microsoft.ContainerRegistry";

fn id(call: &Call) -> String {
    format!("{}/providers/{KIND}/{}", call.group(), call.value("registryName"))
}

pub fn put(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    providers::expect(state, PROVIDER)?;
    resource_groups::expect(state, &call.group())?;
    let (id, name) = (id(call), call.value("registryName"));
    let before = state.store.get(&id).is_some();
    if !before && is_taken(state, name) {
        let message = format!("The registry DNS name {name}.azurecr.io is already in use.");
        return Err(reply::refusal(409, "AlreadyInUse", &message));
    }
    let mut body = described(&id, KIND, &call.body);
    body["sku"]["tier"] = body["sku"]["name"].clone();
    body["properties"] = json!({
        "loginServer": login_server(state, name),
        "creationDate": jiff::Timestamp::now().to_string(),
        "adminUserEnabled": call.body["properties"]["adminUserEnabled"] == true,
    });
    state.store.put(Resource::ready(&id, body));
    let operation = operations::begin(state, &id, Effect::Made, "Creating");
    let view = state.store.get(&id).expect("it was just made").view();
    let answer = reply::answer(if before { 200 } else { 201 }, &view);
    Ok(operations::announce(state, answer, &operation, Style::Status))
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

pub fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    if state.store.get(&id).is_none() {
        return Ok(reply::empty(204));
    }
    let operation = operations::begin(state, &id, Effect::Gone, "Deleting");
    Ok(operations::announce(state, reply::empty(202), &operation, Style::Result))
}

pub fn check_name(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let name = call.body["name"].as_str().unwrap_or_default();
    Ok(reply::answer(
        200,
        &match is_taken(state, name) {
            false => json!({"nameAvailable": true}),
            true => json!({"nameAvailable": false, "reason": "AlreadyExists",
                           "message": format!("The registry {name} is already in use.")}),
        },
    ))
}

/// What its images begin with. One that keeps images starts when it is made.
fn login_server(state: &mut State, name: &str) -> String {
    if !state.settings.images {
        return state.login_server();
    }
    let (tokens, strikes) = (state.tokens.clone(), state.strikes.clone());
    let started = || Registry::start(tokens, strikes);
    state.registries.entry(name.to_lowercase()).or_insert_with(started).login_server()
}

/// The id and the login server of the registry that an image is in, if it is one of ours.
pub fn of_image(state: &State, image: &str) -> Option<(String, String)> {
    let mut all = state.store.all().filter(|it| it.kind() == KIND);
    all.find_map(|registry| {
        let server = registry.body["properties"]["loginServer"].as_str()?;
        let is_in = image.strip_prefix(server).is_some_and(|rest| rest.starts_with('/'));
        is_in.then(|| (registry.id.clone(), server.to_owned()))
    })
}

/// A registry was removed: its images are gone.
pub fn forget(state: &mut State, registry: &Resource) {
    let name = registry.body["name"].as_str().unwrap_or_default();
    state.registries.remove(&name.to_lowercase());
}

/// The names of registries are the whole world's.
fn is_taken(state: &State, name: &str) -> bool {
    let end = format!("/{}", name.to_lowercase());
    let mut ours = state.store.all().filter(|it| it.kind() == KIND);
    let foreign = state.settings.taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    foreign || ours.any(|it| it.id.to_lowercase().ends_with(&end))
}
