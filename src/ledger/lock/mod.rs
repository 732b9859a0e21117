//! One changes an environment at a time. Where the ledger is a folder, the operating system's file
//! lock sees to it; where it is a bucket, a lease does. Who holds the lock asks [`Guard::check`]
//! before every write to the platform, and stops when [`Guard::lost`] fires.

mod claim;
mod local;

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio_util::sync::CancellationToken;

pub use claim::{Claim, Holder};
pub use local::{LocalGuard, LocalLock};

use super::lease::{LeaseGuard, LeaseLock};
use crate::{
    engine::Fence,
    error::{Error, ErrorKind, Result},
};

/// The lock of one environment.
#[derive(Debug, Clone)]
pub enum Lock {
    /// In a folder of this machine.
    Local(LocalLock),
    /// In an object store.
    Lease(LeaseLock),
}

impl Lock {
    /// Takes the lock. If another holds it, waits for at most `wait`, or not at all.
    ///
    /// # Errors
    /// Another holds it ([`ErrorKind::Locked`]), or the ledger cannot be reached.
    pub async fn acquire(&self, claim: Claim, wait: Option<Duration>) -> Result<Guard> {
        Ok(match self {
            Self::Local(lock) => Guard::Local(lock.acquire(claim, wait).await?),
            Self::Lease(lock) => Guard::Lease(lock.acquire(claim, wait).await?),
        })
    }

    /// Who holds the lock now, if anybody does.
    ///
    /// # Errors
    /// The ledger cannot be reached.
    pub async fn holder(&self) -> Result<Option<Holder>> {
        match self {
            Self::Local(lock) => lock.holder(),
            Self::Lease(lock) => lock.holder().await,
        }
    }

    /// Takes the lock away from whoever holds it, on behalf of `claim`, and frees it. Returns who
    /// held it.
    ///
    /// # Errors
    /// A lock of this machine cannot be taken from a process that is alive, and goes with it
    /// otherwise; or the ledger cannot be reached.
    pub async fn force_release(&self, claim: Claim) -> Result<Option<Holder>> {
        match self {
            Self::Local(lock) => match lock.holder()? {
                None => Ok(None),
                Some(Holder { claim, .. }) => Err(lock
                    .locked()
                    .cause(claim.to_string())
                    .hint(format!("end that process (kill {}): its lock goes with it", claim.pid))),
            },
            Self::Lease(lock) => lock.force_release(claim).await,
        }
    }
}

/// The lock, held. To be given back by [`Guard::release`]; one that is dropped falls free too, a
/// lease only when it has run out.
#[derive(Debug)]
pub enum Guard {
    /// Of a folder of this machine.
    Local(LocalGuard),
    /// Of an object store.
    Lease(LeaseGuard),
}

impl Guard {
    /// The number of this holding: higher than that of every one before.
    pub fn fencing(&self) -> u64 {
        match self {
            Self::Local(guard) => guard.fencing(),
            Self::Lease(guard) => guard.fencing(),
        }
    }

    /// Fails if the lock was lost. To be asked before every write to the platform; it is cheap.
    ///
    /// # Errors
    /// Always of [`ErrorKind::Locked`]: another has the lock, or nobody knows.
    pub async fn check(&self) -> Result<()> {
        match self {
            Self::Local(guard) => guard.check(),
            Self::Lease(guard) => guard.check().await,
        }
    }

    /// Fires as soon as it is noticed that the lock was lost. A file lock is only looked at by
    /// [`Guard::check`].
    pub fn lost(&self) -> CancellationToken {
        match self {
            Self::Local(_) => CancellationToken::new(),
            Self::Lease(guard) => guard.lost(),
        }
    }

    /// To be cancelled by the holder before it removes the lock with its ledger, which is no loss. A
    /// file lock lasts while it is open.
    pub fn removed(&self) -> CancellationToken {
        match self {
            Self::Local(_) => CancellationToken::new(),
            Self::Lease(guard) => guard.removed(),
        }
    }

    /// Gives the lock back, if it is still ours.
    ///
    /// # Errors
    /// The ledger cannot be reached; the lock falls free when its lease has run out.
    pub async fn release(self) -> Result<()> {
        match self {
            Self::Local(_) => Ok(()),
            Self::Lease(guard) => guard.release().await,
        }
    }
}

impl Fence for Guard {
    fn check(&self) -> LocalBoxFuture<'_, Result<()>> {
        Box::pin(Self::check(self))
    }

    fn lost(&self) -> LocalBoxFuture<'_, Error> {
        Box::pin(async {
            Self::lost(self).cancelled().await;
            // The check says to whom; it cannot pass any more.
            let unknown = || Error::new(ErrorKind::Locked, "the lock was lost");
            Self::check(self).await.err().unwrap_or_else(unknown)
        })
    }
}
