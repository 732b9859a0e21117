//! The secrets of a key vault, one by one: its own API.
//! (<https://learn.microsoft.com/rest/api/keyvault/secrets/>)

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{
    Clients,
    api::{ApiError, Bearer, Call},
    foreign::tags,
};
use crate::{
    error::{Error, Result},
    http::Method,
    secret::SecretValue,
};

/// The version of the API.
const VERSION: &str = "7.4";

/// What asks one vault.
#[derive(Debug, Clone)]
pub(super) struct Client {
    bearer: Bearer,
    uri: String,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its name in the vault.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was changed last, in seconds since 1970.
    pub updated: i64,
}

impl Found {
    fn read(secret: &Value) -> Self {
        let id = secret["id"].as_str().unwrap_or_default();
        // A version may follow the name.
        let parts = id.split("/secrets/").nth(1).unwrap_or_default();
        Self {
            name: parts.split('/').next().unwrap_or_default().to_owned(),
            tags: tags(secret),
            updated: secret["attributes"]["updated"].as_i64().unwrap_or_default(),
        }
    }
}

impl Client {
    /// The client of the vault at this address.
    pub fn new(clients: &Clients, uri: &str) -> Self {
        Self { bearer: clients.vaults(), uri: uri.trim_end_matches('/').to_owned() }
    }

    /// All secrets that are there, page by page.
    pub async fn list(&self) -> Result<Vec<Found>, ApiError> {
        let mut found = Vec::new();
        let mut next = Some(self.url("secrets"));
        while let Some(url) = next.take() {
            let page = self.send(&Call::new("GET secrets", Method::GET, url)).await?;
            found.extend(page["value"].as_array().into_iter().flatten().map(Found::read));
            next = page["nextLink"].as_str().filter(|link| !link.is_empty()).map(str::to_owned);
        }
        Ok(found)
    }

    /// A secret with its value; `None` if there is none.
    pub async fn get(&self, name: &str) -> Result<Option<(Found, SecretValue)>, ApiError> {
        let mut secret = match self.ask(Method::GET, &format!("secrets/{name}"), None).await {
            Err(error) if error.is_absent() => return Ok(None),
            secret => secret?,
        };
        let value = match secret["value"].take() {
            Value::String(value) => SecretValue::new(value),
            _ => SecretValue::new(String::new()),
        };
        Ok(Some((Found::read(&secret), value)))
    }

    /// The secret has a new version with this value and these tags.
    pub async fn set(
        &self,
        name: &str,
        value: &SecretValue,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let body = json!({"value": value.expose(), "tags": tags, "contentType": "text/plain"});
        self.ask(Method::PUT, &format!("secrets/{name}"), Some(&body)).await.map(drop)
    }

    /// The secret is gone, but can be brought back; false if there was none.
    pub async fn delete(&self, name: &str) -> Result<bool, ApiError> {
        gone(self.ask(Method::DELETE, &format!("secrets/{name}"), None).await)
    }

    /// The tags of a secret that was deleted; `None` if there is none, or the deletion is not through
    /// yet.
    pub async fn deleted(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, ApiError> {
        match self.ask(Method::GET, &format!("deletedsecrets/{name}"), None).await {
            Err(error) if error.is_absent() => Ok(None),
            found => Ok(Some(tags(&found?))),
        }
    }

    /// A deleted secret begins to come back; false if there is none.
    pub async fn recover(&self, name: &str) -> Result<bool, ApiError> {
        gone(self.ask(Method::POST, &format!("deletedsecrets/{name}/recover"), None).await)
    }

    /// A deleted secret is gone for good; false if it was.
    pub async fn purge(&self, name: &str) -> Result<bool, ApiError> {
        gone(self.ask(Method::DELETE, &format!("deletedsecrets/{name}"), None).await)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let call = Call::new(format!("{method} {path}"), method, self.url(path));
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        self.send(&call).await
    }

    async fn send(&self, call: &Call) -> Result<Value, ApiError> {
        let answer = self.bearer.send(call).await?;
        if answer.body().is_empty() {
            return Ok(Value::Null);
        }
        // The parser's words could quote a value: they are left out.
        let read = serde_json::from_slice(answer.body());
        Ok(read.map_err(|_| Error::failed(format!("the answer to {} makes no sense", call.what)))?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}?api-version={VERSION}", self.uri)
    }
}

/// False if what should go was not there.
fn gone(answer: Result<Value, ApiError>) -> Result<bool, ApiError> {
    match answer {
        Err(error) if error.is_absent() => Ok(false),
        answer => answer.map(|_| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_address_with_or_without_a_version() {
        let name = |id: &str| Found::read(&json!({"id": id})).name;
        assert_eq!(name("https://v.vault.azure.net/secrets/env-KEY"), "env-KEY");
        assert_eq!(name("https://v.vault.azure.net/secrets/env-KEY/0a1b"), "env-KEY");
    }
}
