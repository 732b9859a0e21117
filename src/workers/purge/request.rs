//! The request to the Edge, and what its answers mean.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use hyper::http::uri::Authority;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Invalidation, PURGE_KEY,
    signature::{HEADER, Signed},
};
use crate::{
    error::{Context as _, Error, ErrorKind, Result},
    http::{Http, HttpError, Method, Request, Response, StatusCode, Uri, header},
    secret::SecretValue,
    workers::{cloud, files::hex},
};

/// Where an Edge hears of changes. No app has paths below `/__mizan/`.
const PATH: &str = "/__mizan/invalidate";
/// Bytes of a nonce.
const NONCE: usize = 16;
/// How much of an answer that is not the Edge's an error shows.
const SHOWN: usize = 200;

/// What an Edge answers when it has written down what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// The sequence number of the newest record.
    pub seq: u64,
    /// Of which log.
    pub epoch: String,
    /// What was written down: what an Edge cannot tell apart is wider than what it was told.
    #[serde(default)]
    pub recorded: Vec<Recorded>,
}

/// What an Edge has written down as changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The context; `*` is all of them.
    pub context: String,
    /// The values that tell its entries apart; none is all of them.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Invalidation::of(&self.context, &self.params).fmt(f)
    }
}

/// Tells the Edge at a public URL.
///
/// # Errors
/// It cannot be reached or refuses; the kinds tell a wrong key from an Edge that is away.
pub async fn send(
    http: &Http,
    public_url: &str,
    key: &SecretValue,
    items: &[Invalidation],
) -> Result<Purged> {
    let host = authority(public_url)?;
    let request = request(&host, public_url, key, items)?;
    let answer = http.fetch(request).await.map_err(|error| unreached(public_url, &error))?;
    match answer.status() {
        StatusCode::OK => read(public_url, &answer),
        _ => Err(refused(public_url, &answer)),
    }
}

fn authority(public_url: &str) -> Result<Authority> {
    let url: Uri = public_url
        .parse()
        .context(ErrorKind::Failed, || format!("{public_url:?} is no URL to send a purge to"))?;
    let authority = url.authority().cloned();
    authority.ok_or_else(|| Error::failed(format!("{public_url:?} has no host")))
}

fn request(
    host: &Authority,
    public_url: &str,
    key: &SecretValue,
    items: &[Invalidation],
) -> Result<Request<Bytes>> {
    let body = json!({ "invalidate": items }).to_string();
    let nonce = hex(&rand::random::<[u8; NONCE]>());
    let signed = Signed { host: host.as_str(), time: Timestamp::now().as_second(), nonce: &nonce };
    let signature = signed.header(key, body.as_bytes());
    Request::builder()
        .method(Method::POST)
        .uri(format!("{}{PATH}", base(host, public_url)))
        .header(header::HOST, host.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(HEADER, signature)
        .body(Bytes::from(body))
        .context(ErrorKind::Failed, || format!("cannot send a purge to {public_url}"))
}

/// Where the connection goes: not every resolver knows the names below `localhost`.
/// (RFC 6761, 6.3)
fn base(host: &Authority, public_url: &str) -> String {
    let name = host.host();
    if name == "localhost" || name.ends_with(".localhost") {
        let port = host.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        return format!("http://127.0.0.1{port}");
    }
    match public_url.starts_with("https://") {
        true => cloud::base(host.as_str()),
        false => public_url.trim_end_matches('/').to_owned(),
    }
}

fn read(public_url: &str, answer: &Response<Bytes>) -> Result<Purged> {
    serde_json::from_slice(answer.body()).context(ErrorKind::Failed, || {
        format!("{public_url} has answered, but not as an Edge does; nothing was purged")
    })
}

fn unreached(public_url: &str, error: &HttpError) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot reach the edge at {public_url}"))
        .because(error)
        .hint("run the same command again: what is purged twice takes no harm")
}

fn refused(public_url: &str, answer: &Response<Bytes>) -> Error {
    let reason = reason(answer);
    let error = |kind, message: &str| {
        let error = Error::new(kind, format!("{message} ({public_url})"));
        reason.iter().fold(error, |error, reason| error.cause(reason))
    };
    match answer.status().as_u16() {
        400 => error(ErrorKind::Failed, "the edge does not understand the purge")
            .hint("deploy with this version of mizan: the Edge may be of an earlier one"),
        401 => error(ErrorKind::Denied, "the edge does not accept the key or the time")
            .hint(format!("`mizan deploy` brings the value that {PURGE_KEY} has now to the Edge"))
            .hint("the clock of this machine must be right"),
        404 => error(ErrorKind::Failed, "the edge has no key for purges")
            .hint("`mizan deploy` brings it there"),
        409 => error(ErrorKind::Failed, "the edge has had this very request already"),
        503 => error(ErrorKind::Unavailable, "the edge cannot write down what changed just now")
            .hint("run the same command again"),
        status => error(ErrorKind::Failed, &format!("the edge answers {status} to the purge")),
    }
}

/// The reason in the Edge's own words, if the answer is one of its short texts.
fn reason(answer: &Response<Bytes>) -> Option<String> {
    #[derive(Deserialize)]
    struct Reason {
        #[serde(alias = "reason")]
        error: String,
    }
    if let Ok(Reason { error }) = serde_json::from_slice(answer.body()) {
        return Some(error);
    }
    let text: String = String::from_utf8_lossy(answer.body()).chars().take(SHOWN).collect();
    let text = text.trim();
    (!text.is_empty() && !text.starts_with('<')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connects(public_url: &str) -> String {
        base(&authority(public_url).unwrap(), public_url)
    }

    #[test]
    fn names_below_localhost_are_this_machine() {
        assert_eq!(connects("http://board.localhost:8123"), "http://127.0.0.1:8123");
        assert_eq!(connects("http://edge.example.com/"), "http://edge.example.com");
    }

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
    }

    #[test]
    fn refusals_have_the_kinds_that_scripts_go_by() {
        let kind = |status| refused("https://a.example", &answer(status, "")).kind;
        let kinds: Vec<_> = [400, 401, 404, 409, 500, 503].map(kind).into();
        use ErrorKind::{Denied, Failed, Unavailable};
        assert_eq!(kinds, [Failed, Denied, Failed, Failed, Failed, Unavailable]);
    }

    #[test]
    fn the_edges_own_reason_is_told_and_a_page_is_not() {
        assert_eq!(reason(&answer(400, "no list\n")).as_deref(), Some("no list"));
        assert_eq!(reason(&answer(400, r#"{"error": "no list"}"#)).as_deref(), Some("no list"));
        assert_eq!(reason(&answer(404, "<!doctype html>")), None);
        assert_eq!(reason(&answer(404, "")), None);
    }
}
