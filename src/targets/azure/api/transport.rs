//! Lends our client to the crate `azure_mgmt_containerinstance`: its requests go the way of all
//! others, with our tokens, repetitions and errors.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::{
    Body, HttpClient, Request, Response as CrateResponse, StatusCode as CrateStatus,
    auth::{AccessToken, TokenCredential},
    error::{Error as CrateError, ErrorKind as CrateErrorKind},
    headers::Headers,
};
use bytes::Bytes;
use futures_util::stream;

use super::{ApiError, Arm, Call, arm::what};
use crate::http::{Method, Response};

/// What came of a request.
type Outcome = Result<Response<Bytes>, ApiError>;

/// Carries the requests of one call. The crate's errors lose Azure's words, so what came of the last
/// request is kept here.
#[derive(Debug, Clone)]
pub struct Carrier {
    arm: Arm,
    outcome: Arc<Mutex<Option<Outcome>>>,
}

impl Carrier {
    /// Carries requests for this client.
    pub fn new(arm: Arm) -> Self {
        Self { arm, outcome: Arc::default() }
    }

    /// What came of the last request.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<CrateResponse> {
        let method = Method::from_bytes(request.method().as_ref().as_bytes());
        let method = method.map_err(|error| CrateError::new(CrateErrorKind::Io, error))?;
        let url = request.url();
        let mut call = Call::new(what(&method, url.path()), method, url.as_str());
        if let Body::Bytes(bytes) = request.body() {
            call.body = bytes.clone();
        }
        let outcome = self.arm.send(&call).await;
        let told = match &outcome {
            Ok(answer) => Ok(of_the_crate(answer)),
            Err(_) => Err(CrateError::message(CrateErrorKind::Other, "Azure refused")),
        };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        told
    }
}

fn of_the_crate(answer: &Response<Bytes>) -> CrateResponse {
    let status = CrateStatus::try_from(answer.status().as_u16()).unwrap_or(CrateStatus::Ok);
    let body = answer.body().clone();
    let body = stream::once(async move { Ok(body) });
    CrateResponse::new(status, Headers::new(), Box::pin(body))
}

/// A token for the crate, which we do not send: our client has its own.
#[derive(Debug)]
pub struct NoToken;

#[async_trait]
impl TokenCredential for NoToken {
    async fn get_token(&self, _: &[&str]) -> azure_core::Result<AccessToken> {
        // It has to have an end, and nobody asks when.
        Ok(AccessToken::new("none", azure_core::date::parse_rfc3339("9999-01-01T00:00:00Z")?))
    }

    async fn clear_cache(&self) -> azure_core::Result<()> {
        Ok(())
    }
}
