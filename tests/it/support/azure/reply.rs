//! Answers in the shapes of ARM.

use serde_json::{Value, json};

use crate::support::server::Answer;

/// An answer with a body.
pub fn answer(status: u16, body: &Value) -> Answer {
    let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
    Answer { status, headers, body: body.to_string() }
}

/// An answer without a body.
pub fn empty(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: String::new() }
}

/// All of a list, on one page.
pub fn list(items: Vec<Value>) -> Answer {
    answer(200, &json!({"value": items}))
}

/// An error.
pub fn refusal(status: u16, code: &str, message: &str) -> Answer {
    answer(status, &json!({"error": {"code": code, "message": message}}))
}

/// Nothing is at this id.
pub fn not_found(id: &str) -> Answer {
    refusal(404, "ResourceNotFound", &format!("The Resource '{id}' was not found."))
}

/// Why something is not as it was asked for.
pub fn warning(code: &str, message: &str) -> Value {
    event(code, message, "Warning", 1)
}

/// What has happened so many times.
pub fn event(name: &str, message: &str, kind: &str, count: u32) -> Value {
    let now = jiff::Timestamp::now().to_string();
    json!({"count": count, "firstTimestamp": now, "lastTimestamp": now, "name": name,
           "message": message, "type": kind})
}
