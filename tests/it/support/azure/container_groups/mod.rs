//! Container groups: made, looked at, stopped and started, removed.

mod rules;
mod view;

use serde_json::Value;

use super::{
    Call, State,
    engine::{Login, Program, Restart},
    gates,
    operations::{self, Effect, Style},
    providers, registries,
    registry::exchange::USER,
    reply, resource_groups,
    store::{Resource, described},
};
use crate::support::server::Answer;
pub use rules::cores;
pub use view::view;

/// The type.
pub const KIND: &str = "Microsoft.ContainerInstance/containerGroups";
/// Its provider.
const PROVIDER: &str = "Microsoft.ContainerInstance";

fn id(call: &Call) -> String {
    format!("{}/providers/{KIND}/{}", call.group(), call.value("containerGroupName"))
}

pub fn put(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    providers::expect(state, PROVIDER)?;
    resource_groups::expect(state, &call.group())?;
    let id = id(call);
    expect_settled(state, &id)?;
    rules::check(state, &id, &call.body)?;
    rules::check_images(state, &call.body)?;
    start_containers(state, &id, &call.body)?;
    let status = if state.store.get(&id).is_some() { 200 } else { 201 };
    let mut body = described(&id, KIND, &call.body);
    body["properties"] = call.body["properties"].clone();
    state.store.put(Resource::ready(&id, body));
    let operation = operations::begin(state, &id, Effect::Made, "Creating");
    let found = state.store.get(&id).expect("it was just made");
    let answer = reply::answer(status, &view(state, found));
    Ok(operations::announce(state, answer, &operation, Style::Status))
}

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    operations::look(state, &id);
    Ok(reply::answer(200, &view(state, expect(state, &id)?)))
}

/// Lists leave out what goes on in the groups.
pub fn list_all(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let within = format!("/subscriptions/{}", call.value("subscriptionId"));
    Ok(list_within(state, &within))
}

pub fn list(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    resource_groups::expect(state, &call.group())?;
    Ok(list_within(state, &call.group()))
}

pub fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    if state.store.get(&id).is_none() {
        return Ok(reply::empty(204));
    }
    let operation = operations::begin(state, &id, Effect::Gone, "Deleting");
    Ok(operations::announce(state, reply::empty(202), &operation, Style::Result))
}

pub fn stop(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    expect_settled(state, &id)?;
    expect(state, &id)?;
    forget(state, &id);
    Ok(reply::empty(204))
}

pub fn start(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    let operation = again(state, &id)?;
    Ok(operations::announce(state, reply::empty(202), &operation, Style::Result))
}

pub fn restart(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    let operation = again(state, &id)?;
    Ok(operations::announce(state, reply::empty(204), &operation, Style::Status))
}

pub fn logs(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let (id, container) = (id(call), call.value("containerName"));
    let group = expect(state, &id)?;
    if !containers(&group.body).any(|it| it["name"] == container) {
        return Err(reply::not_found(&call.path));
    }
    let tail = call.parameter("tail").and_then(|tail| tail.parse().ok());
    let timestamps = call.parameter("timestamps") == Some("true");
    let content = state.engine.logs(&id, container, tail, timestamps);
    Ok(reply::answer(200, &serde_json::json!({"content": content})))
}

/// The containers of a group go, and its address with them.
pub fn forget(state: &mut State, id: &str) {
    state.gates.remove(&id.to_lowercase());
    state.engine.stop(id);
}

/// The containers of a group.
pub fn containers(body: &Value) -> impl Iterator<Item = &Value> {
    body["properties"]["containers"].as_array().into_iter().flatten()
}

fn list_within(state: &State, within: &str) -> Answer {
    let found = state.store.below(within, KIND).map(|group| {
        let mut told = view(state, group);
        let properties = told["properties"].as_object_mut().expect("a group has properties");
        properties.remove("instanceView");
        for container in properties["containers"].as_array_mut().into_iter().flatten() {
            let container = container["properties"].as_object_mut();
            container.expect("a container has properties").remove("instanceView");
        }
        told
    });
    reply::list(found.collect())
}

fn again(state: &mut State, id: &str) -> Result<String, Answer> {
    expect_settled(state, id)?;
    let body = expect(state, id)?.body.clone();
    start_containers(state, id, &body)?;
    Ok(operations::begin(state, id, Effect::Made, "Creating"))
}

fn start_containers(state: &mut State, id: &str, body: &Value) -> Result<(), Answer> {
    let programs: Vec<_> = containers(body)
        .map(|container| Program { login: login(state, container), ..program(container) })
        .collect();
    let ports = body["properties"]["ipAddress"]["ports"].as_array();
    let ports = ports.into_iter().flatten().filter_map(|it| it["port"].as_u64()?.try_into().ok());
    let ports: Vec<u16> = ports.collect();
    let restart = match body["properties"]["restartPolicy"].as_str() {
        Some("Never") => Restart::Never,
        Some("OnFailure") => Restart::OnFailure,
        _ => Restart::Always,
    };
    let started = state.engine.start(id, &programs, &ports, restart);
    started.map_err(|reason| reply::refusal(400, "InaccessibleImage", &reason))?;
    gates::open(state, id, body, &ports);
    Ok(())
}

/// What opens the registry that an image is in. Whether the group may was asked before.
fn login(state: &State, container: &Value) -> Option<Login> {
    let image = container["properties"]["image"].as_str()?;
    let (_, server) = registries::of_image(state, image)?;
    let password = state.tokens.lock().new_refresh();
    Some(Login { server, user: USER.to_owned(), password })
}

fn program(container: &Value) -> Program {
    let properties = &container["properties"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = |key: &str| properties[key].as_array().cloned().unwrap_or_default();
    let value = |it: &Value| {
        let value = it.get("secureValue").unwrap_or(&it["value"]);
        (text(&it["name"]), text(value))
    };
    Program {
        name: text(&container["name"]),
        image: text(&properties["image"]),
        login: None,
        command: all("command").iter().map(text).collect(),
        environment: all("environmentVariables").iter().map(value).collect(),
    }
}

fn expect<'a>(state: &'a State, id: &str) -> Result<&'a Resource, Answer> {
    state.store.get(id).ok_or_else(|| reply::not_found(id))
}

/// Refuses a change of a group that is being changed. Who asks sees it go on.
fn expect_settled(state: &mut State, id: &str) -> Result<(), Answer> {
    if state.store.get(id).is_none_or(|group| group.operation.is_none()) {
        return Ok(());
    }
    operations::look(state, id);
    let name = id.rsplit('/').next().unwrap_or_default();
    let message =
        format!("The container group '{name}' is still transitioning, please retry later.");
    Err(reply::refusal(409, "ContainerGroupTransitioning", &message))
}
