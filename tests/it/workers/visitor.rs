//! Visitors: one by one, and many at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::WebSocketStream;

const A_MOMENT: Duration = Duration::from_millis(300);

/// One connection of one visitor.
pub struct Visitor {
    sender: SendRequest<Full<Bytes>>,
    port: u16,
    /// The server has said that it closes the connection.
    closing: bool,
}

/// What the visitor got.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

/// The body of an answer, as it comes.
pub struct Stream(Incoming);

impl Stream {
    /// The next piece; `None` at the end.
    pub async fn piece(&mut self) -> Option<String> {
        let data = self.0.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(data.to_vec()).unwrap())
    }
}

impl Visitor {
    pub async fn connect(port: u16) -> Self {
        Self::try_connect(port).await.unwrap()
    }

    async fn try_connect(port: u16) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(text)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        tokio::spawn(connection);
        Ok(Self { sender, port, closing: false })
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.get_from(&format!("board.localhost:{}", self.port), path).await
    }

    pub async fn get_from(&mut self, host: &str, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, host);
        self.send(request.body(Full::default()).unwrap()).await.unwrap()
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    /// An answer that has begun.
    pub async fn stream(&mut self, path: &str) -> Stream {
        let request = Request::get(path)
            .header(header::HOST, format!("board.localhost:{}", self.port))
            .body(Full::default());
        Stream(self.sender.send_request(request.unwrap()).await.unwrap().into_body())
    }

    /// What the origin is told when the visitor lies.
    pub async fn headers_seen_by_origin(&mut self) -> BTreeMap<String, String> {
        let request = Request::get("/headers")
            .header(header::HOST, format!("board.localhost:{}", self.port))
            .header("x-forwarded-for", "6.6.6.6")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "for=6.6.6.6")
            .header("connection", "x-secret-hop")
            .header("x-secret-hop", "1")
            .header("x-request-id", "7")
            .body(Full::default())
            .unwrap();
        serde_json::from_str(&self.send(request).await.unwrap().text).unwrap()
    }

    async fn try_get(&mut self, path: &str) -> Result<Answer, String> {
        let request = Request::get(path)
            .header(header::HOST, format!("board.localhost:{}", self.port))
            .body(Full::default());
        self.send(request.map_err(text)?).await
    }

    async fn try_post(&mut self, path: &str, body: &str) -> Result<Answer, String> {
        let request = Request::post(path)
            .header(header::HOST, format!("board.localhost:{}", self.port))
            .body(Full::from(body.to_owned()));
        self.send(request.map_err(text)?).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        self.sender.ready().await.map_err(text)?;
        let (head, body) = self.sender.send_request(request).await.map_err(text)?.into_parts();
        self.closing = head.headers.get(header::CONNECTION).is_some_and(|value| value == "close");
        let bytes = body.collect().await.map_err(text)?.to_bytes();
        let text = String::from_utf8(bytes.to_vec()).map_err(text)?;
        Ok(Answer { status: head.status, headers: head.headers, text })
    }
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

/// How a visitor connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// Once.
    Kept,
    /// For each request.
    Fresh,
}

/// What happened to the requests of all visitors.
#[derive(Debug, Default)]
pub struct Tally {
    done: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Tally {
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }
}

/// Sends GET and POST in turns until told to stop.
pub async fn load(port: u16, connections: Connections, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    let mut visitor = Visitor::try_connect(port).await;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let usable = visitor.as_ref().is_ok_and(|visitor| !visitor.closing);
        if connections == Connections::Fresh || !usable {
            visitor = Visitor::try_connect(port).await;
        }
        let result = match &mut visitor {
            Ok(visitor) => exchange(visitor, number).await,
            Err(error) => Err(error.clone()),
        };
        tally.done.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = result {
            let method = if number.is_multiple_of(2) { "GET" } else { "POST" };
            let failure = format!("{connections:?} {method} {number}: {error}");
            tally.failures.lock().unwrap().push(failure);
            visitor = Err(error);
        }
    }
}

async fn exchange(visitor: &mut Visitor, number: usize) -> Result<(), String> {
    let (answer, expected) = if number.is_multiple_of(2) {
        (visitor.try_get("/name").await?, ["a".to_owned(), "b".to_owned()])
    } else {
        let body = format!("{number}-{}", "x".repeat(number % 5000));
        let answer = visitor.try_post("/echo", &body).await?;
        (answer, [format!("a: {body}"), format!("b: {body}")])
    };
    if answer.status == StatusCode::OK && expected.contains(&answer.text) {
        return Ok(());
    }
    Err(format!("{}: {}", answer.status, answer.text))
}

/// Sends bytes as they are. Waits for one whole answer as long as it takes, and a moment for another
/// that should not come.
pub async fn raw(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let patience = if is_whole(&answer) { A_MOMENT } else { Duration::MAX };
        // A connection that is reset has no more to say, either.
        let Ok(Ok(1..)) = timeout(patience, stream.read_buf(&mut answer)).await else { break };
    }
    String::from_utf8(answer).unwrap()
}

/// Whether an answer is there to the end of its body.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => body.len() >= length.parse().unwrap(),
        None => body.ends_with("0\r\n\r\n"),
    }
}

pub async fn websocket(port: u16) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let url = format!("ws://board.localhost:{port}/ws");
    tokio_tungstenite::client_async(url, stream).await.unwrap().0
}
