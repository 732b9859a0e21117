//! Resource groups.

use super::{
    Call, State,
    operations::{self, Effect, Style},
    reply,
    store::{Resource, described},
};
use crate::support::server::Answer;

/// The type.
const KIND: &str = "Microsoft.Resources/resourceGroups";

pub fn put(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = call.group();
    let before = state.store.get(&id);
    if let Some(before) = before.filter(|it| it.body["location"] != call.body["location"]) {
        let message = format!("The resource group is in location '{}'.", before.location());
        return Err(reply::refusal(409, "InvalidResourceGroupLocation", &message));
    }
    let status = if before.is_some() { 200 } else { 201 };
    let resource = Resource::ready(&id, described(&id, KIND, &call.body));
    let view = resource.view();
    state.store.put(resource);
    Ok(reply::answer(status, &view))
}

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = call.group();
    operations::look(state, &id);
    expect(state, &id).map(|group| reply::answer(200, &group.view()))
}

pub fn check(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    Ok(reply::empty(if state.store.get(&call.group()).is_some() { 204 } else { 404 }))
}

pub fn list(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let tag = call.tag()?;
    let groups = state.store.all().filter(|it| it.kind() == KIND);
    let wanted = groups.filter(|it| tag.as_ref().is_none_or(|tag| it.has_tag(tag)));
    Ok(reply::list(wanted.map(Resource::view).collect()))
}

/// All that is in it goes with it.
pub fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = call.group();
    expect(state, &id)?;
    let operation = operations::begin(state, &id, Effect::Gone, "Deleting");
    Ok(operations::announce(state, reply::empty(202), &operation, Style::Result))
}

/// All that is in it, but for role assignments: those are no resources of a group.
pub fn resources(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let (id, tag) = (call.group(), call.tag()?);
    expect(state, &id)?;
    let below = format!("{}/", id.to_lowercase());
    let inside = state.store.all().filter(|it| it.id.to_lowercase().starts_with(&below));
    let wanted = inside
        .filter(|it| it.kind() != super::roles::KIND)
        .filter(|it| tag.as_ref().is_none_or(|tag| it.has_tag(tag)));
    Ok(reply::list(wanted.map(Resource::generic).collect()))
}

/// The group of this id.
pub fn expect<'a>(state: &'a State, id: &str) -> Result<&'a Resource, Answer> {
    state.store.get(id).ok_or_else(|| {
        let name = id.rsplit('/').next().unwrap_or_default();
        let message = format!("Resource group '{name}' could not be found.");
        reply::refusal(404, "ResourceGroupNotFound", &message)
    })
}
