//! A question and its answer, as rules see them. What is told of them holds no credential.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::Value;

use super::report::{Evidence, Objection};
use crate::http::{HeaderMap, StatusCode, header};

/// The longest piece of an answer that is shown.
const SHOWN: usize = 80;

/// What was asked, and what came back.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request in one line.
    pub request: String,
    /// The answer, or why there is none.
    pub answer: Result<Answer, String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The same question asked twice, the second time with a difference that should not matter.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Without the difference.
    pub plain: Exchange,
    /// With it.
    pub other: Exchange,
    /// The data changed each time between the two: then a difference tells nothing.
    pub is_restless: bool,
}

/// What was asked, or why not.
pub type Asked<T> = Result<T, String>;

impl Exchange {
    /// The answer.
    ///
    /// # Errors
    /// There is none, which breaks any rule about it.
    pub fn answer(&self) -> Result<&Answer, Objection> {
        self.answer.as_ref().map_err(|error| self.broken(error.clone()))
    }

    /// What breaks a rule.
    pub fn broken(&self, saw: impl Into<String>) -> Objection {
        Objection::Broken(self.evidence(saw))
    }

    /// What is not as the schema has it.
    pub fn drifted(&self, saw: impl Into<String>) -> Objection {
        Objection::Drifted(self.evidence(saw))
    }

    fn evidence(&self, saw: impl Into<String>) -> Evidence {
        Evidence { request: self.request.clone(), saw: saw.into() }
    }
}

impl Answer {
    /// A header, its lines joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.headers.get_all(name).iter().collect();
        let texts = lines.iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        (!lines.is_empty()).then(|| texts.collect::<Vec<_>>().join(", "))
    }

    /// True if a cache on the way says that it has answered (RFC 9211).
    pub fn is_from_store(&self) -> bool {
        let status = self.header("Cache-Status").unwrap_or_default();
        status.split([';', ',']).any(|word| word.trim() == "hit")
    }

    /// The directives of Cache-Control with their values.
    pub fn cache_control(&self) -> BTreeMap<String, String> {
        let header = self.header(header::CACHE_CONTROL.as_str()).unwrap_or_default();
        let parts = header.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned())
            })
            .collect()
    }

    /// True if no cache may keep it.
    pub fn is_no_store(&self) -> bool {
        self.cache_control().contains_key("no-store")
    }

    /// The names in Vary, in lower case.
    pub fn vary(&self) -> BTreeSet<String> {
        let header = self.header(header::VARY.as_str()).unwrap_or_default();
        let names = header.split(',').map(|name| name.trim().to_ascii_lowercase());
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The names of the cookies that it sets.
    pub fn cookies(&self) -> Vec<String> {
        self.set_cookies().map(|(name, _)| name).collect()
    }

    /// The cookies that it sets, with their values.
    pub fn set_cookies(&self) -> impl Iterator<Item = (String, String)> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        let texts = lines.filter_map(|line| line.to_str().ok());
        texts.filter_map(|line| {
            let (name, value) = line.split(';').next()?.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
    }

    /// The body as JSON, if it says that it is.
    pub fn json(&self) -> Option<Value> {
        let kind = self.header(header::CONTENT_TYPE.as_str())?;
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_json = kind == "application/json" || kind.ends_with("+json");
        is_json.then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// True for 4xx.
    pub fn is_refusal(&self) -> bool {
        self.status.is_client_error()
    }

    /// The status, and these headers.
    pub fn told(&self, headers: &[&str]) -> String {
        let mut told = self.status.to_string();
        for name in headers {
            match self.header(name) {
                Some(value) => told += &format!(", {name}: {}", short(&value)),
                None => told += &format!(", no {name}"),
            }
        }
        told
    }
}

/// The beginning of a text that may be long.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where two bodies part, in one line.
pub fn difference(one: &[u8], other: &[u8]) -> String {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let around = |body: &[u8]| {
        let begin = same.saturating_sub(SHOWN / 4);
        let end = (same + SHOWN / 2).min(body.len());
        String::from_utf8_lossy(body.get(begin..end).unwrap_or_default()).into_owned()
    };
    format!("different from byte {same} on: {:?} and {:?}", around(one), around(other))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An exchange for tests of rules.
    pub fn exchange(status: u16, headers: &[(&'static str, &str)], body: &str) -> Exchange {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: map, body: Bytes::copy_from_slice(body.as_bytes()) };
        Exchange { request: "GET /".into(), answer: Ok(answer) }
    }

    #[test]
    fn headers_are_read_as_caches_read_them() {
        let headers = [
            ("cache-control", "Public, max-age=\"60\""),
            ("cache-control", "stale-while-revalidate=300"),
            ("vary", "Cookie,authorization"),
            ("set-cookie", "a=1; Path=/"),
            ("content-type", "application/json; charset=utf-8"),
        ];
        let answer = exchange(200, &headers, "{}").answer.unwrap();
        let directives: Vec<_> = answer.cache_control().into_iter().collect();
        let expected = [("max-age", "60"), ("public", ""), ("stale-while-revalidate", "300")];
        assert_eq!(directives, expected.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(answer.vary(), ["authorization", "cookie"].map(Into::into).into());
        assert_eq!(answer.cookies(), ["a"]);
        assert!(answer.json().is_some());
        assert!(!answer.is_no_store());
    }

    #[test]
    fn a_difference_is_shown_where_it_begins() {
        let told = difference(b"{\"at\":\"10:00\"}", b"{\"at\":\"11:00\"}");
        assert!(told.starts_with("different from byte 8 on"), "{told}");
        assert_eq!(difference(b"a", b"ab"), "different from byte 1 on: \"a\" and \"ab\"");
    }
}
