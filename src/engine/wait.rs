//! Waiting: look, judge, sleep, until a pure condition over what was seen is met or time is up.

use std::time::Duration;

use super::{Clock, StepContext};
use crate::error::{Error, ErrorKind, Result};

/// What a look at the world means for the one who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<T> {
    /// The condition is met, with what was learnt.
    Met(T),
    /// Not yet; the text says what was seen ("/healthz answers 502").
    Waiting(String),
    /// It can no longer be met ("the container stopped with code 1"): waiting on is pointless.
    Failed(Error),
}

/// How long and how often to look for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// What is waited for, as it follows "waiting for": "service web to be healthy".
    pub what: String,
    /// When to give up.
    pub timeout: Duration,
    /// The pause between two looks.
    pub interval: Duration,
}

impl Wait {
    /// Looks with `observe` and asks `judge` until the condition is met, can no longer be met,
    /// time is up, or the run is cancelled. A failure carries what was seen last as its cause.
    pub async fn until<W, T>(
        &self,
        clock: &dyn Clock,
        context: &StepContext<'_>,
        mut observe: impl AsyncFnMut() -> Result<W>,
        judge: impl Fn(W) -> Verdict<T>,
    ) -> Result<T> {
        let deadline = clock.now() + self.timeout;
        let mut last = None;
        loop {
            let left = deadline.saturating_sub(clock.now());
            // Whoever answers at once is heard, whatever the clock says: hence the bias.
            let seen = tokio::select! {
                biased;
                seen = observe() => seen?,
                () = context.cancel.cancelled() => return Err(self.interrupted(last)),
                () = clock.sleep(left) => return Err(self.timed_out(last)),
            };
            match judge(seen) {
                Verdict::Met(found) => return Ok(found),
                Verdict::Failed(error) => return Err(error),
                Verdict::Waiting(text) => {
                    if last.as_ref() != Some(&text) {
                        context.progress(format!("waiting for {}: {text}", self.what));
                    }
                    last = Some(text);
                }
            }
            let left = deadline.saturating_sub(clock.now());
            if left.is_zero() {
                return Err(self.timed_out(last));
            }
            tokio::select! {
                biased;
                () = context.cancel.cancelled() => return Err(self.interrupted(last)),
                () = clock.sleep(self.interval.min(left)) => {}
            }
        }
    }

    fn timed_out(&self, last: Option<String>) -> Error {
        let seconds = self.timeout.as_secs_f64();
        let error = Error::failed(format!("waited {seconds} s for {}", self.what));
        with_last(error, last)
    }

    fn interrupted(&self, last: Option<String>) -> Error {
        let message = format!("interrupted while waiting for {}", self.what);
        with_last(Error::new(ErrorKind::Interrupted, message), last)
    }
}

fn with_last(error: Error, last: Option<String>) -> Error {
    error.cause(last.as_deref().unwrap_or("there was no answer at all"))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        engine::{Event, FakeClock, Outputs},
        plan::StepId,
    };

    fn wait() -> Wait {
        Wait {
            what: "service web to be healthy".into(),
            timeout: Duration::from_secs(10),
            interval: Duration::from_secs(3),
        }
    }

    /// Waits for the answer 200 from the given ones; the last is repeated for ever.
    async fn healthy(answers: &[u16], cancel: CancellationToken) -> (Result<u16>, Vec<String>) {
        let clock = FakeClock::default();
        let said = RefCell::new(Vec::new());
        let sink = |event: Event| {
            if let Event::StepProgress { message, .. } = event {
                said.borrow_mut().push(message);
            }
        };
        let id = StepId::new("service", "web");
        let context = StepContext { id, outputs: Outputs::new(), cancel, events: &sink };
        let mut rest = answers.iter().copied();
        let mut answer = rest.next().unwrap_or(0);
        let observe = async || {
            let now = answer;
            answer = rest.next().unwrap_or(answer);
            Ok(now)
        };
        let judge = |seen| match seen {
            200 => Verdict::Met(seen),
            500 => Verdict::Failed(Error::failed("the container stopped with code 1")),
            other => Verdict::Waiting(format!("/healthz answers {other}")),
        };
        let result = wait().until(&clock, &context, observe, judge).await;
        (result, said.into_inner())
    }

    #[tokio::test]
    async fn it_tells_what_it_sees_once_per_change() {
        let (result, said) = healthy(&[502, 502, 503, 200], CancellationToken::new()).await;
        assert_eq!(result, Ok(200));
        assert_eq!(
            said,
            [
                "waiting for service web to be healthy: /healthz answers 502",
                "waiting for service web to be healthy: /healthz answers 503",
            ]
        );
    }

    #[tokio::test]
    async fn time_being_up_is_told_with_what_was_seen_last() {
        let (result, _) = healthy(&[502], CancellationToken::new()).await;
        let text = result.err().map(|error| error.to_string());
        let expected = "waited 10 s for service web to be healthy: /healthz answers 502";
        assert_eq!(text.as_deref(), Some(expected));
    }

    #[tokio::test]
    async fn what_cannot_come_any_more_is_not_waited_for() {
        let (result, _) = healthy(&[502, 500], CancellationToken::new()).await;
        assert_eq!(result, Err(Error::failed("the container stopped with code 1")));
    }

    #[tokio::test]
    async fn a_cancelled_wait_ends_early_and_says_so() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let (result, _) = healthy(&[502], cancel).await;
        assert_eq!(result.err().map(|error| error.kind), Some(ErrorKind::Interrupted));
    }

    #[tokio::test]
    async fn a_look_that_never_ends_is_bounded_too() {
        let clock = FakeClock::default();
        let sink = |_: Event| {};
        let context = StepContext {
            id: StepId::new("service", "web"),
            outputs: Outputs::new(),
            cancel: CancellationToken::new(),
            events: &sink,
        };
        let never = async || std::future::pending::<Result<()>>().await;
        let result = wait().until(&clock, &context, never, Verdict::Met).await;
        let text = result.err().map(|error| error.to_string());
        let expected = "waited 10 s for service web to be healthy: there was no answer at all";
        assert_eq!(text.as_deref(), Some(expected));
    }
}
