//! Azure Resource Manager: resources are read, made and removed at paths that name them.

use bytes::Bytes;
use serde_json::Value;

use super::{ApiError, Bearer, Call, Cloud, Credentials, Patience};
use crate::{
    error::{Context, ErrorKind, Result},
    http::{Http, Method, Response, StatusCode},
};

/// A client of Resource Manager. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Arm {
    client: Bearer,
    endpoint: String,
}

impl Arm {
    /// The client of one Azure.
    pub fn new(http: Http, credentials: Credentials, cloud: &Cloud) -> Self {
        let client = Bearer::new(http, credentials, cloud.management());
        Self { client, endpoint: cloud.endpoint.clone() }
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What is at a path; `None` if nothing is.
    ///
    /// # Errors
    /// Azure refused, or could not be reached.
    pub async fn get(&self, path: &str, version: &str) -> Result<Option<Value>, ApiError> {
        match self.ask(Method::GET, path, version, None).await {
            Ok(answer) => Ok(Some(read(&answer)?)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True if there is something at a path, which Azure answers by its status.
    ///
    /// # Errors
    /// As above.
    pub async fn exists(&self, path: &str, version: &str) -> Result<bool, ApiError> {
        match self.ask(Method::HEAD, path, version, None).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All items of a list, whose pages are asked for one after the other; none if what it would be
    /// in is not there.
    ///
    /// # Errors
    /// As above.
    pub async fn list(&self, path: &str, version: &str) -> Result<Vec<Value>, ApiError> {
        let mut items = Vec::new();
        let mut next = Some(self.url(path, version));
        while let Some(url) = next.take() {
            let call = Call::new(what(&Method::GET, path), Method::GET, url);
            let answer = match self.client.send(&call).await {
                Ok(answer) => answer,
                Err(error) if error.is_absent() => break,
                Err(error) => return Err(error),
            };
            let mut page = read(&answer)?;
            if let Value::Array(found) = page["value"].take() {
                items.extend(found);
            }
            next = page["nextLink"].as_str().filter(|link| !link.is_empty()).map(str::to_owned);
        }
        Ok(items)
    }

    /// Makes what is at a path be like this, and waits for it; answers what is there then.
    ///
    /// # Errors
    /// Azure refused it, it failed, or it took too long.
    pub async fn put(
        &self,
        path: &str,
        version: &str,
        body: &Value,
        patience: Patience,
    ) -> Result<Value, ApiError> {
        let answer = self.ask(Method::PUT, path, version, Some(body)).await?;
        self.settled(&what(&Method::PUT, path), path, version, answer, patience).await
    }

    /// Asks for an action, and waits for its end; answers what it tells.
    ///
    /// # Errors
    /// As above.
    pub async fn post(
        &self,
        path: &str,
        version: &str,
        body: Option<&Value>,
        patience: Patience,
    ) -> Result<Value, ApiError> {
        let answer = self.ask(Method::POST, path, version, body).await?;
        let what = what(&Method::POST, path);
        if answer.status() == StatusCode::OK && !is_operation(&answer) {
            return read(&answer);
        }
        self.ended(&what, &answer, patience).await
    }

    /// Removes what is at a path, and waits until it is gone; it may be gone already.
    ///
    /// # Errors
    /// As above.
    pub async fn delete(
        &self,
        path: &str,
        version: &str,
        patience: Patience,
    ) -> Result<(), ApiError> {
        let answer = match self.ask(Method::DELETE, path, version, None).await {
            Err(error) if error.is_absent() => return Ok(()),
            answer => answer?,
        };
        match self.ended(&what(&Method::DELETE, path), &answer, patience).await {
            Err(error) if error.is_absent() => Ok(()),
            ended => ended.map(drop),
        }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// Azure refused it, or could not be reached.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        version: &str,
        body: Option<&Value>,
    ) -> Result<Response<Bytes>, ApiError> {
        let call = Call::new(what(&method, path), method, self.url(path, version));
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        self.client.send(&call).await
    }

    /// Sends a request to an address that Azure gave, or that a library made.
    pub(super) async fn send(&self, call: &Call) -> Result<Response<Bytes>, ApiError> {
        self.client.send(call).await
    }

    fn url(&self, path: &str, version: &str) -> String {
        let and = if path.contains('?') { '&' } else { '?' };
        format!("{}{path}{and}api-version={version}", self.endpoint)
    }
}

/// What a request does: its method, and the last two parts of its path.
pub(super) fn what(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    let mut parts: Vec<&str> = path.rsplit('/').take(2).collect();
    parts.reverse();
    format!("{method} {}", parts.join("/"))
}

/// The JSON of an answer; null if it has no body.
pub(super) fn read(answer: &Response<Bytes>) -> Result<Value, ApiError> {
    if answer.body().is_empty() {
        return Ok(Value::Null);
    }
    let read = serde_json::from_slice(answer.body());
    Ok(read.context(ErrorKind::Failed, || "Azure gave an answer that makes no sense".to_owned())?)
}

pub(super) fn is_operation(answer: &Response<Bytes>) -> bool {
    answer.headers().contains_key("azure-asyncoperation") || answer.status() == StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_by_its_method_and_the_end_of_its_path() {
        let path = "/subscriptions/s/resourceGroups/g/providers/P/containerGroups/board-r1?x=y";
        assert_eq!(what(&Method::PUT, path), "PUT containerGroups/board-r1");
        assert_eq!(what(&Method::POST, "/a/b/stop"), "POST b/stop");
    }
}
