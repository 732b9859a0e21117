//! Tokens from Microsoft Entra, for a service principal.
//! (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>)

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::Token;
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Http, Request, Response, header},
    secret::SecretValue,
};

/// How an assertion is announced.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A service principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Principal {
    /// Where tokens come from.
    pub authority: String,
    /// The tenant's id.
    pub tenant: String,
    /// The id of its app registration.
    pub client: String,
}

impl Principal {
    pub async fn by_secret(
        &self,
        http: &Http,
        secret: &SecretValue,
        audience: &str,
    ) -> Result<Token> {
        self.token(http, audience, &[("client_secret", secret.expose())]).await
    }

    pub async fn by_assertion(
        &self,
        http: &Http,
        assertion: &SecretValue,
        audience: &str,
    ) -> Result<Token> {
        let proof =
            [("client_assertion_type", ASSERTION), ("client_assertion", assertion.expose())];
        self.token(http, audience, &proof).await
    }

    async fn token(&self, http: &Http, audience: &str, proof: &[(&str, &str)]) -> Result<Token> {
        let Self { authority, tenant, client } = self;
        let scope = format!("{audience}/.default");
        let mut form =
            vec![("grant_type", "client_credentials"), ("client_id", client), ("scope", &scope)];
        form.extend_from_slice(proof);
        let body = serde_urlencoded::to_string(form)
            .context(ErrorKind::Failed, || "a request for a token cannot be written".to_owned())?;
        let request = Request::post(format!("{authority}/{tenant}/oauth2/v2.0/token"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .context(ErrorKind::Denied, || {
                format!("AZURE_TENANT_ID ({tenant}) or AZURE_AUTHORITY_HOST makes no address")
            })?;
        let answer = http.fetch(request).await;
        let answer = answer.context(ErrorKind::Unavailable, || {
            format!("cannot sign in to Azure: {authority} gives no answer")
        })?;
        granted(&answer, &format!("Azure does not let {client} in"))
    }
}

/// The grant of a token, as OAuth has it. Managed identities write the seconds as text.
#[derive(Deserialize)]
pub(super) struct Grant {
    access_token: String,
    expires_in: Value,
}

/// The token of an answer.
pub(super) fn granted(answer: &Response<Bytes>, refused: &str) -> Result<Token> {
    if !answer.status().is_success() {
        return Err(refusal(answer, refused));
    }
    let grant: Grant = serde_json::from_slice(answer.body())
        .map_err(|_| Error::failed("Azure gave a token that makes no sense"))?;
    let seconds = match &grant.expires_in {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    };
    Ok(Token::new(grant.access_token, seconds.unwrap_or_default()))
}

fn refusal(answer: &Response<Bytes>, refused: &str) -> Error {
    let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let description = told["error_description"].as_str().unwrap_or_default();
    // Further lines are ids for Microsoft's support.
    let why = description.lines().next().filter(|line| !line.is_empty());
    let error = Error::new(ErrorKind::Denied, refused);
    let error = match why {
        Some(why) => error.cause(why),
        None => error.cause(answer.status()),
    };
    match () {
        () if description.contains("AADSTS7000215") || description.contains("AADSTS7000222") => {
            error.hint("set AZURE_CLIENT_SECRET to a secret of the app registration that is valid")
        }
        () if description.contains("AADSTS70021") || description.contains("AADSTS700213") => error
            .hint(
                "the app registration has no federated credential for this repository and branch",
            ),
        () => error.hint("check AZURE_TENANT_ID, AZURE_CLIENT_ID and what goes with them"),
    }
}
