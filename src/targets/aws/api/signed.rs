//! Sends signed requests (Signature Version 4) and repeats those that AWS could not take.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;

use super::{ApiError, Endpoint, Refusal};
use crate::{
    error::{Context, Error, ErrorKind},
    http::{Http, HttpError, Method, Request, Response, header},
};

/// How often a request is sent at most.
const ATTEMPTS: u32 = 5;
/// The pause before the second attempt; it doubles from there.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause, whoever asks for it.
const LONGEST: Duration = Duration::from_secs(10);

/// One request, before it is signed.
#[derive(Debug, Clone)]
pub struct Call {
    /// What it does, for errors: `CreateSecurityGroup`.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The whole URL, its path and query encoded as they are to travel.
    pub url: String,
    /// Headers beside those that every request has, by lower-case name.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// A request with nothing but a method and a URL.
    pub fn new(name: &'static str, method: Method, url: impl Into<String>) -> Self {
        Self { name, method, url: url.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// With a body of this type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.headers.push(("content-type", content_type.to_owned()));
        self.body = body.into();
        self
    }
}

/// A client of one service in one region. Clones share connections and credentials.
#[derive(Debug, Clone)]
pub struct SignedClient {
    http: Http,
    credentials: SharedCredentialsProvider,
    endpoint: Endpoint,
    pause: Duration,
}

impl SignedClient {
    /// The client of `endpoint`'s service; the credentials should be [`super::kept`].
    pub fn new(http: Http, credentials: SharedCredentialsProvider, endpoint: Endpoint) -> Self {
        Self { http, credentials, endpoint, pause: PAUSE }
    }

    /// Where the service is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request until AWS has taken or refused it, a bounded number of times. A request
    /// whose answer got lost is sent again too: callers mean "ensure", and must take "it exists
    /// already" for an answer.
    ///
    /// # Errors
    /// AWS refused it, or could not be reached.
    pub async fn send(&self, call: &Call) -> Result<Response<Bytes>, ApiError> {
        let mut attempt = 1;
        loop {
            let (error, asked) = match self.try_once(call).await? {
                Tried::Answered(answer) => return Ok(answer),
                Tried::Refused(refusal, asked) => (ApiError::Refused(refusal), asked),
                Tried::Unheard(error) => (ApiError::Failed(self.unheard(call, &error)), None),
            };
            let passing = match &error {
                ApiError::Refused(refusal) => refusal.is_passing(),
                ApiError::Failed(_) => true,
            };
            if !passing || attempt == ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(self.pause_after(attempt, asked)).await;
            attempt += 1;
        }
    }

    async fn try_once(&self, call: &Call) -> Result<Tried, ApiError> {
        // Signed anew each time: a signature is dated.
        let request = self.signed(call).await.map_err(ApiError::Failed)?;
        let answer = match self.http.fetch(request).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Tried::Unheard(error)),
        };
        if answer.status().is_success() {
            return Ok(Tried::Answered(answer));
        }
        let what = self.what(call);
        let refusal = Refusal::read(&what, answer.status(), answer.body());
        Ok(Tried::Refused(refusal, retry_after(&answer)))
    }

    async fn signed(&self, call: &Call) -> Result<Request<Bytes>, Error> {
        let credentials = self
            .credentials
            .provide_credentials()
            .await
            .context(ErrorKind::Denied, || "there are no AWS credentials".to_owned())?;
        let identity = Identity::from(credentials);
        let unsigned = || format!("{} could not be signed", self.what(call));
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.endpoint.region)
            .name(self.endpoint.service)
            .time(SystemTime::now())
            .settings(settings(self.endpoint.service))
            .build()
            .context(ErrorKind::Failed, unsigned)?
            .into();
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(
            call.method.as_str(),
            &call.url,
            headers.clone(),
            SignableBody::Bytes(&call.body),
        )
        .context(ErrorKind::Failed, unsigned)?;
        let (instructions, _) =
            sign(signable, &parameters).context(ErrorKind::Failed, unsigned)?.into_parts();
        let mut request = Request::builder().method(call.method.clone()).uri(&call.url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(call.body.clone()).context(ErrorKind::Failed, unsigned)?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    /// What AWS asks for, else twice the last pause, give or take: not everybody at once.
    fn pause_after(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.pause * 2_u32.pow(attempt - 1);
        asked.unwrap_or_else(|| doubled.mul_f64(rand::random_range(0.5..1.5))).min(LONGEST)
    }

    fn unheard(&self, call: &Call, error: &HttpError) -> Error {
        let message = format!("AWS gave no answer to {}", self.what(call));
        Error::new(ErrorKind::Unavailable, message).because(error)
    }

    fn what(&self, call: &Call) -> String {
        format!("{} {}", self.endpoint.service, call.name)
    }
}

/// What came of one attempt.
enum Tried {
    Answered(Response<Bytes>),
    Refused(Refusal, Option<Duration>),
    Unheard(HttpError),
}

/// S3 takes paths as they are and wants the body's hash as a header; all others do not.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

/// The seconds of a `Retry-After` header; AWS gives no dates.
fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_credential_types::Credentials;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::http::StatusCode;

    type Heads = Arc<Mutex<Vec<String>>>;

    /// Answers one connection after the other with these texts (cutting those that are empty),
    /// and keeps the heads of the requests.
    async fn server(answers: &'static [&'static str]) -> (SignedClient, Heads) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Heads::default();
        let seen = heads.clone();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let credentials = Credentials::new("AKID", "secret", Some("token".into()), None, "test");
        let credentials = SharedCredentialsProvider::new(credentials);
        let endpoint = Endpoint { service: "ec2", region: "eu-west-1".into(), url };
        let client = SignedClient::new(Http::new().unwrap(), credentials, endpoint);
        (SignedClient { pause: Duration::from_millis(1), ..client }, heads)
    }

    async fn send(client: &SignedClient) -> Result<Response<Bytes>, ApiError> {
        let url = format!("{}/?a=b", client.endpoint().url);
        client.send(&Call::new("Try", Method::GET, url)).await
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    const BUSY: &str = "HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    const SLOWER: &str = "HTTP/1.1 400 Slow\r\nconnection: close\r\ncontent-length: 51\r\n\r\n\
                          <Error><Code>RequestLimitExceeded</Code></Error>   ";
    const NO: &str = "HTTP/1.1 403 No\r\nconnection: close\r\nretry-after: 1\r\n\
                      content-length: 0\r\n\r\n";

    #[tokio::test]
    async fn a_request_is_signed_for_service_and_region() {
        let (client, heads) = server(&[OK]).await;
        assert_eq!(&send(&client).await.unwrap().body()[..], b"ok");
        let head = heads.lock().unwrap().concat();
        let scope = "authorization: AWS4-HMAC-SHA256 Credential=AKID/";
        assert!(head.contains(scope), "{head}");
        assert!(head.contains("/eu-west-1/ec2/aws4_request, SignedHeaders=host;"), "{head}");
        assert!(head.contains("x-amz-security-token: token\r\n"), "{head}");
    }

    #[tokio::test]
    async fn what_passes_is_tried_again() {
        let (client, heads) = server(&["", BUSY, SLOWER, OK]).await;
        assert_eq!(send(&client).await.unwrap().status(), StatusCode::OK);
        assert_eq!(heads.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn a_refusal_is_final() {
        let (client, heads) = server(&[NO, OK]).await;
        let error = send(&client).await.unwrap_err();
        assert!(error.has_status(StatusCode::FORBIDDEN));
        assert_eq!(heads.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn nobody_tries_for_ever() {
        let (client, heads) = server(&[BUSY, BUSY, BUSY, BUSY, BUSY, OK]).await;
        let error = Error::from(send(&client).await.unwrap_err());
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(heads.lock().unwrap().len(), 5);
    }

    #[test]
    fn the_pause_grows_and_is_what_aws_asks_for_within_reason() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, _) = runtime.block_on(server(&[]));
        let client = SignedClient { pause: PAUSE, ..client };
        for (attempt, least, most) in [(1, 100, 300), (3, 400, 1200)] {
            let pause = client.pause_after(attempt, None).as_millis();
            assert!((least..=most).contains(&pause), "{pause}");
        }
        let asked = |seconds| client.pause_after(1, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(3), Duration::from_secs(3));
        assert_eq!(asked(3600), LONGEST);
    }
}
