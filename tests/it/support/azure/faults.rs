//! What can go wrong with a call.

use super::reply;
use crate::support::server::Answer;

/// A fault of one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This answer instead of what was asked for.
    Instead(Answer),
    /// It is done, but the answer says otherwise.
    AnswerLost,
    /// The operation that it begins ends with this reason.
    Fails { code: &'static str, message: &'static str },
    /// The operation that it begins never ends.
    NeverEnds,
}

impl Fault {
    /// There were too many calls; the next one may come after so many seconds.
    pub fn throttled(seconds: u32) -> Self {
        let message = format!("The request was throttled. Retry after {seconds} seconds.");
        let answer = reply::refusal(429, "TooManyRequests", &message);
        Self::Instead(answer.with("retry-after", seconds.to_string()))
    }
}
