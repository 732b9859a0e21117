//! The token endpoint of Microsoft Entra: a service principal with a secret or with the assertion
//! of another identity provider.

use bytes::Bytes;
use hyper::Request;
use serde_json::{Value, json};

use super::{State, reply};
use crate::support::server::Answer;

/// The service principal's secret.
pub const CLIENT_SECRET: &str = "canary-azure-client-secret-7d21";
/// What the identity provider says about it.
pub const ASSERTION: &str = "canary-azure-assertion-51be";
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
    let token = format!("canary-azure-token-{}", state.new_uuid());
    state.tokens.insert(token.clone(), audience);
    let body: Value = json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                             "access_token": token});
    Ok(reply::answer(200, &body))
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
