//! What a service answers when it is asked whether it is healthy, and what to do about it.

use std::time::Duration;

use hyper::StatusCode;

/// What has no health path is watched at least so long for a crash.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);
/// And no longer: what starts slowly may crash later than that, and a deploy does not wait for it.
const LONGEST_WATCH: Duration = Duration::from_secs(10);
/// A worker loads the same app as the web service: it has crashed by this many times the time that
/// the web service took to answer, or it has loaded.
const TIMES_WEB: u32 = 2;

/// How long a service without a health path is watched before it counts as up, if the web service
/// took so long to answer.
pub fn settled_after(web: Duration) -> Duration {
    (web * TIMES_WEB).clamp(SHORTEST_WATCH, LONGEST_WATCH)
}

/// What one request told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// A 2xx answer.
    Healthy,
    /// Another answer: its status and first line.
    Unhealthy(String),
    /// No answer yet.
    Silent(String),
}

impl Health {
    /// What an answer means.
    pub fn of(status: StatusCode, body: &str) -> Self {
        match status.is_success() {
            true => Self::Healthy,
            false => Self::Unhealthy(describe(status, body)),
        }
    }
}

fn describe(status: StatusCode, body: &str) -> String {
    match body.lines().find(|line| !line.trim().is_empty()) {
        // A page says nothing in its first line.
        Some(line) if !line.trim_start().starts_with('<') => {
            let line: String = line.trim().chars().take(160).collect();
            format!("{status}: {line}")
        }
        _ => status.to_string(),
    }
}

/// What to do about a service that never became healthy, by what it answered last.
pub fn advice(last: &str) -> &'static str {
    match last.get(..3) {
        Some("400") => "400 is often ALLOWED_HOSTS: read it from MIZAN_HOSTS",
        Some("301" | "302" | "307" | "308") => {
            "the health path must answer 2xx itself, without a redirect"
        }
        Some("404") => "set services.web.health to a path that exists",
        Some("500") => "the app answers with an error: see the log above",
        _ => {
            "does the app listen on 0.0.0.0 and the port of services.web.port (PORT)? \
             services.web.health_timeout gives it more time"
        }
    }
}
