//! The token endpoint of Microsoft Entra: a service principal with a secret or with the assertion
//! of another identity provider.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{State, reply};
use crate::support::server::Answer;

/// The service principal's secret.
pub const CLIENT_SECRET: &str = "canary-azure-client-secret-7d21";
/// What the identity provider says about it.
pub const ASSERTION: &str = "canary-azure-assertion-51be";
/// How long a token is good for, in seconds.
const LIFETIME: i64 = 3599;
/// How an assertion is announced.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Answers a request for a token; `None` if the path is of something else.
pub fn serve(state: &mut State, request: &Request<Bytes>) -> Option<Answer> {
    let tenant = request.uri().path().strip_suffix("/oauth2/v2.0/token")?.trim_matches('/');
    let form = Form::of(request);
    Some(if tenant == state.tenant {
        token(state, &form).unwrap_or_else(|refusal| refusal)
    } else {
        refusal(400, "invalid_request", &format!("AADSTS90002: Tenant '{tenant}' not found."))
    })
}

fn token(state: &mut State, form: &Form) -> Result<Answer, Answer> {
    if form.get("grant_type") != Some("client_credentials") {
        return Err(refusal(
            400,
            "unsupported_grant_type",
            "AADSTS70003: The grant is not supported.",
        ));
    }
    if form.get("client_id") != Some(state.client.as_str()) {
        let message = "AADSTS700016: Application was not found in the directory.";
        return Err(refusal(400, "unauthorized_client", message));
    }
    prove(form)?;
    let scope = form.get("scope").and_then(|scope| scope.strip_suffix("/.default"));
    let scope = scope.ok_or_else(|| {
        refusal(400, "invalid_scope", "AADSTS1002012: The scope must end with /.default.")
    })?;
    let audience = scope.trim_end_matches('/').to_owned();
    let token = jwt(state, &audience);
    state.tokens.lock().add(&token, &audience);
    let body: Value = json!({"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME,
                             "access_token": token});
    Ok(reply::answer(200, &body))
}

/// A token as Entra writes them: who it is for and who has it can be read. In place of a signature,
/// which only the service could check, it ends with what must never be seen.
fn jwt(state: &mut State, audience: &str) -> String {
    let now = Timestamp::now().as_second();
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": "stand-in"});
    let claims = json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{}/", state.tenant),
        "iat": now, "nbf": now, "exp": now + LIFETIME, "appid": state.client,
        "idtyp": "app", "oid": state.object, "sub": state.object, "tid": state.tenant, "ver": "1.0",
    });
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.canary-azure-token-{}", part(header), part(claims), state.new_uuid())
}

/// One of the two proofs has to be there, and right.
fn prove(form: &Form) -> Result<(), Answer> {
    match (form.get("client_secret"), form.get("client_assertion")) {
        (Some(CLIENT_SECRET), None) => Ok(()),
        (None, Some(ASSERTION)) if form.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
            Ok(())
        }
        (Some(_), None) => {
            Err(refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided."))
        }
        _ => Err(refusal(401, "invalid_client", "AADSTS700027: The assertion is not valid.")),
    }
}

fn refusal(status: u16, error: &str, description: &str) -> Answer {
    reply::answer(status, &json!({"error": error, "error_description": description}))
}

/// The fields of a form.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// That of a request.
    pub fn of(request: &Request<Bytes>) -> Self {
        Self(serde_urlencoded::from_bytes(request.body()).unwrap_or_default())
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
