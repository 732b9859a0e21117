//! Sends requests with a token for one audience.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

use super::{ApiError, Credentials, attempts::Attempts};
use crate::{
    error::{Context, ErrorKind, Result},
    http::{Http, Method, Request, Response, StatusCode, header},
};

/// One request. Its body may be a secret and is not shown.
#[derive(Clone)]
pub struct Call {
    /// What it does, for errors: `PUT containerGroups/board-r1`.
    pub what: String,
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// The body, as JSON; empty if there is none.
    pub body: Bytes,
}

impl Call {
    /// A request without a body.
    pub fn new(what: impl Into<String>, method: Method, url: impl Into<String>) -> Self {
        Self { what: what.into(), method, url: url.into(), body: Bytes::new() }
    }

    /// With this body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self { body: body.to_string().into(), ..self }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("what", &self.what).finish_non_exhaustive()
    }
}

/// A client with tokens for one audience. Clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Bearer {
    http: Http,
    credentials: Credentials,
    audience: &'static str,
}

impl Bearer {
    /// The client for `audience`, e.g. `https://vault.azure.net`.
    pub fn new(http: Http, credentials: Credentials, audience: &'static str) -> Self {
        Self { http, credentials, audience }
    }

    /// Sends a request until Azure has taken or refused it, a bounded number of times. A request
    /// whose answer got lost is sent again too: callers mean "ensure". One whose token is refused is
    /// sent once more, with a new one.
    ///
    /// # Errors
    /// Azure refused it, or could not be reached.
    pub async fn send(&self, call: &Call) -> Result<Response<Bytes>, ApiError> {
        let mut attempts = Attempts::new(&call.what);
        let mut is_renewed = false;
        loop {
            let attempt = self.http.fetch(self.request(call).await?).await;
            let Some(outcome) = attempts.judge(attempt).await else { continue };
            if let Err(error) = &outcome
                && error.has_status(StatusCode::UNAUTHORIZED)
            {
                // It was taken back before its time, or ran out while this machine slept.
                self.credentials.forget(self.audience).await;
                if !is_renewed {
                    is_renewed = true;
                    continue;
                }
            }
            return outcome;
        }
    }

    async fn request(&self, call: &Call) -> Result<Request<Bytes>> {
        let token = self.credentials.token(self.audience).await?;
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.url)
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        if !call.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request
            .body(call.body.clone())
            .context(ErrorKind::Failed, || format!("{} makes no request", call.what))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_of_a_request_is_not_shown() {
        let call = Call::new("PUT secrets/x", Method::PUT, "https://v/secrets/x");
        let shown = format!("{:?}", call.json(&json!({"value": "canary"})));
        assert_eq!(shown, r#"Call { what: "PUT secrets/x", .. }"#);
    }
}
