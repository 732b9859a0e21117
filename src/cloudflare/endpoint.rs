//! What an endpoint is for our transport: what the crate says about it, and what the crate has no
//! words for. Most endpoints are a `Call`, made where they are used.

use std::{borrow::Cow, fmt, marker::PhantomData};

use bytes::Bytes;
use cloudflare::framework::{
    endpoint::{Method, RequestBody, spec::EndpointSpec},
    response::{ApiResult, ApiSuccess},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Permission;
use crate::secret::SecretValue;

/// An endpoint, as our transport needs it.
pub(super) trait Endpoint: EndpointSpec {
    /// What the token has to be allowed.
    fn needs(&self) -> &'static [Permission];

    /// A token to send instead of the client's.
    fn token(&self) -> Option<&SecretValue> {
        None
    }

    /// The body, where the crate's form of it would be one more copy.
    fn bytes(&self) -> Option<Bytes> {
        None
    }

    /// True if it does no harm when the request is carried out twice.
    fn is_repeatable(&self) -> bool {
        self.method().is_idempotent()
    }
}

/// A result of any type, since the crate's trait cannot be given to foreign ones.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
#[serde(bound = "T: DeserializeOwned")]
pub(super) struct Answered<T>(pub T);

impl<T: DeserializeOwned + fmt::Debug> ApiResult for Answered<T> {}

/// The endpoint whose result is a `T`. It has no `Debug`: its body may hold secrets.
pub(super) struct Call<T> {
    method: Method,
    path: String,
    query: Option<String>,
    body: Option<(Bytes, Cow<'static, str>)>,
    needs: &'static [Permission],
    token: Option<SecretValue>,
    repeatable: Option<bool>,
    result: PhantomData<fn() -> T>,
}

impl<T> Call<T> {
    /// A call of a path below the base URL, without a slash at the beginning.
    pub fn new(method: Method, path: String, needs: &'static [Permission]) -> Self {
        Self {
            method,
            path,
            query: None,
            body: None,
            needs,
            token: None,
            repeatable: None,
            result: PhantomData,
        }
    }

    /// With these parameters; those that are `None` are left out.
    pub fn query(mut self, parameters: &[(&str, Option<&str>)]) -> Self {
        let set: Vec<_> =
            parameters.iter().filter_map(|(name, value)| value.map(|it| (*name, it))).collect();
        // Pairs of texts can always be written.
        self.query = serde_urlencoded::to_string(set).ok().filter(|query| !query.is_empty());
        self
    }

    /// With a body in JSON.
    pub fn json(self, body: &impl Serialize) -> Self {
        // What is sent has texts as keys, so it can always be written.
        let text = serde_json::to_vec(body).unwrap_or_default();
        self.body(text.into(), Cow::Borrowed("application/json"))
    }

    /// With a body of any type.
    pub fn body(mut self, body: Bytes, kind: Cow<'static, str>) -> Self {
        self.body = Some((body, kind));
        self
    }

    /// With this token instead of the client's.
    pub fn with_token(mut self, token: SecretValue) -> Self {
        self.token = Some(token);
        self
    }

    /// Sent again even if it may have been carried out: a second time changes nothing more.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = Some(true);
        self
    }

    /// Sent again only if it was not carried out, although its method would allow more.
    pub fn once(mut self) -> Self {
        self.repeatable = Some(false);
        self
    }
}

impl<T: DeserializeOwned + fmt::Debug> EndpointSpec for Call<T> {
    type JsonResponse = Answered<T>;
    type ResponseType = ApiSuccess<Answered<T>>;

    fn method(&self) -> Method {
        self.method.clone()
    }

    fn path(&self) -> String {
        self.path.clone()
    }

    fn query(&self) -> Option<String> {
        self.query.clone()
    }

    fn body(&self) -> Option<RequestBody<'_>> {
        self.body.as_ref().map(|(bytes, _)| RequestBody::Raw(bytes.to_vec()))
    }

    fn content_type(&self) -> Option<Cow<'static, str>> {
        self.body.as_ref().map(|(_, kind)| kind.clone())
    }
}

impl<T: DeserializeOwned + fmt::Debug> Endpoint for Call<T> {
    fn needs(&self) -> &'static [Permission] {
        self.needs
    }

    fn token(&self) -> Option<&SecretValue> {
        self.token.as_ref()
    }

    fn bytes(&self) -> Option<Bytes> {
        self.body.as_ref().map(|(bytes, _)| bytes.clone())
    }

    fn is_repeatable(&self) -> bool {
        self.repeatable.unwrap_or_else(|| self.method.is_idempotent())
    }
}

/// A name as one piece of a path: percent-encoded as RFC 3986 has it.
pub(super) fn segment(name: &str) -> String {
    name.bytes().fold(String::new(), |mut encoded, byte| {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_piece_of_the_path() {
        assert_eq!(segment("board-edge_1.a~"), "board-edge_1.a~");
        assert_eq!(segment("../a?b=ü"), "..%2Fa%3Fb%3D%C3%BC");
    }

    #[test]
    fn parameters_that_are_not_set_are_left_out() {
        let call = Call::<()>::new(Method::GET, "zones".into(), &[]);
        assert_eq!(call.query(&[("a", None), ("b", Some("c d"))]).query.unwrap(), "b=c+d");
        let call = Call::<()>::new(Method::GET, "zones".into(), &[]);
        assert_eq!(call.query(&[("a", None)]).query, None);
    }
}
