//! A lock that is a lease in an object store, for runs on machines that share nothing else.
//!
//! The holder renews it while it works; a lease that is not renewed runs out and anybody may take
//! it. Only the store's clock decides whether it has: the file's age is what the store says now
//! less what it said when it took the file. No two machines' clocks are ever compared. The whole
//! reasoning is in `docs/decisions/ledger-lock.md`.

mod clock;
mod guard;
mod kernel;
mod register;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use object_store::{ObjectStore, UpdateVersion};

pub use guard::LeaseGuard;
pub use register::LOCK as LOCK_FILE;

use self::{
    clock::{Clock, SystemClock},
    guard::Holding,
    register::{Held, Lease, Register, Seen, Swap},
};
use super::lock::{Claim, Holder};
use crate::error::{Error, ErrorKind, Result};

/// How long a lease holds after the store has taken it.
const LEASE: Duration = Duration::from_secs(60);
/// How often it is renewed: three renewals may fail before it runs out.
const RENEW: Duration = Duration::from_secs(15);
/// How long one renewal may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The pause after a renewal that failed.
const RETRY: Duration = Duration::from_secs(3);
/// How long before its end the holder stops to rely on it: the write that a check allowed must
/// have reached the platform by then.
const MARGIN: Duration = Duration::from_secs(10);
/// How much older than a lease the file must be before another takes it: stores count whole
/// seconds, and are more than one machine.
const SLACK: Duration = Duration::from_secs(5);
/// How long a holder from whom the lock was taken by force may need to notice it.
const NOTICE: Duration = Duration::from_secs(RENEW.as_secs() + ATTEMPT.as_secs());
/// How often one who waits looks again.
const POLL: Duration = Duration::from_secs(2);
/// How often one may be overtaken by others before something must be wrong.
const RACES: usize = 20;

/// The lock of one environment, kept in its ledger.
#[derive(Debug, Clone)]
pub struct LeaseLock {
    register: Register,
    what: String,
    clock: Arc<dyn Clock>,
    /// Where our own process number is from.
    kernel: Option<String>,
}

impl LeaseLock {
    /// The lock of `what` ("board in environment production") in `store`; `place` is what errors
    /// put before the names of its files.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        place: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        let register = Register { store, place: place.into() };
        Self { register, what: what.into(), clock: Arc::new(SystemClock), kernel: kernel::this() }
    }

    /// Takes the lock. If another holds it, waits for at most `wait`, or not at all; one whose
    /// holder is gone is taken as soon as its lease has run out, or at once if that was a process
    /// of this machine.
    ///
    /// # Errors
    /// Another holds it, or the store cannot be reached.
    pub async fn acquire(&self, claim: Claim, wait: Option<Duration>) -> Result<LeaseGuard> {
        let deadline = self.clock.now() + wait.unwrap_or_default();
        let mut watch = Watch::default();
        let mut races = 0;
        loop {
            let seen = self.register.read().await?;
            if let Some(held) = holding(seen.as_ref()) {
                let age = self.age(&mut watch, seen.as_ref()).await?;
                if age < self.lasts(held) {
                    if self.clock.now() >= deadline {
                        return Err(self.contended(held, age));
                    }
                    self.clock.sleep(POLL).await;
                    continue;
                }
            }
            if let Some(guard) = self.take(seen, &claim).await? {
                return Ok(guard);
            }
            races += 1;
            if races == RACES {
                return Err(self.locked().cause("others were faster every time"));
            }
        }
    }

    /// Who holds the lock now, if anybody does; a lease that has run out is nobody's.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn holder(&self) -> Result<Option<Holder>> {
        let seen = self.register.read().await?;
        let Some(held) = holding(seen.as_ref()) else { return Ok(None) };
        let age = self.age(&mut Watch::default(), seen.as_ref()).await?;
        let fencing = seen.as_ref().map_or(0, |seen| seen.lease.fencing);
        Ok((age < self.lasts(held)).then(|| Holder { claim: held.claim.clone(), fencing }))
    }

    /// Takes the lock away from whoever holds it, on behalf of `claim`, and frees it. Returns who
    /// held it.
    ///
    /// If that one may still be at work, the lock is kept until it must have noticed: whoever
    /// comes next finds it stopped.
    ///
    /// # Errors
    /// The store cannot be reached, or another took the lock by force meanwhile.
    pub async fn force_release(&self, claim: Claim) -> Result<Option<Holder>> {
        for _ in 0..RACES {
            let seen = self.register.read().await?;
            let Some(held) = holding(seen.as_ref()).cloned() else { return Ok(None) };
            let age = self.age(&mut Watch::default(), seen.as_ref()).await?;
            let fencing = seen.as_ref().map_or(0, |seen| seen.lease.fencing);
            if let Some(guard) = self.take(seen, &claim).await? {
                if age < self.lasts(&held) {
                    self.clock.sleep(NOTICE).await;
                    guard.check().await?;
                }
                guard.release().await?;
                return Ok(Some(Holder { claim: held.claim, fencing }));
            }
        }
        Err(self.locked().cause("it changes hands all the time"))
    }

    /// Puts us in the place of what was seen; `None` if somebody was faster.
    async fn take(&self, seen: Option<Seen>, claim: &Claim) -> Result<Option<LeaseGuard>> {
        let fencing = seen.as_ref().map_or(0, |seen| seen.lease.fencing) + 1;
        let held = Held {
            claim: claim.clone(),
            kernel: self.kernel.clone(),
            lease_seconds: LEASE.as_secs(),
            expires: self.clock.wall() + LEASE,
        };
        let mark = format!("{:032x}", rand::random::<u128>());
        let lease = Lease { fencing, mark, held: Some(held.clone()) };
        let sent = self.clock.now();
        match self.register.swap(seen.as_ref().map(|seen| &seen.version), &lease).await? {
            Swap::Theirs(_) => Ok(None),
            Swap::Ours(version) => {
                let holding = Holding::new(self.clone(), lease, held, version, sent);
                Ok(Some(LeaseGuard::start(holding)))
            }
        }
    }

    /// The age of what was seen. The store is asked once for each version of the file; our own
    /// clock counts on from there.
    async fn age(&self, watch: &mut Watch, seen: Option<&Seen>) -> Result<Duration> {
        let Some(seen) = seen else { return Ok(Duration::ZERO) };
        if watch.version.as_ref() != Some(&seen.version) {
            let age = self.register.age(seen).await?;
            // Counted from the answer on: the age is never thought higher than it is.
            let at = self.clock.now();
            *watch = Watch { version: Some(seen.version.clone()), age, at };
        }
        Ok(watch.age + self.clock.now().saturating_sub(watch.at))
    }

    /// How old the file gets before its holder has lost it. Of a process of this machine that is
    /// gone we know that it will not come back.
    fn lasts(&self, held: &Held) -> Duration {
        let ours = self.kernel.is_some() && held.kernel == self.kernel;
        if ours && !held.claim.is_alive() {
            return Duration::ZERO;
        }
        Duration::from_secs(held.lease_seconds).saturating_add(SLACK)
    }

    fn contended(&self, held: &Held, age: Duration) -> Error {
        let left = self.lasts(held).saturating_sub(age).as_secs();
        self.locked()
            .cause(&held.claim)
            .hint(format!(
                "wait until it has ended (`--wait`); should it be gone, the lock falls free in \
                 {left} s"
            ))
            .hint("if it hangs, take the lock away from it: mizan unlock --force")
    }

    fn locked(&self) -> Error {
        Error::new(ErrorKind::Locked, format!("{} is locked", self.what))
    }
}

/// The version of the file that is being watched, and the age it had at a time of our clock.
#[derive(Default)]
struct Watch {
    version: Option<UpdateVersion>,
    age: Duration,
    at: Duration,
}

fn holding(seen: Option<&Seen>) -> Option<&Held> {
    seen?.lease.held.as_ref()
}
