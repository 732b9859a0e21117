//! A request to ARM, taken apart, and what its spec says about it.

use bytes::Bytes;
use hyper::Request;
use serde_json::Value;

use super::{
    reply,
    specs::{self, Operation, PathValues},
};
use crate::support::server::Answer;

/// A request that is meant for an operation of a spec.
pub struct Call {
    pub operation: &'static Operation,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Null if there is none.
    pub body: Value,
    /// The name of the vault that is asked itself; empty if ARM is.
    pub vault: String,
    values: PathValues,
}

impl Call {
    /// Finds the operation of ARM that a request is meant for.
    pub fn new(request: &Request<Bytes>) -> Result<Self, Answer> {
        Self::at(request, "", request.uri().path())
    }

    /// Finds the operation that a request to a vault is meant for, by its path there.
    pub fn at(request: &Request<Bytes>, vault: &str, path: &str) -> Result<Self, Answer> {
        let query = request.uri().query().unwrap_or_default();
        let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let version = query.iter().find(|(name, _)| name == "api-version");
        let Some((_, version)) = version else {
            let message = "The api-version query parameter (?api-version=) is required.";
            return Err(reply::refusal(400, "MissingApiVersionParameter", message));
        };
        let method = request.method().as_str();
        // Everything of ARM is below a subscription.
        let is_here = vault.is_empty() == path.starts_with("/subscriptions/");
        let found = specs::find(method, path, version).filter(|_| is_here);
        let Some((operation, values)) = found else {
            return Err(unknown(method, path, version));
        };
        let body = match request.body().is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(request.body()).map_err(|error| {
                reply::refusal(400, "InvalidRequestContent", &format!("no JSON: {error}"))
            })?,
        };
        let (path, vault) = (path.to_owned(), vault.to_owned());
        Ok(Self { operation, path, query, body, vault, values })
    }

    /// What is wrong with it by its spec.
    pub fn problems(&self) -> Vec<String> {
        let body = Some(&self.body).filter(|body| !body.is_null());
        self.operation.request_problems(&self.values, &self.query, body)
    }

    /// The value of a parameter of the path.
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The value of a parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The id of the resource group in the path.
    pub fn group(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}",
            self.value("subscriptionId"),
            self.value("resourceGroupName")
        )
    }

    /// The tag that a `$filter` asks for.
    pub fn tag(&self) -> Result<Option<(String, String)>, Answer> {
        let Some(filter) = self.parameter("$filter") else { return Ok(None) };
        let pieces: Vec<_> = filter.split('\'').collect();
        match pieces.as_slice() {
            ["tagName eq ", name, " and tagValue eq ", value, ""] => {
                Ok(Some(((*name).to_owned(), (*value).to_owned())))
            }
            _ => Err(reply::refusal(400, "InvalidFilterInQueryString", filter)),
        }
    }
}

fn unknown(method: &str, path: &str, version: &str) -> Answer {
    let versions = specs::versions_of(path).join(", ");
    let message = format!("nothing takes {method} {path} at {version}; versions here: {versions}");
    reply::refusal(400, "InvalidResourceType", &message)
}
