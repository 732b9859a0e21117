//! Servers that say what a test wants, and remember what they were asked.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::{HeaderMap, Request};
use serde_json::{Value, json};

use crate::support::server::{Answer, Server};

/// A request that was heard.
#[derive(Debug, Clone)]
pub struct Heard {
    pub method: String,
    pub path: String,
    pub query: String,
    headers: HeaderMap,
    pub body: String,
}

impl Heard {
    fn new(request: &Request<Bytes>) -> Self {
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
            body: String::from_utf8_lossy(request.body()).into_owned(),
        }
    }

    /// Method and path.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// What a header says; nothing if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// A field of the form in the body, or of the query.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = if self.body.is_empty() { &self.query } else { &self.body };
        let fields: Vec<(String, String)> = serde_urlencoded::from_str(text).unwrap_or_default();
        fields.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// A server of one test.
pub struct Little {
    server: Server,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Little {
    /// Answers each request with what `say` makes of it and of how many like it came before.
    pub fn start(say: impl Fn(&Heard, usize) -> Answer + Send + Sync + 'static) -> Self {
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let all = Arc::clone(&heard);
        let server = Server::start(move |request| {
            let now = Heard::new(request);
            let mut all = all.lock().unwrap();
            let before = all.iter().filter(|it| it.line() == now.line()).count();
            all.push(now.clone());
            drop(all);
            say(&now, before)
        });
        Self { server, heard }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Host and port.
    pub fn host(&self) -> String {
        self.server.address.to_string()
    }

    /// What it was asked, by method and path.
    pub fn lines(&self) -> Vec<String> {
        self.all().iter().map(Heard::line).collect()
    }

    /// What it was asked.
    pub fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// An answer with JSON.
pub fn say(status: u16, body: &Value) -> Answer {
    Answer { status, headers: Vec::new(), body: body.to_string() }
}

/// An answer without a body.
pub fn silence(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: String::new() }
}

/// Entra's answer with a token that says whose it is.
pub fn token(audience: &str) -> Answer {
    let claims = json!({"tid": "tenant", "oid": "object", "aud": audience}).to_string();
    let token = format!("e30.{}.canary-entra-token", BASE64_URL_SAFE_NO_PAD.encode(claims));
    say(200, &json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}))
}
