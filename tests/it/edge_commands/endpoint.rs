//! A stand-in for the Edge's endpoint, which checks the signature as the contract says.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use hyper::{Method, Request};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::server::{Answer, Server};

/// Seconds that the clocks may differ.
const TOLERANCE: i64 = 300;

/// A running endpoint.
pub struct Endpoint {
    server: Server,
    seen: Arc<Mutex<Seen>>,
}

/// What it was told.
#[derive(Default)]
struct Seen {
    nonces: BTreeSet<String>,
    bodies: Vec<Value>,
}

impl Endpoint {
    /// One that knows these keys.
    pub fn with_keys(keys: &'static [&'static str]) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let seen_by_server = Arc::clone(&seen);
        let server = Server::start(move |request| {
            let (status, body) = answer(request, keys, &mut seen_by_server.lock().unwrap());
            Answer { status, headers: Vec::new(), body: body.to_string() }
        });
        Self { server, seen }
    }

    /// One that always answers this.
    pub fn that_answers(status: u16, body: &'static str) -> Self {
        let server =
            Server::start(move |_| Answer { status, headers: Vec::new(), body: body.to_owned() });
        Self { server, seen: Arc::default() }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The purges that it has taken.
    pub fn purges(&self) -> Vec<Value> {
        self.seen.lock().unwrap().bodies.clone()
    }
}

fn answer(request: &Request<Bytes>, keys: &[&str], seen: &mut Seen) -> (u16, Value) {
    let no = |status, why: &str| (status, json!({ "error": why }));
    if request.method() != Method::POST || request.uri().path() != "/__mizan/invalidate" {
        return no(404, "no such path");
    }
    let Some(nonce) = verified(request, keys) else { return no(401, "not signed as it has to be") };
    if !seen.nonces.insert(nonce) {
        return no(409, "this signature was used already");
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let items: Vec<_> = body["invalidate"].as_array().unwrap().iter().map(recorded).collect();
    seen.bodies.push(body);
    (200, json!({"seq": seen.bodies.len(), "epoch": "an epoch", "recorded": items}))
}

fn recorded(item: &Value) -> Value {
    match item.as_str() {
        Some(context) => json!({"context": context, "params": {}}),
        None => item.clone(),
    }
}

/// The nonce, if one of the keys made the signature.
fn verified(request: &Request<Bytes>, keys: &[&str]) -> Option<String> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let (version, fields) = header("mizan-signature")?.split_once(',')?;
    let field = |name: &str| fields.split(',').find_map(|field| field.strip_prefix(name));
    let (time, nonce, signature) = (field("t=")?, field("n=")?, field("s=")?);
    let body = hex(&Sha256::digest(request.body()));
    let text = format!("{version}\n{}\n{time}\n{nonce}\n{body}", header("host")?);
    let is_near = (Timestamp::now().as_second() - time.parse::<i64>().ok()?).abs() <= TOLERANCE;
    let is_signed = keys.iter().any(|key| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes()) == signature
    });
    (version == "v1" && is_near && is_signed).then(|| nonce.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
