//! One HTTP request over a Unix socket: readiness, the Hub, the control socket.

use std::{error::Error, io, path::Path};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Sends a request and reads the whole answer.
pub(super) async fn send(
    socket: &Path,
    request: Request<Full<Bytes>>,
) -> io::Result<Response<Bytes>> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(as_io)?;
    // The sender goes when the answer is complete, and with it the connection ends.
    let exchange = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::from_parts(head, body))
    };
    // The connection does the work; where it fails, the exchange does.
    let (answer, _) = futures_util::future::join(exchange, connection).await;
    answer.map_err(as_io)
}

/// Keeps what the system said: a connection whose other side ended must be told from one that made no sense.
fn as_io(error: hyper::Error) -> io::Error {
    let system = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let kind = match system {
        Some(system) => system.kind(),
        None if error.is_incomplete_message() => io::ErrorKind::UnexpectedEof,
        None => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
