//! A person with a browser, as far as the board needs one: cookies that stay, a CSRF token, a
//! WebSocket.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

/// A person who visits one host, at a port of this machine that DNS would lead to.
#[derive(Clone)]
pub struct Visitor {
    host: String,
    port: u16,
    scheme: &'static str,
    cookies: BTreeMap<String, String>,
    csrf: String,
}

/// What the visitor got.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// Fails the test unless it is a good answer.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// How the Edge came by it: a hit, or why not.
    pub fn cache(&self) -> &str {
        self.headers["cache-status"].to_str().unwrap()
    }
}

impl Visitor {
    pub fn new(host: &str, port: u16) -> Self {
        let (host, cookies, csrf) = (host.to_owned(), BTreeMap::new(), String::new());
        Self { host, port, scheme: "http", cookies, csrf }
    }

    /// One whose browser has a page of this host by HTTPS, which ends on the way.
    pub fn secure(host: &str, port: u16) -> Self {
        Self { scheme: "https", ..Self::new(host, port) }
    }

    /// One whose token somebody made up.
    pub fn forged(host: &str, port: u16) -> Self {
        Self { csrf: "0".repeat(64), ..Self::new(host, port) }
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.send(Request::get(path).body(Full::default()).unwrap()).await
    }

    /// As a page does it, with the token that it was given.
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, String> {
        if self.csrf.is_empty() {
            let answer = self.get("/api/mizan/csrf/").await?;
            if answer.status != StatusCode::OK {
                return Ok(answer);
            }
            self.csrf = answer.json()["csrfToken"].as_str().unwrap().to_owned();
        }
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ORIGIN, format!("{}://{}", self.scheme, self.host))
            .header("x-csrftoken", &self.csrf);
        self.send(request.body(Full::from(body.to_string())).unwrap()).await
    }

    /// Signs in by a session; the token before is void then.
    pub async fn sign_in(&mut self, name: &str, password: &str) {
        let who = json!({"username": name, "password": password});
        self.post("/api/auth/session/", &who).await.unwrap().ok();
        self.csrf.clear();
    }

    pub async fn comment(&mut self, post: u32, text: &str) -> Result<Answer, String> {
        let params = json!({"post_id": post, "text": text});
        let call = json!({"function": "add_comment", "params": params});
        self.post("/api/mizan/call/", &call).await
    }

    /// A connection of its own for each request: what a proxy may do to kept ones is tested elsewhere.
    async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let text = |error: hyper::Error| format!("{error:?}");
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.parse().unwrap());
        if !self.cookies.is_empty() {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            let pairs = pairs.collect::<Vec<_>>().join("; ");
            headers.insert(header::COOKIE, pairs.parse().unwrap());
        }
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.map_err(text)?.into_parts();
        let bytes = body.collect().await.map_err(text)?.to_bytes();
        for cookie in head.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { status: head.status, headers: head.headers, text })
    }

    /// A WebSocket to the board's channels.
    pub async fn socket(&self) -> Socket {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let url = format!("ws://{}/ws/mizan/", self.host);
        Socket(tokio_tungstenite::client_async(url, stream).await.unwrap().0)
    }
}

/// A WebSocket of the board's.
pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    pub async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn hear(&mut self) -> Value {
        let message = self.0.next().await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }
}
