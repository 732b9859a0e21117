//! A raw HTTP connection to the engine, for the one thing its client library has no call for: a
//! BuildKit session of our own.

use std::io;

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use super::endpoint::{self, Endpoint};

/// Sends one request to the engine that `connect` chooses, on a connection of its own. The
/// connection closes when the response (or what it was upgraded to) is dropped.
///
/// `None` means that the engine is reached over TLS, where only the client library goes.
pub(crate) async fn send<B>(request: Request<B>) -> io::Result<Option<Response<Incoming>>>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let endpoint = endpoint::choose(&|name| std::env::var(name).ok(), &|path| path.exists())
        .map_err(io::Error::other)?;
    match endpoint {
        Endpoint::Unix(path) => send_on(UnixStream::connect(path).await?, request).await.map(Some),
        Endpoint::Tcp(address) => {
            send_on(TcpStream::connect(address).await?, request).await.map(Some)
        }
        Endpoint::Tls(..) => Ok(None),
    }
}

async fn send_on<B>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<B>,
) -> io::Result<Response<Incoming>>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to the engine ended");
        }
    });
    sender.send_request(request).await.map_err(io::Error::other)
}
