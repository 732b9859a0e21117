//! Time as the engine and the targets see it: injected, so that no test waits for a real second.

use std::{future::Future, pin::Pin, time::Duration};

use tokio::time::Instant;

/// A future that borrows its clock.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A clock that only moves forward.
pub trait Clock {
    /// The time since an origin of the clock's choosing.
    fn now(&self) -> Duration;

    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;
}

/// The clock of this machine; its origin is its creation.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock for tests: it stands still, except that a sleep moves it by its length at once. So a
/// deadline beats whatever does not answer at its first poll.
#[cfg(test)]
#[derive(Debug, Default)]
pub struct FakeClock {
    now: std::cell::Cell<Duration>,
}

#[cfg(test)]
impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(async move {
            self.now.set(self.now.get() + duration);
            // Others get their turn, as they would during a real sleep.
            tokio::task::yield_now().await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fake_clock_moves_by_the_length_of_its_sleeps() {
        let clock = FakeClock::default();
        clock.sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), Duration::from_secs(90));
    }
}
