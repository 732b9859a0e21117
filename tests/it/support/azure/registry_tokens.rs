//! The tokens of a registry: one of Entra is exchanged for a refresh token, and that for one that
//! opens a repository.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::{Request, header};
use serde_json::json;

use super::{ARM, State, entra::Form, reply};
use crate::support::server::Answer;

/// The audience of tokens for registries; ARM's are taken, too.
pub const AUDIENCE: &str = "https://containerregistry.azure.net";
/// Who comes with a refresh token.
pub const USER: &str = "00000000-0000-0000-0000-000000000000";

/// Answers requests to a registry; `None` if the path is of something else.
pub fn serve(state: &mut State, request: &Request<Bytes>) -> Option<Answer> {
    let served = match (request.method().as_str(), request.uri().path()) {
        ("GET", "/v2/") => gate(state, request),
        ("POST", "/oauth2/exchange") => exchange(state, request),
        ("POST", "/oauth2/token") => token_of_form(state, request),
        ("GET", "/oauth2/token") => token_of_user(state, request),
        _ => return None,
    };
    Some(served.unwrap_or_else(|refusal| refusal))
}

fn exchange(state: &mut State, request: &Request<Bytes>) -> Result<Answer, Answer> {
    let form = Form::of(request);
    let audience = form.get("access_token").and_then(|token| state.tokens.get(token));
    let right = form.get("grant_type") == Some("access_token")
        && form.get("service") == Some(state.login_server().as_str())
        && audience.is_some_and(|it| it == AUDIENCE || it == ARM);
    if !right {
        return Err(unauthorized());
    }
    let token = format!("canary-azure-refresh-{}", state.new_uuid());
    state.refresh_tokens.insert(token.clone());
    Ok(reply::answer(200, &json!({"refresh_token": token})))
}

fn token_of_form(state: &mut State, request: &Request<Bytes>) -> Result<Answer, Answer> {
    let form = Form::of(request);
    let is_refresh = form.get("grant_type") == Some("refresh_token");
    let refresh = form.get("refresh_token").filter(|_| is_refresh);
    let service = form.get("service");
    open(state, refresh, service, form.get("scope"))
}

/// What Docker does: the user and the refresh token as a password.
fn token_of_user(state: &mut State, request: &Request<Bytes>) -> Result<Answer, Answer> {
    let query = request.uri().query().unwrap_or_default();
    let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, it)| it.as_str());
    let given = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let basic = given.and_then(|it| BASE64_STANDARD.decode(it.strip_prefix("Basic ")?).ok());
    let basic = String::from_utf8(basic.unwrap_or_default()).unwrap_or_default();
    let password = basic.split_once(':').filter(|(user, _)| *user == USER).map(|(_, it)| it);
    open(state, password, value("service"), value("scope"))
}

fn open(
    state: &mut State,
    refresh: Option<&str>,
    service: Option<&str>,
    scope: Option<&str>,
) -> Result<Answer, Answer> {
    let known = refresh.is_some_and(|token| state.refresh_tokens.contains(token));
    if !known || service != Some(state.login_server().as_str()) {
        return Err(unauthorized());
    }
    let token = format!("canary-azure-registry-{}", state.new_uuid());
    state.registry_tokens.insert(token.clone(), scope.unwrap_or_default().to_owned());
    Ok(reply::answer(200, &json!({"access_token": token})))
}

/// Whoever has no token is told where there are some.
fn gate(state: &State, request: &Request<Bytes>) -> Result<Answer, Answer> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = given.and_then(|given| given.strip_prefix("Bearer "));
    if token.is_some_and(|token| state.registry_tokens.contains_key(token)) {
        return Ok(reply::answer(200, &json!({})));
    }
    let challenge = format!(
        "Bearer realm=\"{}/oauth2/token\",service=\"{}\"",
        state.endpoint,
        state.login_server()
    );
    Err(unauthorized().with("www-authenticate", challenge))
}

fn unauthorized() -> Answer {
    let message =
        "authentication required, visit https://aka.ms/acr/authorization for more information.";
    reply::answer(401, &json!({"errors": [{"code": "UNAUTHORIZED", "message": message}]}))
}
