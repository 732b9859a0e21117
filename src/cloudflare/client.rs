//! The transport: one request of an endpoint, repeated while that helps, and its result.

use std::{env, fmt::Debug, time::Duration};

use bytes::Bytes;
use cloudflare::framework::{auth::Credentials, endpoint::RequestBody};
use serde::de::DeserializeOwned;

use super::{
    endpoint::{Answered, Call, Endpoint},
    envelope::{PageInfo, result},
    failure::{Failure, is_passing},
};
use crate::{
    error::Result,
    http::{Http, HttpError, Request, Response, header},
    secret::SecretValue,
};

/// The API, unless `CLOUDFLARE_API_BASE_URL` names another.
const BASE_URL: &str = "https://api.cloudflare.com/client/v4";

/// How often and how patiently a request is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Attempts in all.
    pub attempts: u32,
    /// The pause after the first one; it doubles. An answer's `Retry-After` comes first.
    pub pause: Duration,
    /// A longer pause is not made: then it is over.
    pub longest: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 5, pause: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

/// Cloudflare's API, with a token.
#[derive(Debug, Clone)]
pub struct Cloudflare {
    http: Http,
    base: String,
    token: SecretValue,
    retries: Retries,
}

impl Cloudflare {
    /// The API at a base URL, which may end with a slash or not.
    pub fn new(http: Http, base: &str, token: SecretValue, retries: Retries) -> Self {
        Self { http, base: base.trim_end_matches('/').to_owned(), token, retries }
    }

    /// The API as wrangler would find it: `CLOUDFLARE_API_TOKEN`, `CLOUDFLARE_API_BASE_URL`.
    /// `None` without a token.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn from_environment() -> Result<Option<Self>> {
        let set = |name| env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
        let Some(token) = set("CLOUDFLARE_API_TOKEN") else { return Ok(None) };
        let token = SecretValue::new(token.trim().to_owned());
        let base = set("CLOUDFLARE_API_BASE_URL").unwrap_or_else(|| BASE_URL.to_owned());
        Ok(Some(Self::new(Http::new()?, &base, token, Retries::default())))
    }

    /// The client below, for what is not a request of the API.
    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// Sends the request of an endpoint and takes the result out of the answer.
    pub(super) async fn send<E: Endpoint>(&self, endpoint: &E) -> Result<E::JsonResponse, Failure> {
        self.exchange(endpoint).await.map(|(result, _)| result)
    }

    /// Sends a call and takes the result out of the answer.
    pub(super) async fn call<T: DeserializeOwned + Debug>(
        &self,
        call: Call<T>,
    ) -> Result<T, Failure> {
        self.send(&call).await.map(|Answered(result)| result)
    }

    /// The result of an endpoint, and which page of it that is.
    pub(super) async fn exchange<E: Endpoint>(
        &self,
        endpoint: &E,
    ) -> Result<(E::JsonResponse, Option<PageInfo>), Failure> {
        let request = self.request(endpoint).map_err(Failure::Malformed)?;
        let mut attempt = 1;
        loop {
            let tried = self.http.fetch(request.clone()).await;
            match self.pause(endpoint.is_repeatable(), attempt, &tried) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return result(&tried.map_err(Failure::Unreached)?, endpoint.needs()),
            }
            attempt += 1;
        }
    }

    fn request<E: Endpoint>(&self, endpoint: &E) -> Result<Request<Bytes>, hyper::http::Error> {
        let mut url = format!("{}/{}", self.base, endpoint.path());
        if let Some(query) = endpoint.query() {
            url = format!("{url}?{query}");
        }
        let mut request = Request::builder().method(endpoint.method()).uri(url);
        let token = endpoint.token().unwrap_or(&self.token).expose().to_owned();
        for (name, value) in (Credentials::UserAuthToken { token }).headers() {
            request = request.header(name, value);
        }
        if let Some(kind) = endpoint.content_type() {
            request = request.header(header::CONTENT_TYPE, kind.as_ref());
        }
        request.body(endpoint.bytes().unwrap_or_else(|| body(endpoint)))
    }

    /// How long to wait before the request is sent once more, if that makes sense: it was not
    /// carried out, or does no harm a second time.
    fn pause(
        &self,
        harmless: bool,
        attempt: u32,
        tried: &Result<Response<Bytes>, HttpError>,
    ) -> Option<Duration> {
        let again = match tried {
            Ok(answer) if answer.status().is_server_error() => harmless,
            Ok(answer) => is_passing(answer.status()),
            Err(HttpError::Connect { .. }) => true,
            Err(HttpError::Timeout { .. } | HttpError::Cut { .. }) => harmless,
            Err(HttpError::TooLarge { .. }) => false,
        };
        let asked = tried.as_ref().ok().and_then(retry_after);
        let pause = asked.unwrap_or(self.retries.pause * 2_u32.saturating_pow(attempt - 1));
        (again && attempt < self.retries.attempts && pause <= self.retries.longest).then_some(pause)
    }
}

/// What an answer asks for: Cloudflare tells it in seconds.
fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A body as the crate has it.
fn body<E: Endpoint>(endpoint: &E) -> Bytes {
    match endpoint.body() {
        Some(RequestBody::Json(text)) => text.into(),
        Some(RequestBody::Raw(bytes)) => bytes.into(),
        // The crate's parts have neither file name nor type, which Workers need: endpoints with
        // parts write them themselves.
        Some(RequestBody::MultiPart(_)) | None => Bytes::new(),
    }
}
