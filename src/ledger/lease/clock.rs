//! Time as a lease needs it: it must go on while the machine sleeps, and tests move it by hand.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// A clock that moves forward only, and by as much as the world's.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time since an origin of the clock's choosing; what happens while the machine is
    /// suspended counts.
    fn now(&self) -> Duration;

    /// What people read on the wall. Nothing is decided by it.
    fn wall(&self) -> Timestamp;

    /// Ends after `duration`, or later if the machine was suspended.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemClock;

/// Linux stops its monotonic clock while the machine is suspended, macOS does not.
#[cfg(target_os = "linux")]
const STEADY: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const STEADY: ClockId = ClockId::Monotonic;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        let now = clock_gettime(STEADY);
        let whole = u64::try_from(now.tv_sec).unwrap_or_default();
        Duration::new(whole, u32::try_from(now.tv_nsec).unwrap_or_default())
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
