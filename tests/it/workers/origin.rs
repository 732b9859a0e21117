//! A small app server: says its name, echoes bodies and WebSocket messages, lists headers.

use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use mizan::workers::local::Source;
use tokio::{net::TcpListener, sync::watch};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A running app server; it ends with the test's runtime.
pub struct Origin {
    pub name: &'static str,
    address: SocketAddr,
    closing: watch::Sender<bool>,
    finishing: watch::Sender<bool>,
}

impl Origin {
    pub async fn start(name: &'static str) -> Self {
        Self::start_at(name, "127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn start_at(name: &'static str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let [closing, finishing] = [(); 2].map(|()| watch::Sender::new(false));
        let cues = Cues { closing: closing.subscribe(), finishing: finishing.subscribe() };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let cues = cues.clone();
                let service = service_fn(move |request| answer(name, request, cues.clone()));
                let connection = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                tokio::spawn(connection);
            }
        });
        Self { name, address, closing, finishing }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn direct(&self) -> Source {
        Source::Direct { origin: self.url() }
    }

    /// Ends all WebSockets as a server that restarts.
    pub fn close_websockets(&self) {
        self.closing.send_replace(true);
    }

    /// The rest of slow answers, of those to come as well.
    pub fn finish_slow_answers(&self) {
        self.finishing.send_replace(true);
    }
}

/// What requests that are under way wait for.
#[derive(Clone)]
struct Cues {
    closing: watch::Receiver<bool>,
    finishing: watch::Receiver<bool>,
}

async fn answer(
    name: &'static str,
    mut request: Request<Incoming>,
    cues: Cues,
) -> Result<Response<Body>, Infallible> {
    let answer = match (request.method(), request.uri().path()) {
        (&Method::GET, "/ws") => return Ok(websocket(name, &mut request, cues.closing)),
        (&Method::GET, "/slow") => return Ok(Response::new(slow(name, cues.finishing))),
        (&Method::GET, "/name") => name.to_owned(),
        (&Method::GET, "/headers") => headers(&request),
        (&Method::POST, "/echo") => {
            let body = request.into_body().collect().await;
            format!("{name}: {}", String::from_utf8_lossy(&body.unwrap().to_bytes()))
        }
        (_, path) => format!("nothing at {path}"),
    };
    Ok(Response::new(Full::from(answer).boxed_unsync()))
}

fn slow(name: &'static str, mut finishing: watch::Receiver<bool>) -> Body {
    let first = std::future::ready(format!("{name}: first"));
    let second = async move {
        // An origin that is gone finishes nothing.
        let _ = finishing.wait_for(|finishing| *finishing).await;
        ", second".to_owned()
    };
    let texts = stream::once(first).chain(stream::once(second));
    StreamBody::new(texts.map(|text| Ok(Frame::data(Bytes::from(text))))).boxed_unsync()
}

fn headers(request: &Request<Incoming>) -> String {
    let headers: BTreeMap<_, _> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .collect();
    serde_json::to_string(&headers).unwrap()
}

fn websocket(
    name: &'static str,
    request: &mut Request<Incoming>,
    closing: watch::Receiver<bool>,
) -> Response<Body> {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        let mut response = Response::new(Empty::new().boxed_unsync());
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        return response;
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        echo(name, socket, closing).await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Empty::new().boxed_unsync())
        .unwrap()
}

async fn echo(
    name: &str,
    mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
    mut closing: watch::Receiver<bool>,
) {
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let Some(Ok(Message::Text(text))) = message else { return };
        socket.send(Message::text(format!("{name}: {text}"))).await.unwrap();
    }
    let frame = CloseFrame { code: CloseCode::Restart, reason: "restarting".into() };
    let _ = socket.close(Some(frame)).await;
    while let Some(Ok(_)) = socket.next().await {}
}
