//! A question, and how it is told: what may be shown of it is said where it is put together.

use bytes::Bytes;

use crate::http::Method;

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) cookies: Vec<String>,
    pub(super) signed_in: bool,
    pub(super) host: Option<String>,
    told: Vec<String>,
}

impl Question {
    /// A GET.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// Any method.
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            cookies: Vec::new(),
            signed_in: false,
            host: None,
            told: Vec::new(),
        }
    }

    /// With a header that may be shown.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.told.push(format!("{name}: {value}"));
        self.quietly(name, value)
    }

    /// With a header that says nothing about the question, or too much about the visitor.
    #[must_use]
    pub fn quietly(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a cookie; its value is not shown.
    #[must_use]
    pub fn cookie(mut self, name: &str, value: &str) -> Self {
        self.told.push(format!("cookie {name}"));
        self.cookies.push(format!("{name}={value}"));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With the credentials that were given.
    #[must_use]
    pub fn signed_in(mut self, signed_in: bool) -> Self {
        self.signed_in = signed_in;
        if signed_in {
            self.told.push("signed in".to_owned());
        }
        self
    }

    /// With words about what is not shown.
    #[must_use]
    pub fn told(mut self, words: &str) -> Self {
        self.told.push(words.to_owned());
        self
    }

    /// As if it were for another host.
    #[must_use]
    pub fn at_host(mut self, host: &str) -> Self {
        self.told.push(format!("Host: {host}"));
        self.host = Some(host.to_owned());
        self
    }

    /// The request in one line.
    pub fn line(&self) -> String {
        let mut line = format!("{} {}", self.method, self.target);
        if !self.told.is_empty() {
            line += &format!(" ({})", self.told.join(", "));
        }
        line
    }
}
