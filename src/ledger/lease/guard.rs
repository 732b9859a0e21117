//! A lease that is held: renewed in the background, given back at the end, and lost without doubt
//! before anybody else can have it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use object_store::UpdateVersion;
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    ATTEMPT, LEASE, LeaseLock, MARGIN, RENEW, RETRY,
    register::{Held, Lease, Seen, Swap},
};
use crate::error::{Error, ErrorKind, Result};

/// The lock, held and renewed until this is released or dropped. Dropping it only stops renewing.
#[derive(Debug)]
pub struct LeaseGuard {
    holding: Arc<Holding>,
    renewal: JoinHandle<()>,
}

impl LeaseGuard {
    pub(super) fn start(holding: Holding) -> Self {
        let holding = Arc::new(holding);
        let renewal = tokio::spawn(keep(holding.clone()));
        Self { holding, renewal }
    }

    /// The number of this holding: higher than that of every one before.
    pub fn fencing(&self) -> u64 {
        self.holding.lease.fencing
    }

    /// Fails if the lock is no longer ours for certain. Asks the store only if the renewals are
    /// late, as after the machine was suspended.
    ///
    /// # Errors
    /// Another has the lock, or it could not be renewed in time.
    pub async fn check(&self) -> Result<()> {
        let holding = &self.holding;
        if let Some(loss) = holding.loss.get() {
            return Err(loss.clone());
        }
        if holding.is_certain() || holding.removed.is_cancelled() {
            return Ok(());
        }
        holding.renew().await.map_err(|error| holding.lose(holding.unconfirmed(&error)))
    }

    /// Fires as soon as it is known that the lock was lost.
    pub fn lost(&self) -> CancellationToken {
        self.holding.lost.clone()
    }

    /// To be cancelled by the holder before it removes the file itself, as whoever removes all of
    /// the ledger does: from then on nothing is renewed, and that the file is gone is no loss.
    pub fn removed(&self) -> CancellationToken {
        self.holding.removed.clone()
    }

    /// Gives the lock back if it is still ours. Its number stays behind.
    ///
    /// # Errors
    /// The store cannot be reached; the lock falls free when its lease has run out.
    pub async fn release(self) -> Result<()> {
        self.renewal.abort();
        let holding = &self.holding;
        let free = Lease { held: None, ..holding.lease.clone() };
        holding.in_time(holding.write(&free)).await.map(drop)
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// What the guard and its renewals share.
#[derive(Debug)]
pub(super) struct Holding {
    lock: LeaseLock,
    /// What we wrote when we took it.
    lease: Lease,
    held: Held,
    version: Mutex<UpdateVersion>,
    /// Until when nobody else can have it, by our clock, in milliseconds.
    certain_until: AtomicU64,
    loss: OnceLock<Error>,
    lost: CancellationToken,
    /// The holder removes the file.
    removed: CancellationToken,
}

impl Holding {
    /// A holding that the store took after `sent`.
    pub(super) fn new(
        lock: LeaseLock,
        lease: Lease,
        held: Held,
        version: UpdateVersion,
        sent: Duration,
    ) -> Self {
        Self {
            lock,
            lease,
            held,
            version: Mutex::new(version),
            certain_until: AtomicU64::new(certain_after(sent)),
            loss: OnceLock::new(),
            lost: CancellationToken::new(),
            removed: CancellationToken::new(),
        }
    }

    fn is_certain(&self) -> bool {
        millis(self.lock.clock.now()) < self.certain_until.load(Ordering::Relaxed)
    }

    /// Renews the lease. Fails if that did not work this time, or never will: then it is lost.
    async fn renew(&self) -> Result<()> {
        let clock = &self.lock.clock;
        let sent = clock.now();
        let held = Held { expires: clock.wall() + LEASE, ..self.held.clone() };
        let lease = Lease { held: Some(held), ..self.lease.clone() };
        match self.in_time(self.write(&lease)).await? {
            None => {
                self.certain_until.store(certain_after(sent), Ordering::Relaxed);
                Ok(())
            }
            // A renewal that was under way when the file went.
            Some(None) if self.removed.is_cancelled() => Ok(()),
            Some(other) => Err(self.lose(self.taken(other))),
        }
    }

    /// Replaces what we wrote last; if that is no longer there, returns what is.
    async fn write(&self, lease: &Lease) -> Result<Option<Option<Seen>>> {
        let mut version = self.version.lock().await;
        Ok(match self.lock.register.swap(Some(&version), lease).await? {
            Swap::Ours(now) => {
                *version = now;
                None
            }
            Swap::Theirs(other) => Some(other),
        })
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match select(Box::pin(work), self.lock.clock.sleep(ATTEMPT)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => {
                let file = self.lock.register.name("lock.json");
                let message = format!("{file} could not be written in {} s", ATTEMPT.as_secs());
                Err(Error::new(ErrorKind::Unavailable, message))
            }
        }
    }

    /// Remembers that the lock is lost, and why; the first reason stays.
    fn lose(&self, error: Error) -> Error {
        let loss = self.loss.get_or_init(|| error).clone();
        self.lost.cancel();
        loss
    }

    fn taken(&self, by: Option<Seen>) -> Error {
        let error = self.was_lost();
        match by.map(|seen| seen.lease) {
            None => error.cause("its file was removed from the ledger"),
            Some(Lease { held: None, .. }) => error.cause("it was taken away and is free now"),
            Some(Lease { held: Some(held), .. }) => error.cause(held.claim),
        }
    }

    fn unconfirmed(&self, why: &Error) -> Error {
        self.was_lost().cause("it could not be renewed before it ran out").cause(why)
    }

    fn was_lost(&self) -> Error {
        Error::new(ErrorKind::Locked, format!("the lock of {} was lost", self.lock.what))
    }
}

/// Renews until the lock is lost or removed.
async fn keep(holding: Arc<Holding>) {
    let mut pause = RENEW;
    loop {
        holding.lock.clock.sleep(pause).await;
        if holding.removed.is_cancelled() {
            return;
        }
        pause = match holding.renew().await {
            Ok(()) => RENEW,
            Err(_) if holding.lost.is_cancelled() => return,
            Err(error) if !holding.is_certain() => {
                holding.lose(holding.unconfirmed(&error));
                return;
            }
            Err(error) => {
                tracing::debug!(%error, "the lease was not renewed");
                RETRY
            }
        };
    }
}

fn certain_after(sent: Duration) -> u64 {
    millis(sent + LEASE - MARGIN)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
