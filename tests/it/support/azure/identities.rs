//! Identities that are assigned to what runs.

use serde_json::json;

use super::{
    Call, State, providers, reply, resource_groups,
    store::{Resource, described},
};
use crate::support::server::Answer;

/// The type.
pub const KIND: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
/// Its provider.
const PROVIDER: &str = "Microsoft.ManagedIdentity";

fn id(call: &Call) -> String {
    format!("{}/providers/{KIND}/{}", call.group(), call.value("resourceName"))
}

/// Who an identity is stays the same when it is written again.
pub fn put(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    providers::expect(state, PROVIDER)?;
    resource_groups::expect(state, &call.group())?;
    let id = id(call);
    let mut body = described(&id, KIND, &call.body);
    let before = state.store.get(&id).map(|it| it.body["properties"].clone());
    let status = if before.is_some() { 200 } else { 201 };
    body["properties"] = before.unwrap_or_else(|| {
        json!({"tenantId": state.tenant, "principalId": state.new_uuid(),
               "clientId": state.new_uuid()})
    });
    state.store.put(Resource::ready(&id, body.clone()));
    Ok(reply::answer(status, &body))
}

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    let found = state.store.get(&id).ok_or_else(|| reply::not_found(&id))?;
    Ok(reply::answer(200, &found.body))
}

pub fn list(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    resource_groups::expect(state, &call.group())?;
    let found = state.store.below(&call.group(), KIND);
    Ok(reply::list(found.map(|it| it.body.clone()).collect()))
}

pub fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let removed = state.store.remove(&id(call));
    Ok(reply::empty(if removed.is_empty() { 204 } else { 200 }))
}
