//! The answers that the front gives itself: short, plain, never cached.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};

/// The body of every answer, its own or passed on.
pub(super) type Body = BoxBody<Bytes, hyper::Error>;

/// A plain page that says why there is no other.
pub(super) fn page(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::from(text).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let set = |headers: &mut hyper::HeaderMap, name, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(headers, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    set(headers, header::CACHE_CONTROL, "no-store");
    if status.is_server_error() {
        set(headers, header::RETRY_AFTER, "2");
    }
    response
}
