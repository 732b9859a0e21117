//! One generation as the front sees it: where it listens, how to send to it, what is under way.
//!
//! Servers close idle connections whenever they like, and a request sent at that moment is lost
//! without anybody knowing whether it was read. So only requests that may be repeated (RFC 9110,
//! 9.2.2) without a body use kept connections, and are sent again if one breaks before it
//! answers; everything else gets a connection of its own, where this cannot happen.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Method, Request, Response, Uri, body::Incoming, http::uri::Authority};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{
    either::Either,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::workers::local::protocol::{GenerationState, ProcessStatus};

/// How long a request waits for Workers that are being started again: as long as a first start may take.
const RESTART_PATIENCE: Duration = Duration::from_secs(20);
/// How long it waits for a server that refuses connections, of which nobody knows whether it comes back.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const CONNECT_RETRY: Duration = Duration::from_millis(50);
/// Below the 5 s after which workerd and uvicorn close an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// A process may end twice while it is asked; three times is no accident.
const ATTEMPTS: u32 = 3;

/// Where a generation listens.
#[derive(Debug, Clone)]
pub(in crate::workers::local) enum Address {
    /// A `workerd` on a Unix socket.
    Unix(Arc<Path>),
    /// A container's published port.
    Tcp(Authority),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody answers there.
    Down,
    /// It broke off; whether the request took effect is unknown.
    Broken(hyper_util::client::legacy::Error),
}

/// One generation as the front sees it.
#[derive(Debug)]
pub(in crate::workers::local) struct Upstream {
    address: Address,
    kept: Client<Connector, Empty<Bytes>>,
    single: Client<Connector, Incoming>,
    /// The process, if it is one of ours.
    process: Option<watch::Receiver<ProcessStatus>>,
    requests: TaskTracker,
    websockets: TaskTracker,
}

impl Upstream {
    pub(in crate::workers::local) fn new(
        address: Address,
        process: Option<watch::Receiver<ProcessStatus>>,
    ) -> Self {
        let connector = Connector(address.clone());
        let kept = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector.clone());
        let single =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let (requests, websockets) = (counter(), counter());
        Self { address, kept, single, process, requests, websockets }
    }

    /// Counts a request as under way until the token is dropped.
    pub(super) fn enter(&self) -> TaskTrackerToken {
        self.requests.token()
    }

    /// Counts a WebSocket as open until the token is dropped.
    pub(super) fn enter_websocket(&self) -> TaskTrackerToken {
        self.websockets.token()
    }

    /// How many requests and WebSockets are under way.
    pub(in crate::workers::local) fn open(&self) -> usize {
        self.requests.len() + self.websockets.len()
    }

    /// Waits until no request is under way, but not longer than the limit; how much is still open.
    /// WebSockets are not waited for: they last as long as their visitors stay.
    pub(in crate::workers::local) async fn drain(&self, limit: Duration) -> usize {
        let _ = timeout(limit, self.requests.wait()).await;
        self.open()
    }

    /// Waits until nothing is open, but not longer than the limit; how much still is.
    pub(in crate::workers::local) async fn finish(&self, limit: Duration) -> usize {
        let nothing_open = async {
            self.requests.wait().await;
            self.websockets.wait().await;
        };
        let _ = timeout(limit, nothing_open).await;
        self.open()
    }

    /// Sends a request whose headers are ready.
    pub(super) async fn send(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Failure> {
        tokio::select! {
            answer = self.send_patiently(request) => answer,
            () = self.down_for_long() => Err(Failure::Down),
        }
    }

    async fn send_patiently(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Failure> {
        *request.uri_mut() = self.target(request.uri());
        if !is_repeatable(&request) {
            self.until_ready().await;
            return self.single.request(request).await.map_err(Failure::from);
        }
        let (head, _) = request.into_parts();
        let mut attempt = 1;
        loop {
            self.until_ready().await;
            let copy = Request::from_parts(head.clone(), Empty::new());
            match self.kept.request(copy).await {
                Ok(response) => return Ok(response),
                Err(error) if error.is_connect() || attempt == ATTEMPTS => return Err(error.into()),
                Err(_) => attempt += 1,
            }
        }
    }

    async fn until_ready(&self) {
        if let Some(process) = &self.process {
            // It fails if the process was stopped for good; then connecting says so.
            let _ = process.clone().wait_for(is_ready).await;
        }
    }

    /// Returns when the process has not answered for longer than anybody should wait.
    async fn down_for_long(&self) {
        let Some(process) = &self.process else { return std::future::pending().await };
        let mut process = process.clone();
        loop {
            if process.wait_for(|process| !is_ready(process)).await.is_err() {
                return std::future::pending().await;
            }
            match timeout(RESTART_PATIENCE, process.wait_for(is_ready)).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// The request's target as the client needs it: path and query stay byte for byte.
    fn target(&self, uri: &Uri) -> Uri {
        let authority = match &self.address {
            Address::Unix(_) => Authority::from_static("edge"),
            Address::Tcp(authority) => authority.clone(),
        };
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(hyper::http::uri::Scheme::HTTP);
        parts.authority = Some(authority);
        parts.path_and_query.get_or_insert_with(|| "/".parse().expect("a slash is a path"));
        Uri::from_parts(parts).expect("scheme, authority and path make a target")
    }
}

/// Closed from the beginning: it only counts, and waiting for "none" must be able to end.
fn counter() -> TaskTracker {
    let tracker = TaskTracker::new();
    tracker.close();
    tracker
}

fn is_ready(process: &ProcessStatus) -> bool {
    process.state == GenerationState::Ready
}

fn is_repeatable(request: &Request<Incoming>) -> bool {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE];
    let switches = request.headers().contains_key(hyper::header::UPGRADE);
    idempotent.contains(request.method())
        && !switches
        && hyper::body::Body::is_end_stream(request.body())
}

impl From<hyper_util::client::legacy::Error> for Failure {
    fn from(error: hyper_util::client::legacy::Error) -> Self {
        if error.is_connect() { Self::Down } else { Self::Broken(error) }
    }
}

/// Connects to one address, whatever the request's target says.
#[derive(Debug, Clone)]
struct Connector(Address);

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let address = self.0.clone();
        Box::pin(async move { connect_patiently(&address).await.map(TokioIo::new) })
    }
}

/// A server that is just being started again refuses connections: nothing was sent, so trying
/// once more is safe for every request.
async fn connect_patiently(address: &Address) -> io::Result<Wire> {
    let mut last = None;
    let trying = async {
        loop {
            match connect(address).await {
                Err(error) if is_passing(&error) => last = Some(error),
                result => return result,
            }
            sleep(CONNECT_RETRY).await;
        }
    };
    match timeout(CONNECT_PATIENCE, trying).await {
        Ok(result) => result,
        Err(elapsed) => Err(last.unwrap_or_else(|| io::Error::other(elapsed))),
    }
}

fn is_passing(error: &io::Error) -> bool {
    // A Unix socket whose queue is full says "would block".
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::WouldBlock)
}

async fn connect(address: &Address) -> io::Result<Wire> {
    match address {
        Address::Unix(path) => UnixStream::connect(path).await.map(|s| Wire(Either::Right(s))),
        Address::Tcp(authority) => {
            let stream = TcpStream::connect(authority.as_str()).await?;
            stream.set_nodelay(true)?;
            Ok(Wire(Either::Left(stream)))
        }
    }
}

/// A connection of either kind.
#[derive(Debug)]
struct Wire(Either<TcpStream, UnixStream>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
