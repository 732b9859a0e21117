//! Which request goes to which part of the API, and what comes before all of them: the token,
//! interruptions, the log.

use bytes::Bytes;
use hyper::{Request, header};
use serde_json::Value;

use super::{Answer, State, TOKEN, dns, zones};

/// A request, taken apart.
pub struct Call {
    pub method: String,
    /// The path below `/client/v4/`, in pieces.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    fn new(request: &Request<Bytes>) -> Option<Self> {
        let path = request.uri().path().strip_prefix("/client/v4/")?;
        let query = request.uri().query().unwrap_or_default();
        Some(Self {
            method: request.method().to_string(),
            path: path.split('/').map(str::to_owned).collect(),
            query: serde_urlencoded::from_str(query).ok()?,
            body: request.body().clone(),
        })
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Answer> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Answer::error(400, 9207, "Request body is invalid."))
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Refuses parameters that the vendor does not document: here they are a mistake of ours.
    pub fn allow_parameters(&self, allowed: &[&str]) -> Result<(), Answer> {
        match self.query.iter().find(|(key, _)| !allowed.contains(&key.as_str())) {
            Some((key, _)) => Err(Answer::error(400, 1001, &format!("unknown parameter {key}"))),
            None => Ok(()),
        }
    }
}

/// Serves one request.
pub fn serve(state: &mut State, request: &Request<Bytes>) -> Answer {
    let target = request.uri().path_and_query().map_or("", |it| it.as_str());
    state.log.push(format!(
        "{} {}",
        request.method(),
        target.strip_prefix("/client/v4/").unwrap_or(target)
    ));
    match next_interruption(state, request.method().is_safe()) {
        None => checked(state, request),
        Some((instead, false)) => instead,
        Some((instead, true)) => {
            checked(state, request);
            instead
        }
    }
}

/// The loss of an answer waits for a request that changes something.
fn next_interruption(state: &mut State, safe: bool) -> Option<(Answer, bool)> {
    let fits = |(_, served): &(Answer, bool)| !(*served && safe);
    state.interruptions.first().is_some_and(fits).then(|| state.interruptions.remove(0))
}

fn checked(state: &mut State, request: &Request<Bytes>) -> Answer {
    let authorization = request.headers().get(header::AUTHORIZATION);
    match authorization.and_then(|value| value.to_str().ok()) {
        Some(value) if value == format!("Bearer {TOKEN}") => {}
        Some(_) => return Answer::error(403, 9109, "Invalid access token"),
        None => return Answer::error(400, 9106, "Authentication failed"),
    }
    match Call::new(request) {
        Some(call) => route(state, &call).unwrap_or_else(|refusal| refusal),
        None => no_route(),
    }
}

fn route(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let path: Vec<_> = call.path.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["zones"]) => zones::list(state, call),
        ("GET", ["zones", zone, "dns_records"]) => dns::list(state, zone, call),
        ("POST", ["zones", zone, "dns_records"]) => dns::create(state, zone, call),
        ("PUT", ["zones", zone, "dns_records", id]) => dns::update(state, zone, id, call),
        ("DELETE", ["zones", zone, "dns_records", id]) => dns::delete(state, zone, id),
        _ => Err(no_route()),
    }
}

fn no_route() -> Answer {
    Answer::error(400, 7000, "No route for that URI")
}
