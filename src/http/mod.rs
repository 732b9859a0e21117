//! The one HTTP client of the tool: connections are pooled, TLS is rustls with the certificate
//! authorities of this machine, and nothing waits for ever. It follows no redirects, repeats no
//! requests that reached a server, and knows no service: every URL is its caller's.

mod object_store;
#[cfg(test)]
mod tests;

use std::{error::Error as StdError, future::Future, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
pub use hyper::http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use hyper::{body::Incoming, http::HeaderValue};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::error::{Context, ErrorKind, Result};

/// Who we say we are, unless a request says something else.
const USER_AGENT: &str = concat!("mizan/", env!("CARGO_PKG_VERSION"));
/// The largest answer that is taken: control planes answer in kilobytes.
const LARGEST: usize = 32 * 1024 * 1024;
/// Shorter than what any of the services keeps an idle connection open.
const IDLE: Duration = Duration::from_secs(15);

/// A slower upload is taken for stuck: bytes in a second.
const SLOWEST_UPLOAD: u32 = 64 * 1024;

/// A connection that speaks no HTTP yet.
pub type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;

/// How long the client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to stand.
    pub connect: Duration,
    /// For the head of the answer, connecting included, and then for its whole body. A request
    /// with a large body gets more time for it.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), read: Duration::from_secs(30) }
    }
}

/// Why there is no answer. An answer with an error status is an answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nobody accepted the connection: the request has reached nobody.
    #[error("could not connect to {host}")]
    Connect {
        /// The host, with its port if the URL has one.
        host: String,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// There was no answer in time; the request may have been carried out.
    #[error("{host} did not answer within {} s", .after.as_secs_f64())]
    Timeout {
        /// The host.
        host: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection was cut; the request may have been carried out.
    #[error("the connection to {host} was cut")]
    Cut {
        /// The host.
        host: String,
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The answer is larger than any that is expected.
    #[error("the answer of {host} is too large")]
    TooLarge {
        /// The host.
        host: String,
    },
}

/// The client. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    connector: HttpsConnector<HttpConnector>,
    timeouts: Timeouts,
}

impl Http {
    /// A client with the usual timeouts.
    ///
    /// # Errors
    /// The certificate authorities of this machine cannot be read.
    pub fn new() -> Result<Self> {
        Self::with_timeouts(Timeouts::default())
    }

    /// A client with timeouts of one's own.
    ///
    /// # Errors
    /// The certificate authorities of this machine cannot be read.
    pub fn with_timeouts(timeouts: Timeouts) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(timeouts.connect));
        tcp.set_nodelay(true);
        // The scheme of the URL decides about TLS, one layer further up.
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context(ErrorKind::Failed, || {
                "this machine's certificate authorities cannot be read".to_owned()
            })
            .map_err(|error| error.hint("install the package ca-certificates"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(tls.clone());
        Ok(Self { client, connector: tls, timeouts })
    }

    /// Sends a request and takes the whole answer, whatever its status is. A `Host` header of the
    /// request is kept; without one it is that of the URL.
    ///
    /// # Errors
    /// There is no answer; the variants say whether the request may have been carried out.
    pub async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let patience = self.timeouts.read + upload_time(request.body());
        let mut request = request.map(Full::new);
        request
            .headers_mut()
            .entry(header::USER_AGENT)
            .or_insert(HeaderValue::from_static(USER_AGENT));
        let answer = self.in_time(&host, patience, self.client.request(request)).await?;
        let (head, body) = answer
            .map_err(|source| match source.is_connect() {
                true => HttpError::Connect { host: host.clone(), source: source.into() },
                false => HttpError::Cut { host: host.clone(), source: source.into() },
            })?
            .into_parts();
        let body = self.in_time(&host, self.timeouts.read, whole(&host, body)).await??;
        Ok(Response::from_parts(head, body))
    }

    /// A connection of its own, with TLS if the scheme of the URL is `https`, for a protocol that
    /// is not this client's.
    ///
    /// # Errors
    /// Nobody accepts it.
    pub async fn connect(&self, url: &Uri) -> Result<Connection, HttpError> {
        let host = url.authority().map(ToString::to_string).unwrap_or_default();
        let connecting = self.connector.clone().call(url.clone());
        self.in_time(&host, self.timeouts.read, connecting)
            .await?
            .map_err(|source| HttpError::Connect { host, source })
    }

    async fn in_time<T>(
        &self,
        host: &str,
        after: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, HttpError> {
        let late = |_| HttpError::Timeout { host: host.to_owned(), after };
        tokio::time::timeout(after, work).await.map_err(late)
    }
}

/// What a body takes on a slow line, in addition to the answer.
fn upload_time(body: &Bytes) -> Duration {
    Duration::from_secs_f64(body.len() as f64 / f64::from(SLOWEST_UPLOAD))
}

/// The whole body, unless it is too large.
async fn whole(host: &str, body: Incoming) -> Result<Bytes, HttpError> {
    let host = host.to_owned();
    match Limited::new(body, LARGEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(HttpError::TooLarge { host }),
        Err(source) => Err(HttpError::Cut { host, source }),
    }
}
