//! The front: an HTTP/1.1 reverse proxy on the public socket, before the live generation.
//!
//! Each request goes to the generation that is live when it arrives and finishes there, whatever
//! is switched meanwhile; connections of visitors are not bound to a generation.

mod answer;
mod headers;
mod host;
mod tunnel;
mod upstream;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Method, Request, Response, StatusCode, Version,
    body::{Frame, Incoming, SizeHint},
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use answer::{Body, page};
use host::{AllowedHosts, Refused};
use upstream::Failure;
pub(super) use upstream::{Address, Upstream};

/// A visitor's connection that says nothing for so long is closed.
const VISITOR_IDLE: Duration = Duration::from_secs(75);
/// How long visitors' requests may take to finish when the supervisor ends.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// How long a visitor who has connected may take to ask when the supervisor ends.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// When no connection can be accepted (out of descriptors), trying at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The front of one app.
#[derive(Debug)]
pub(super) struct Front {
    hosts: AllowedHosts,
    leaving: AtomicBool,
    live: watch::Sender<Option<Arc<Upstream>>>,
}

impl Front {
    pub(super) fn new(hosts: &[String]) -> Self {
        Self {
            hosts: AllowedHosts::new(hosts),
            leaving: AtomicBool::new(false),
            live: watch::Sender::new(None),
        }
    }

    /// From here on, every answer is the last of its connection: visitors ask on a new one, which
    /// another front may accept. Closing connections without a word would lose requests that are
    /// just being sent.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// From here on, new requests go to this generation.
    pub(super) fn switch(&self, upstream: Option<Arc<Upstream>>) {
        self.live.send_replace(upstream);
    }

    /// Answers visitors until told to stop; then requests under way may finish.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(self.clone().attend(stream, peer, stop.clone()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
        connections.close();
        let _ = timeout(SHUTDOWN_GRACE, connections.wait()).await;
    }

    async fn attend(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        // Without it, small answers wait for the visitor's delayed acknowledgements.
        let _ = stream.set_nodelay(true);
        let asked = CancellationToken::new();
        let service = service_fn(|request| {
            asked.cancel();
            let front = self.clone();
            async move {
                let mut response = front.answer(request, peer.ip()).await;
                front.say_goodbye(&mut response);
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(VISITOR_IDLE)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        tokio::select! {
            // A visitor that breaks off is everyday, and the visitor's own business.
            _ = connection.as_mut() => return,
            () = stop.cancelled() => {}
        }
        // Who has just connected is about to ask.
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = timeout(FIRST_REQUEST, asked.cancelled()) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    fn say_goodbye(&self, response: &mut Response<Body>) {
        let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if self.leaving.load(Ordering::Relaxed) && !switching {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    async fn answer(&self, mut request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let host = match self.hosts.check(&request) {
            Ok(host) => host,
            Err(refused) => return refusal(refused),
        };
        // A proxy's own methods and targets; an app has no use for them.
        if request.method() == Method::CONNECT || request.uri().path() == "*" {
            return page(StatusCode::BAD_REQUEST, "this is no forward proxy\n");
        }
        let Some((upstream, token)) = self.enter() else {
            return page(StatusCode::SERVICE_UNAVAILABLE, "no release is live yet\n");
        };
        let websocket = headers::asks_for_websocket(request.headers());
        let visitor = websocket.then(|| tunnel::visitor_end(&mut request));
        headers::for_upstream(request.headers_mut(), peer, &host);
        *request.version_mut() = Version::HTTP_11;
        if websocket {
            headers::ask_for_websocket(request.headers_mut());
        }
        match upstream.send(request).await {
            Ok(response) => pass_on(response, visitor, &upstream, token),
            Err(failure) => explain(&failure),
        }
    }

    /// Choosing and counting are one step: a generation that was just switched away from is either
    /// not chosen any more, or counted before anybody waits for it to drain.
    fn enter(&self) -> Option<(Arc<Upstream>, TaskTrackerToken)> {
        let live = self.live.borrow();
        live.as_ref().map(|upstream| (upstream.clone(), upstream.enter()))
    }
}

fn pass_on(
    mut response: Response<Incoming>,
    visitor: Option<hyper::upgrade::OnUpgrade>,
    upstream: &Upstream,
    token: TaskTrackerToken,
) -> Response<Body> {
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    headers::strip_hop_by_hop(response.headers_mut());
    match visitor {
        Some(visitor) if switching => {
            tunnel::open(visitor, &mut response, upstream.enter_websocket());
            headers::ask_for_websocket(response.headers_mut());
            response.map(|_| http_body_util::Empty::new().map_err(|never| match never {}).boxed())
        }
        _ if switching => page(StatusCode::BAD_GATEWAY, "the app switched protocols unasked\n"),
        _ => response.map(|body| Counted { body, _token: token }.boxed()),
    }
}

fn refusal(refused: Refused) -> Response<Body> {
    match refused {
        Refused::Malformed => page(StatusCode::BAD_REQUEST, "the Host header is not valid\n"),
        Refused::Foreign => {
            page(StatusCode::MISDIRECTED_REQUEST, "this server does not answer to that host name\n")
        }
    }
}

fn explain(failure: &Failure) -> Response<Body> {
    match failure {
        Failure::Down => {
            page(StatusCode::SERVICE_UNAVAILABLE, "the app does not answer; try again shortly\n")
        }
        Failure::Broken(error) => {
            tracing::warn!(%error, "a request broke off");
            page(
                StatusCode::BAD_GATEWAY,
                "the app broke off before it answered; whether the request took effect is unknown\n",
            )
        }
    }
}

/// A body that counts as under way until its end.
struct Counted {
    body: Incoming,
    _token: TaskTrackerToken,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
