//! A BuildKit session of our own: the engine asks back for what it lacks, so that only changed
//! files travel, however large the context is.

mod credentials;
mod files;
mod health;

use std::{collections::HashMap, io, sync::Arc};

use bollard::{
    ClientVersion,
    auth::DockerCredentials,
    errors::Error as DockerError,
    moby::filesync::v1::{auth_server::AuthServer, file_sync_server::FileSyncServer},
    models::{BuildInfo, ErrorDetail},
    query_parameters::{BuildImageOptions, BuilderVersion},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::{BodyExt as _, BodyStream, Empty};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::{io::DuplexStream, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;

use self::{credentials::Credentials, files::Files, health::Health};
use super::{context::ReadError, hash::hex, source::Source};
use crate::docker;

/// The name under which the engine asks for the Dockerfile.
pub(super) const DOCKERFILE: &str = "Dockerfile";

/// What the engine may call in a session.
const METHODS: [&str; 3] = [
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/moby.filesync.v1.Auth/Credentials",
    "/grpc.health.v1.Health/Check",
];

/// How much of an answer may wait between the engine and the session's server.
const BUFFER: usize = 256 * 1024;

/// An open session. Dropping it ends it.
pub(super) struct Session {
    id: String,
    version: ClientVersion,
    /// Serves the connection and carries its bytes; both end with the session.
    _tasks: [AbortOnDropHandle<()>; 2],
    /// The errors of reading the context, as they happen.
    failures: mpsc::UnboundedReceiver<ReadError>,
}

impl Session {
    /// Opens a session that serves the context of `source`, with this text as its Dockerfile.
    /// `None` means that the engine takes no session from us; the context can be uploaded instead.
    pub async fn open(
        version: ClientVersion,
        source: &Arc<Source>,
        dockerfile: String,
        credentials: HashMap<String, DockerCredentials>,
    ) -> Option<Self> {
        let id = new_id();
        let (connection, carrier) = match open(&version, &id, source).await {
            Ok(opened) => opened?,
            Err(error) => {
                tracing::debug!(%error, "the engine takes no session");
                return None;
            }
        };
        let (failed, failures) = mpsc::unbounded_channel();
        let files = Files { source: Arc::clone(source), dockerfile: dockerfile.into(), failed };
        let server = tokio::spawn(serve(connection, files, Credentials(credentials)));
        let tasks = [AbortOnDropHandle::new(server), carrier];
        Some(Self { id, version, _tasks: tasks, failures })
    }

    /// Begins a build in this session, and returns what the engine reports.
    pub async fn build(
        &self,
        mut options: BuildImageOptions,
    ) -> Result<impl Stream<Item = Result<BuildInfo, DockerError>> + use<>, DockerError> {
        options.version = BuilderVersion::BuilderBuildKit;
        options.session = Some(self.id.clone());
        options.remote = Some("client-session".into());
        let query = serde_urlencoded::to_string(&options)
            .map_err(|error| DockerError::URLEncodedError { err: error })?;
        let request = request(&format!("/v{}/build?{query}", self.version)).body(Empty::new())?;
        let response = docker::send::<Empty<Bytes>>(request).await?;
        let response = response.ok_or_else(|| io::Error::other("no plain connection"))?;
        if response.status().is_success() {
            Ok(messages(response.into_body()))
        } else {
            Err(refusal(response).await?)
        }
    }

    /// The error that ended the reading of the context, if one did.
    pub fn failure(&mut self) -> Option<ReadError> {
        self.failures.try_recv().ok()
    }
}

/// The id of a session, which must be new to the engine.
pub(super) fn new_id() -> String {
    format!("mizan-{:016x}", rand::random::<u64>())
}

fn request(path: &str) -> hyper::http::request::Builder {
    Request::builder().method(Method::POST).uri(path).header(header::HOST, "docker")
}

/// Asks the engine for a session; the connection that comes of it is the engine's way to us.
async fn open(
    version: &ClientVersion,
    id: &str,
    source: &Source,
) -> io::Result<Option<(DuplexStream, AbortOnDropHandle<()>)>> {
    // By this key the engine finds the files that the last build of this folder sent.
    let folder = source.context_path.to_string_lossy();
    let key = hex(&Sha256::digest(folder.as_bytes()));
    let mut request = request(&format!("/v{version}/session"))
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", id)
        .header("X-Docker-Expose-Session-Name", "mizan")
        .header("X-Docker-Expose-Session-Sharedkey", key);
    for method in METHODS {
        request = request.header("X-Docker-Expose-Session-Grpc-Method", method);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let Some(response) = docker::send(request).await? else { return Ok(None) };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(io::Error::other(format!("HTTP {}", response.status())));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(io::Error::other)?;
    let (ours, mut theirs) = tokio::io::duplex(BUFFER);
    let carrier = tokio::spawn(async move {
        // Ends when either side does.
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut theirs).await;
    });
    Ok(Some((ours, AbortOnDropHandle::new(carrier))))
}

/// Answers the engine's calls until the connection or the session ends.
async fn serve(connection: DuplexStream, files: Files, credentials: Credentials) {
    let once = stream::once(async { Ok::<_, io::Error>(connection) });
    // The server would stop at the end of this stream, while the connection is still in use.
    let connections = once.chain(stream::pending());
    let served = tonic::transport::Server::builder()
        .add_service(Health::server())
        .add_service(AuthServer::new(credentials))
        .add_service(FileSyncServer::new(files))
        .serve_with_incoming(connections)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a build session ended");
    }
}

/// The engine's messages, one JSON object per line.
fn messages(body: Incoming) -> impl Stream<Item = Result<BuildInfo, DockerError>> {
    let state = (BodyStream::new(body), BytesMut::new());
    let lines = stream::try_unfold(state, |(mut body, mut buffer)| async move {
        loop {
            if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line = buffer.split_to(end + 1).freeze();
                return Ok(Some((line, (body, buffer))));
            }
            match body.next().await {
                Some(frame) => {
                    let frame = frame.map_err(|err| DockerError::HyperResponseError { err })?;
                    buffer.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                }
                None if buffer.is_empty() => return Ok(None),
                None => return Ok(Some((buffer.split().freeze(), (body, buffer)))),
            }
        }
    });
    lines.filter_map(|line| async move {
        match line {
            Ok(line) if line.trim_ascii().is_empty() => None,
            Ok(line) => Some(message(&line)),
            Err(error) => Some(Err(error)),
        }
    })
}

fn message(line: &[u8]) -> Result<BuildInfo, DockerError> {
    let info: BuildInfo = serde_json::from_slice(line)?;
    match info.error_detail {
        Some(ErrorDetail { message: Some(error), .. }) => {
            Err(DockerError::DockerStreamError { error })
        }
        _ => Ok(info),
    }
}

/// The engine's words when it did not even begin to build.
async fn refusal(response: Response<Incoming>) -> Result<DockerError, DockerError> {
    let status_code = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    let told: HashMap<String, String> = serde_json::from_slice(&body).unwrap_or_default();
    let raw = || String::from_utf8_lossy(&body).into_owned();
    let message = told.get("message").cloned().unwrap_or_else(raw);
    Ok(DockerError::DockerResponseServerError { status_code, message })
}
