//! Eyes and hands that do not depend on what is tested: requests as they are, and their answers.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use super::{ARM, Azure, CLIENT_SECRET};

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// Null if there is none.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Reply {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The code of an error.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// A client with a token.
pub struct Client<'a> {
    azure: &'a Azure,
    token: String,
}

impl<'a> Client<'a> {
    /// Signs in with the service principal's secret, for ARM.
    pub fn new(azure: &'a Azure) -> Self {
        Self::of(azure, ARM)
    }

    /// The same, for another audience.
    pub fn of(azure: &'a Azure, audience: &str) -> Self {
        let token = Self::token(azure, audience, &[("client_secret", CLIENT_SECRET)]);
        let token = token.body["access_token"].as_str().expect("a token").to_owned();
        Self { azure, token }
    }

    /// Asks for a token for an audience with a proof of who one is.
    pub fn token(azure: &Azure, audience: &str, proof: &[(&str, &str)]) -> Reply {
        let (tenant, client) = azure.principal();
        let scope = format!("{audience}/.default");
        let mut form =
            vec![("grant_type", "client_credentials"), ("client_id", &client), ("scope", &scope)];
        form.extend_from_slice(proof);
        Self::post_form(azure, &format!("/{tenant}/oauth2/v2.0/token"), &form)
    }

    /// Sends a form.
    pub fn post_form(azure: &Azure, path: &str, form: &[(&str, &str)]) -> Reply {
        let body = serde_urlencoded::to_string(form).expect("a form");
        let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
        send(azure, "POST", path, &[kind], &body)
    }

    /// Sends a request; a path that begins with the address is one that the stand-in gave.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.try_ask(method, path, body).expect("an answer")
    }

    /// The same; nothing if the connection broke.
    pub fn try_ask(&self, method: &str, path: &str, body: &Value) -> Option<Reply> {
        let endpoint = self.azure.endpoint();
        let path = path.strip_prefix(&endpoint).unwrap_or(path);
        let headers = [
            ("authorization", format!("Bearer {}", self.token)),
            ("content-type", "application/json".to_owned()),
        ];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        try_send(self.azure.server.address, method, path, &headers, &body)
    }
}

/// Sends a request to the stand-in.
pub fn send(
    azure: &Azure,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Reply {
    send_to(azure.server.address, method, path, headers, body)
}

/// Sends a request to some server.
pub fn send_to(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Reply {
    try_send(address, method, path, headers, body).expect("an answer")
}

/// The same; nothing if the connection broke. HTTP/1.0 needs no decoding: the end of the connection
/// is the end of the body.
fn try_send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Option<Reply> {
    let mut stream = TcpStream::connect(address).expect("a server answers");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout");
    let length = body.len();
    let mut head =
        format!("{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    write!(stream, "{head}\r\n{body}").expect("the request is taken");
    let mut answer = String::new();
    // One that is reset is as good as one that ends.
    let _ = stream.read_to_string(&mut answer);
    (!answer.is_empty()).then(|| parse(&answer))
}

fn parse(answer: &str) -> Reply {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Reply {
        status: status.expect("an answer has a status"),
        headers: headers.map(|(name, it)| (name.to_lowercase(), it.to_owned())).collect(),
        body: serde_json::from_str(body).unwrap_or_default(),
        text: body.to_owned(),
    }
}
