//! What a tail tells: one event for each request, alarm or schedule that a Worker handled.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::seen::or_default;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailEvent {
    /// When it began; `None` if Cloudflare does not say.
    pub timestamp: Option<Timestamp>,
    /// How it ended: `ok`, `exception`, `exceededCpu`, `canceled`, …
    pub outcome: String,
    /// What the code wrote: level and text.
    pub logs: Vec<(String, String)>,
    /// What the code did not catch: `name: message`.
    pub exceptions: Vec<String>,
    /// The request, if it was one.
    pub request: Option<TailRequest>,
}

/// The request of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailRequest {
    /// Its method.
    pub method: String,
    /// Its URL; Cloudflare hides what looks like a secret.
    pub url: String,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    #[serde(default)]
    outcome: Option<String>,
    #[serde(default)]
    event_timestamp: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    logs: Vec<Log>,
    #[serde(default, deserialize_with = "or_default")]
    exceptions: Vec<Exception>,
    #[serde(default)]
    event: Option<Value>,
}

#[derive(Deserialize)]
struct Log {
    level: String,
    #[serde(default)]
    message: Value,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: Value,
}

#[derive(Deserialize)]
struct Handled {
    request: Asked,
    #[serde(default)]
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Asked {
    method: String,
    url: String,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    status: Option<u16>,
}

impl TailEvent {
    /// Reads a message of a tail.
    ///
    /// # Errors
    /// It is no event.
    pub fn read(message: &[u8]) -> Result<Self, serde_json::Error> {
        let answered: Answered = serde_json::from_slice(message)?;
        let time = answered.event_timestamp;
        Ok(Self {
            timestamp: time.and_then(|time| Timestamp::from_millisecond(time).ok()),
            outcome: answered.outcome.unwrap_or_else(|| "unknown".to_owned()),
            logs: answered.logs.into_iter().map(|log| (log.level, line(&log.message))).collect(),
            exceptions: answered.exceptions.iter().map(exception).collect(),
            request: answered.event.and_then(request),
        })
    }
}

/// The arguments of `console.log`, as the console shows them: apart by blanks, texts as they are.
fn line(message: &Value) -> String {
    match message {
        Value::Array(pieces) => pieces.iter().map(piece).collect::<Vec<_>>().join(" "),
        one => piece(one),
    }
}

fn piece(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn exception(exception: &Exception) -> String {
    match exception.name.as_str() {
        "" => piece(&exception.message),
        name => format!("{name}: {}", piece(&exception.message)),
    }
}

/// The request of an event that is about one: alarms and schedules are not.
fn request(event: Value) -> Option<TailRequest> {
    let handled: Handled = serde_json::from_value(event).ok()?;
    Some(TailRequest {
        method: handled.request.method,
        url: handled.request.url,
        status: handled.response.and_then(|response| response.status),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_read_with_its_logs_and_what_it_threw() {
        let message = json!({
            "outcome": "exception", "scriptName": "board-edge", "eventTimestamp": 1_795_331_789_250_u64,
            "exceptions": [{"name": "TypeError", "message": "x is undefined", "timestamp": 1}],
            "logs": [
                {"level": "log", "message": ["hello", 1, {"a": null}], "timestamp": 1},
                {"level": "error", "message": "text", "timestamp": 2},
            ],
            "event": {
                "request": {"url": "https://board.example/", "method": "GET", "headers": {}},
                "response": {"status": 500},
            },
        });
        let event = TailEvent::read(message.to_string().as_bytes()).unwrap();
        let log = |level: &str, text: &str| (level.to_owned(), text.to_owned());
        assert_eq!(
            event,
            TailEvent {
                timestamp: Some("2026-11-22T07:16:29.25Z".parse().unwrap()),
                outcome: "exception".into(),
                logs: vec![log("log", "hello 1 {\"a\":null}"), log("error", "text")],
                exceptions: vec!["TypeError: x is undefined".into()],
                request: Some(TailRequest {
                    method: "GET".into(),
                    url: "https://board.example/".into(),
                    status: Some(500),
                }),
            }
        );
    }

    #[test]
    fn an_alarm_has_no_request() {
        let message = json!({
            "outcome": "ok", "eventTimestamp": null, "exceptions": null, "logs": null,
            "event": {"scheduledTime": "2026-11-22T06:16:29Z"},
        });
        let event = TailEvent::read(message.to_string().as_bytes()).unwrap();
        assert_eq!((event.outcome.as_str(), event.request, event.timestamp), ("ok", None, None));
        TailEvent::read(b"hello").unwrap_err();
    }
}
