//! The WebSocket of a tail: opened, kept alive, and read event by event.

use std::{error::Error as StdError, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error as WsError, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

use super::{Tail, TailEvent};
use crate::{
    error::{Error, ErrorKind, Result},
    http::{Connection, Http},
};

/// The protocol of tails.
const PROTOCOL: &str = "trace-v1";
/// For the connection to stand.
const CONNECT: Duration = Duration::from_secs(20);
/// After so long without a message it is asked whether somebody is still there, as wrangler does.
const QUIET: Duration = Duration::from_secs(10);
/// After so many questions without any sign of life the connection is taken for cut.
const ASKED: u32 = 3;
/// The largest message that is taken. Cloudflare cuts off what a Worker writes long before.
const LARGEST: usize = 4 * 1024 * 1024;

/// The events of a tail, as they happen.
pub struct TailEvents {
    socket: WebSocketStream<TokioIo<Connection>>,
    /// Questions since the last sign of life.
    asked: u32,
}

impl TailEvents {
    /// Connects to a tail.
    pub(super) async fn connect(http: &Http, tail: &Tail) -> Result<Self> {
        match timeout(CONNECT, open(http, tail.url.expose())).await {
            Ok(Ok(socket)) => Ok(Self { socket, asked: 0 }),
            Ok(Err(source)) => Err(unavailable(tail).because(source.as_ref())),
            Err(_) => {
                Err(unavailable(tail)
                    .cause(format!("nobody answered within {} s", CONNECT.as_secs())))
            }
        }
    }

    /// The next event; `None` once Cloudflare has ended the tail.
    ///
    /// # Errors
    /// The connection was cut.
    pub async fn next(&mut self) -> Option<Result<TailEvent>> {
        loop {
            let message = match timeout(QUIET, self.socket.next()).await {
                Err(_) if self.asked >= ASKED => return Some(Err(cut(&silent()))),
                Err(_) => match self.socket.send(Message::Ping(Bytes::new())).await {
                    Ok(()) => {
                        self.asked += 1;
                        continue;
                    }
                    Err(error) => return ended(&error),
                },
                Ok(None | Some(Ok(Message::Close(_)))) => return None,
                Ok(Some(Err(error))) => return ended(&error),
                Ok(Some(Ok(message))) => message,
            };
            self.asked = 0;
            if let Some(event) = event(&message) {
                return Some(Ok(event));
            }
        }
    }

    /// Says goodbye. The tail itself lives until it is stopped or expires.
    pub async fn close(mut self) {
        // Whoever has gone already does not mind.
        let _ = timeout(QUIET, self.socket.close(None)).await;
    }
}

/// The event in a message; `None` for what is none, such as pings.
fn event(message: &Message) -> Option<TailEvent> {
    let content = match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes.as_ref(),
        _ => return None,
    };
    match TailEvent::read(content) {
        Ok(event) => Some(event),
        Err(error) => {
            tracing::debug!(%error, "a message of the tail is no event");
            None
        }
    }
}

async fn open(
    http: &Http,
    url: &str,
) -> Result<WebSocketStream<TokioIo<Connection>>, Box<dyn StdError + Send + Sync>> {
    let mut request = url.into_client_request()?;
    let protocol = HeaderValue::from_static(PROTOCOL);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let stream = http.connect(&over_http(request.uri())?).await?;
    let config =
        WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let (mut socket, _) =
        client_async_with_config(request, TokioIo::new(stream), Some(config)).await?;
    // As wrangler begins; without it nothing is sent.
    socket.send(Message::text(r#"{"debug":false}"#)).await?;
    Ok(socket)
}

/// The connector knows the schemes of HTTP only.
fn over_http(uri: &Uri) -> Result<Uri, hyper::http::Error> {
    let scheme = match uri.scheme_str() {
        Some("ws" | "http") => "http",
        _ => "https",
    };
    let authority = uri.authority().map_or("", |it| it.as_str());
    Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build()
}

fn unavailable(tail: &Tail) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot listen to the {tail} of Cloudflare"))
        .hint("check the network")
}

fn ended(error: &WsError) -> Option<Result<TailEvent>> {
    match error {
        WsError::ConnectionClosed | WsError::AlreadyClosed => None,
        error => Some(Err(cut(error))),
    }
}

fn silent() -> std::io::Error {
    let after = QUIET * (ASKED + 1);
    std::io::Error::other(format!("there was no sign of life for {} s", after.as_secs()))
}

fn cut(source: &(dyn StdError + 'static)) -> Error {
    Error::new(ErrorKind::Unavailable, "the live log of Cloudflare was cut").because(source)
}
