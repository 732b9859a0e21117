//! Repeats a request that Azure could not take or answer: how often, and with which pauses.

use std::time::Duration;

use bytes::Bytes;

use super::{ApiError, Refusal};
use crate::{
    error::{Error, ErrorKind, Result},
    http::{HttpError, Response, header},
};

/// How often a request is sent at most.
const ATTEMPTS: u32 = 6;
/// The pause before the second attempt; it doubles from there.
const PAUSE: Duration = Duration::from_millis(300);
/// The longest pause, whoever asks for it: Resource Manager counts by the minute.
const LONGEST: Duration = Duration::from_secs(60);

/// The attempts at one request. One whose answer got lost is sent again too: callers mean "ensure".
#[derive(Debug)]
pub struct Attempts<'a> {
    what: &'a str,
    made: u32,
}

impl<'a> Attempts<'a> {
    /// None was made yet. `what` the request does is told in errors.
    pub fn new(what: &'a str) -> Self {
        Self { what, made: 0 }
    }

    /// What an attempt came to; `None` if there should be another one, after a pause that is over.
    pub async fn judge(
        &mut self,
        attempt: Result<Response<Bytes>, HttpError>,
    ) -> Option<Result<Response<Bytes>, ApiError>> {
        let (error, asked) = match attempt {
            Ok(answer) if answer.status().is_success() => return Some(Ok(answer)),
            Ok(answer) => {
                let refusal = Refusal::read(self.what, answer.status(), answer.body());
                (ApiError::Refused(refusal), retry_after(&answer))
            }
            Err(error) => (ApiError::Failed(unheard(self.what, &error)), None),
        };
        let passing = match &error {
            ApiError::Refused(refusal) => refusal.is_passing(),
            ApiError::Failed(_) => true,
        };
        self.made += 1;
        if !passing || self.made >= ATTEMPTS {
            return Some(Err(error));
        }
        tokio::time::sleep(pause_after(self.made, asked)).await;
        None
    }
}

/// What Azure asks for, else twice the last pause, give or take: not everybody at once.
fn pause_after(attempt: u32, asked: Option<Duration>) -> Duration {
    let doubled = PAUSE * 2_u32.pow(attempt - 1);
    asked.unwrap_or_else(|| doubled.mul_f64(rand::random_range(0.5..1.5))).min(LONGEST)
}

fn unheard(what: &str, error: &HttpError) -> Error {
    let message = format!("Azure gave no answer to {what}");
    Error::new(ErrorKind::Unavailable, message).because(error)
}

/// The seconds of a `Retry-After` header.
pub(super) fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azures_own_wish_counts_but_not_for_ever() {
        let asked = |seconds| pause_after(1, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(0), Duration::ZERO);
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(3600), LONGEST);
    }

    #[test]
    fn without_one_the_pauses_grow() {
        for attempt in 1..ATTEMPTS {
            let doubled = PAUSE * 2_u32.pow(attempt - 1);
            let pause = pause_after(attempt, None);
            assert!(pause >= doubled / 2 && pause <= doubled * 2, "{attempt}: {pause:?}");
        }
    }
}
