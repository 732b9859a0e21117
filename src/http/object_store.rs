//! Lends the client to the crate `object_store`, so that the ledger's requests go the way of all
//! others.

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError as StoreError, HttpErrorKind, HttpRequest,
        HttpResponse, HttpService,
    },
};

use super::{Http, HttpError, Request};

impl HttpConnector for Http {
    /// Options are not looked at: timeouts and certificates are ours.
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, StoreError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let answer = self.fetch(Request::from_parts(head, body)).await;
        Ok(answer.map_err(foreign)?.map(Into::into))
    }
}

/// Our error in the terms that decide there whether a request is repeated.
fn foreign(error: HttpError) -> StoreError {
    let kind = match error {
        HttpError::Connect { .. } => HttpErrorKind::Connect,
        HttpError::Timeout { .. } => HttpErrorKind::Timeout,
        HttpError::Cut { .. } => HttpErrorKind::Interrupted,
        HttpError::TooLarge { .. } => HttpErrorKind::Decode,
    };
    StoreError::new(kind, error)
}
