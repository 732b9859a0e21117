//! Role assignments: they exist at once, and work a while later.

use serde_json::{Value, json};

use super::{
    Call, State, identities, reply,
    store::{Resource, described},
};
use crate::support::server::Answer;

/// The type.
pub const KIND: &str = "Microsoft.Authorization/roleAssignments";
/// The role that may pull images.
pub const ACR_PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";

fn scope(call: &Call) -> String {
    format!("/{}", call.value("scope").trim_start_matches('/'))
}

fn id(call: &Call) -> String {
    format!("{}/providers/{KIND}/{}", scope(call), call.value("roleAssignmentName"))
}

pub fn put(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let (id, scope) = (id(call), scope(call));
    let is_subscription = scope == format!("/subscriptions/{}", state.subscription);
    if !is_subscription && state.store.get(&scope).is_none() {
        return Err(reply::not_found(&scope));
    }
    let mut properties = call.body["properties"].clone();
    let ours = properties["principalId"] == state.object.as_str();
    let known = ours
        || state.store.all().any(|it| {
            it.kind() == identities::KIND
                && it.body["properties"]["principalId"] == properties["principalId"]
        });
    if !known {
        let message = format!("Principal {} does not exist.", properties["principalId"]);
        return Err(reply::refusal(400, "PrincipalNotFound", &message));
    }
    properties["scope"] = scope.as_str().into();
    if let Some(other) = same_grant(state, &properties).filter(|it| !it.eq_ignore_ascii_case(&id)) {
        let message = format!("The role assignment already exists: {other}");
        return Err(reply::refusal(409, "RoleAssignmentExists", &message));
    }
    let status = match state.store.get(&id) {
        None => 201,
        Some(before) if grant(&before.body["properties"]) == grant(&properties) => 200,
        Some(_) => {
            let message =
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Err(reply::refusal(409, "RoleAssignmentUpdateNotPermitted", message));
        }
    };
    let mut body = described(&id, KIND, &Value::Null);
    body["properties"] = properties;
    state.store.put(Resource::ready(&id, body.clone()));
    if status == 201 {
        state.propagating.insert(id.to_lowercase(), state.settings.propagation);
    }
    Ok(reply::answer(status, &body))
}

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    match state.store.get(&id(call)) {
        Some(found) => Ok(reply::answer(200, &found.body)),
        None => {
            let message = format!("The role assignment '{}' is not found.", id(call));
            Err(reply::refusal(404, "RoleAssignmentNotFound", &message))
        }
    }
}

/// Those at, above and below a scope; with `atScope()` none below.
pub fn list(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let asked = scope(call).to_lowercase();
    let filter = call.parameter("$filter").unwrap_or_default();
    let principal = filter.split("principalId eq '").nth(1).and_then(|it| it.split('\'').next());
    let related = |it: &&Resource| {
        let scope = text(&it.body["properties"]["scope"]).to_lowercase();
        is_within(&asked, &scope) || (!filter.contains("atScope()") && is_within(&scope, &asked))
    };
    let assignments = state.store.all().filter(|it| it.kind() == KIND).filter(related);
    let wanted = assignments.filter(|it| {
        principal.is_none_or(|principal| it.body["properties"]["principalId"] == principal)
    });
    Ok(reply::list(wanted.map(|it| it.body.clone()).collect()))
}

pub fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let id = id(call);
    let Some(gone) = state.store.get(&id).cloned() else { return Ok(reply::empty(204)) };
    state.store.remove(&id);
    Ok(reply::answer(200, &gone.body))
}

/// Whether somebody has a role in a resource by now. Who asks too early is told no, and is one step
/// closer.
pub fn allows(state: &mut State, principal: &str, role: &str, resource: &str) -> bool {
    let mut grants = state.store.all().filter(|it| {
        let properties = &it.body["properties"];
        it.kind() == KIND
            && properties["principalId"] == principal
            && text(&properties["roleDefinitionId"]).ends_with(role)
            && is_within(&resource.to_lowercase(), &text(&properties["scope"]).to_lowercase())
    });
    let Some(id) = grants.next().map(|it| it.id.to_lowercase()) else { return false };
    match state.propagating.get_mut(&id) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    }
}

/// Who may do what, and where.
fn grant(properties: &Value) -> Value {
    let named = ["principalId", "roleDefinitionId", "scope"];
    json!(named.map(|key| text(&properties[key]).to_lowercase()))
}

fn same_grant(state: &State, properties: &Value) -> Option<String> {
    let mut all = state.store.all().filter(|it| it.kind() == KIND);
    all.find(|it| grant(&it.body["properties"]) == grant(properties)).map(|it| it.id.clone())
}

fn is_within(scope: &str, outer: &str) -> bool {
    scope == outer || scope.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
