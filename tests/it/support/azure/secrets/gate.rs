//! Who may come into a vault: who has a token for vaults, and by now a role in this one.

use bytes::Bytes;
use hyper::{Request, header};
use serde_json::json;

use super::{
    super::{Call, State, reply, roles, store::Resource},
    AUDIENCE, OFFICER,
};
use crate::support::server::Answer;

/// An error in the shape of a vault's.
pub fn refusal(status: u16, code: &str, message: &str, inner: Option<&str>) -> Answer {
    let mut body = json!({"error": {"code": code, "message": message}});
    if let Some(inner) = inner {
        body["error"]["innererror"] = json!({"code": inner});
    }
    reply::answer(status, &body)
}

/// A token for vaults is needed; whoever has none is told where there are some.
pub fn authenticate(state: &State, request: &Request<Bytes>) -> Result<(), Answer> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = given.and_then(|given| given.strip_prefix("Bearer "));
    let tokens = state.tokens.lock();
    let message = match token.map(|token| tokens.audience(token)) {
        Some(Some(AUDIENCE)) => return Ok(()),
        Some(Some(_)) => "AKV10022: Invalid audience.",
        Some(None) => "AKV10032: Invalid issuer.",
        None => "AKV10000: Request is missing a Bearer or PoP token.",
    };
    let challenge = format!(
        "Bearer authorization=\"{}/{}\", resource=\"{AUDIENCE}\"",
        state.endpoint, state.tenant
    );
    Err(refusal(401, "Unauthorized", message, None).with("www-authenticate", challenge))
}

/// A role is needed, unless the vault goes by policies: then nobody comes in, as there are none.
pub fn authorize(state: &mut State, vault: &Resource, call: &Call) -> Result<(), Answer> {
    let caller = format!(
        "appid={};oid={};iss=https://sts.windows.net/{}/",
        state.client, state.object, state.tenant
    );
    if vault.body["properties"]["enableRbacAuthorization"] != true {
        let message = format!(
            "The user, group or application '{caller}' does not have secrets permission on key vault."
        );
        return Err(refusal(403, "Forbidden", &message, Some("ForbiddenByPolicy")));
    }
    let principal = state.object.clone();
    if roles::allows(state, &principal, OFFICER, &vault.id) {
        return Ok(());
    }
    let message = format!(
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: {caller}\r\nAction: '{}'\r\nResource: '{}{}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: {};location={}\r\n",
        call.operation.id,
        vault.id.to_lowercase(),
        call.path,
        vault.body["name"].as_str().unwrap_or_default(),
        vault.location(),
    );
    Err(refusal(403, "Forbidden", &message, Some("ForbiddenByRbac")))
}
