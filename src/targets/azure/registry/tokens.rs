//! The tokens of a registry: one of Entra is exchanged for a refresh token, and that for one for each
//! scope. All of them are kept.
//! (<https://azure.github.io/acr/AAD-OAuth.html>)

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Mutex;

use super::super::{
    Clients,
    api::{ApiError, Attempts},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::{Request, StatusCode, header},
    secret::SecretValue,
};

/// Whom tokens for registries are for. Tenants that have turned it off take those for Resource
/// Manager.
const AUDIENCE: &str = "https://containerregistry.azure.net";

/// The way to the tokens of one registry. Clones share what they have.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    clients: Clients,
    service: String,
    base: String,
    kept: Arc<Mutex<Kept>>,
}

/// What was given.
#[derive(Debug, Default)]
struct Kept {
    refresh: Option<SecretValue>,
    /// By scope.
    access: BTreeMap<String, SecretValue>,
}

impl Tokens {
    pub fn new(clients: &Clients, service: &str, base: &str) -> Self {
        Self {
            clients: clients.clone(),
            service: service.to_owned(),
            base: base.to_owned(),
            kept: Arc::default(),
        }
    }

    /// What opens the registry as far as the caller may go.
    pub async fn refresh(&self) -> Result<SecretValue> {
        self.refreshed(&mut *self.kept.lock().await).await
    }

    /// What opens one scope, e.g. `repository:board:pull`.
    pub async fn access(&self, scope: &str) -> Result<SecretValue> {
        // Held while one is fetched: whoever asks meanwhile gets the same.
        let mut kept = self.kept.lock().await;
        if let Some(token) = kept.access.get(scope) {
            return Ok(token.clone());
        }
        let refresh = self.refreshed(&mut kept).await?;
        let form = [
            ("grant_type", "refresh_token"),
            ("service", &self.service),
            ("scope", scope),
            ("refresh_token", refresh.expose()),
        ];
        let token = self.ask("token", &form, "access_token").await.map_err(refused)?;
        kept.access.insert(scope.to_owned(), token.clone());
        Ok(token)
    }

    /// All tokens after this are new ones.
    pub async fn forget(&self) {
        *self.kept.lock().await = Kept::default();
    }

    async fn refreshed(&self, kept: &mut Kept) -> Result<SecretValue> {
        if let Some(token) = &kept.refresh {
            return Ok(token.clone());
        }
        let token = match self.exchange(AUDIENCE).await {
            Err(error) if error.kind == ErrorKind::Denied => {
                self.exchange(self.clients.cloud.management()).await?
            }
            exchanged => exchanged?,
        };
        kept.refresh = Some(token.clone());
        Ok(token)
    }

    async fn exchange(&self, audience: &str) -> Result<SecretValue> {
        let credentials = &self.clients.credentials;
        let token = credentials.token(audience).await?;
        let mut form = vec![
            ("grant_type", "access_token"),
            ("service", &self.service),
            ("access_token", token.expose()),
        ];
        let identity = credentials.identity(audience).await.ok();
        form.extend(identity.as_ref().map(|identity| ("tenant", identity.tenant.as_str())));
        self.ask("exchange", &form, "refresh_token").await.map_err(refused)
    }

    async fn ask(
        &self,
        path: &str,
        form: &[(&str, &str)],
        wanted: &str,
    ) -> Result<SecretValue, ApiError> {
        let what = format!("POST oauth2/{path}");
        let makes_none = || format!("{what} makes no request");
        let body = serde_urlencoded::to_string(form).context(ErrorKind::Failed, makes_none)?;
        let body = Bytes::from(body);
        let mut attempts = Attempts::new(&what);
        let answer = loop {
            let request = Request::post(format!("{}/oauth2/{path}", self.base))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone())
                .context(ErrorKind::Failed, makes_none)?;
            match attempts.judge(self.clients.http.fetch(request).await).await {
                None => {}
                Some(outcome) => break outcome?,
            }
        };
        let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let token = told[wanted].as_str().map(|token| SecretValue::new(token.to_owned()));
        let token = token.ok_or_else(|| {
            Error::failed(format!("the registry {} gave no {wanted}", self.service))
        });
        Ok(token?)
    }
}

fn refused(error: ApiError) -> Error {
    let is_denied = error.is_denied() || error.has_status(StatusCode::BAD_REQUEST);
    let error = Error::from(error);
    match is_denied {
        false => error,
        true => Error { kind: ErrorKind::Denied, ..error }.hint(
            "the caller needs the roles AcrPush and AcrDelete on the registry, or Contributor (docs/azure.md)",
        ),
    }
}
