//! The subscription itself, and what the service principal may do in it. It may do everything all
//! the same: what a test says here is only told.

use serde_json::{Value, json};

use super::{Call, State, reply, resource_groups};
use crate::support::server::Answer;

/// What a role allows, as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    pub actions: &'static [&'static str],
    pub not_actions: &'static [&'static str],
}

/// The role that allows everything.
pub const OWNER: Role = Role { actions: &["*"], not_actions: &[] };

pub fn get(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    Ok(reply::answer(
        200,
        &json!({"id": call.path, "subscriptionId": state.subscription, "tenantId": state.tenant,
                "displayName": "Stand-in", "state": "Enabled",
                "authorizationSource": "RoleBased"}),
    ))
}

pub fn permissions(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    if !call.value("resourceGroupName").is_empty() {
        resource_groups::expect(state, &call.group())?;
    }
    let told = state.settings.roles.iter().map(|role| -> Value {
        json!({"actions": role.actions, "notActions": role.not_actions,
               "dataActions": [], "notDataActions": []})
    });
    Ok(reply::list(told.collect()))
}
