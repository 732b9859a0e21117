//! The tokens of a registry: one of Entra is exchanged for a refresh token, and that for one that
//! opens a repository.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::{Request, header, http::request::Parts};
use serde_json::json;

use super::scope;
use crate::support::{
    azure::{ARM, entra::Form, reply, tokens::Tokens},
    server::Answer,
};

/// The audience of tokens for registries; ARM's are taken, too.
pub const AUDIENCE: &str = "https://containerregistry.azure.net";
/// Who comes with a refresh token.
pub const USER: &str = "00000000-0000-0000-0000-000000000000";

/// Answers requests for tokens to the registry of this name; `None` if the path is of something
/// else.
pub fn serve(tokens: &mut Tokens, registry: &str, request: &Request<Bytes>) -> Option<Answer> {
    let served = match (request.method().as_str(), request.uri().path()) {
        ("POST", "/oauth2/exchange") => exchange(tokens, registry, request),
        ("POST", "/oauth2/token") => token_of_form(tokens, registry, request),
        ("GET", "/oauth2/token") => token_of_user(tokens, registry, request),
        _ => return None,
    };
    Some(served.unwrap_or_else(|refusal| refusal))
}

fn exchange(
    tokens: &mut Tokens,
    registry: &str,
    request: &Request<Bytes>,
) -> Result<Answer, Answer> {
    let form = Form::of(request);
    let audience = form.get("access_token").and_then(|token| tokens.audience(token));
    let right = form.get("grant_type") == Some("access_token")
        && form.get("service") == Some(registry)
        && audience.is_some_and(|it| it == AUDIENCE || it == ARM);
    if !right {
        return Err(unauthorized());
    }
    Ok(reply::answer(200, &json!({"refresh_token": tokens.new_refresh()})))
}

/// All scopes are in one field.
fn token_of_form(
    tokens: &mut Tokens,
    registry: &str,
    request: &Request<Bytes>,
) -> Result<Answer, Answer> {
    let form = Form::of(request);
    let is_refresh = form.get("grant_type") == Some("refresh_token");
    let refresh = form.get("refresh_token").filter(|_| is_refresh);
    let scopes = form.get("scope").unwrap_or_default().split_whitespace();
    let scopes = scopes.map(str::to_owned).collect();
    open(tokens, registry, refresh, form.get("service"), scopes)
}

/// What Docker does: the user and the refresh token as a password, and a field for each scope.
fn token_of_user(
    tokens: &mut Tokens,
    registry: &str,
    request: &Request<Bytes>,
) -> Result<Answer, Answer> {
    let query = request.uri().query().unwrap_or_default();
    let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let values = |name: &'static str| query.iter().filter(move |(key, _)| key == name);
    let given = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let basic = given.and_then(|it| BASE64_STANDARD.decode(it.strip_prefix("Basic ")?).ok());
    let basic = String::from_utf8(basic.unwrap_or_default()).unwrap_or_default();
    let password = basic.split_once(':').filter(|(user, _)| *user == USER).map(|(_, it)| it);
    let service = values("service").next().map(|(_, it)| it.as_str());
    let scopes = values("scope").flat_map(|(_, it)| it.split(' ')).map(str::to_owned);
    open(tokens, registry, password, service, scopes.collect())
}

fn open(
    tokens: &mut Tokens,
    registry: &str,
    refresh: Option<&str>,
    service: Option<&str>,
    scopes: Vec<String>,
) -> Result<Answer, Answer> {
    let known = refresh.is_some_and(|token| tokens.is_refresh(token));
    if !known || service != Some(registry) {
        return Err(unauthorized());
    }
    let token = tokens.new_access(registry, scopes);
    Ok(reply::answer(200, &json!({"access_token": token})))
}

/// Lets in who has a token for what a request does; whoever has none is told where there are some.
pub fn admit(tokens: &Tokens, registry: &str, request: &Parts) -> Result<(), Answer> {
    let needed = scope::needed(&request.method, request.uri.path());
    let scopes = bearer(request).and_then(|token| tokens.scopes(registry, token));
    let admitted = match (&scopes, &needed) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(scopes), Some((resource, action))) => scope::opens(scopes, resource, action),
    };
    if admitted {
        return Ok(());
    }
    let mut challenge =
        format!("Bearer realm=\"http://{registry}/oauth2/token\",service=\"{registry}\"");
    if let Some((resource, action)) = needed {
        let actions = if action == "push" { "pull,push" } else { action };
        challenge += &format!(",scope=\"{resource}:{actions}\"");
    }
    if scopes.is_some() {
        challenge += ",error=\"insufficient_scope\"";
    }
    Err(unauthorized().with("www-authenticate", challenge))
}

/// The token that a request comes with.
pub fn bearer(request: &Parts) -> Option<&str> {
    let given = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    given.strip_prefix("Bearer ")
}

/// Nothing is at the path.
pub fn not_found() -> Answer {
    reply::answer(404, &json!({"errors": [{"code": "NOT_FOUND", "message": "page not found"}]}))
}

fn unauthorized() -> Answer {
    let message =
        "authentication required, visit https://aka.ms/acr/authorization for more information.";
    reply::answer(401, &json!({"errors": [{"code": "UNAUTHORIZED", "message": message}]}))
}
