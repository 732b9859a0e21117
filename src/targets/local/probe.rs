//! Asks a service on 127.0.0.1 whether it is healthy, over HTTP/1.1.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::targets::Health;

/// Bytes of an answer that are read to tell why it failed.
const BODY_LIMIT: usize = 4096;

/// Asks once. `host` is the Host header, as the app's ALLOWED_HOSTS knows it.
pub async fn ask(port: u16, host: &str, path: &str, limit: Duration) -> Health {
    match timeout(limit, request(port, host, path)).await {
        Ok(Ok((status, body))) => Health::of(status, &body),
        Ok(Err(error)) => Health::Silent(error),
        Err(_) => Health::Silent(format!("no answer within {} ms", limit.as_millis())),
    }
}

async fn request(port: u16, host: &str, path: &str) -> Result<(StatusCode, String), String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    let exchange = async {
        let request = Request::get(path)
            .header("host", host)
            .header("user-agent", concat!("mizan/", env!("CARGO_PKG_VERSION")))
            .header("connection", "close")
            .body(Empty::<Bytes>::new())
            .map_err(|e| e.to_string())?;
        let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), BODY_LIMIT).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end before the answer is read to its end; the answer decides.
        _ = connection => exchange.await,
    }
}
