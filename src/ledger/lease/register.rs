//! The file that says who holds the lease, replaced only by conditional writes, and the store's
//! own clock.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion,
    path::Path,
};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result},
    ledger::{
        document::{self, Format},
        failure::failure,
        lock::Claim,
    },
};

/// The file.
pub const LOCK: &str = "lock.json";
/// A file that is written only to learn what time the store has.
const CLOCK: &str = "lock.clock";
/// How often a write of ours is tried that was overtaken by an earlier one of ours, or was cut off.
const ATTEMPTS: usize = 3;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// The number of the holding that is, or was the last. It never goes down: a lock that is
    /// given back leaves it here.
    pub(super) fencing: u64,
    /// The mark of who wrote this, so that one whose answer got lost knows its own writing.
    pub(super) mark: String,
    /// Who holds it, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<Held>,
}

/// A holding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    /// Who, and what for.
    #[serde(flatten)]
    pub(super) claim: Claim,
    /// Where the holder's process number is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kernel: Option<String>,
    /// How long it holds after the store has taken it.
    pub(super) lease_seconds: u64,
    /// When that ends by the holder's clock; for people to read, nothing is decided by it.
    pub(super) expires: Timestamp,
}

impl Format for Lease {
    const NAME: &'static str = "mizan-lease";
}

/// The file as it was read.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) lease: Lease,
    pub(super) version: UpdateVersion,
    /// When the store took it, by the store's clock, in milliseconds.
    written: i64,
}

/// What came of a conditional write.
pub(super) enum Swap {
    /// The file says what we want.
    Ours(UpdateVersion),
    /// Another was there before; what the file says now.
    Theirs(Option<Seen>),
}

/// Where the file is.
#[derive(Debug, Clone)]
pub(super) struct Register {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) place: String,
}

impl Register {
    /// The file, if there is one.
    pub(super) async fn read(&self) -> Result<Option<Seen>> {
        let got = match self.store.get(&Path::from(LOCK)).await {
            Ok(got) => got,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failure(LOCK, &error)),
        };
        let version =
            UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let written = got.meta.last_modified.timestamp_millis();
        let text = got.bytes().await.map_err(|error| self.failure(LOCK, &error))?;
        let lease = document::read(&self.name(LOCK), &text)?;
        Ok(Some(Seen { lease, version, written }))
    }

    /// Makes the file say `next` if it still is `expected`, or is not there when that is `None`.
    ///
    /// A write whose answer got lost is found again by its mark, so it neither counts as lost nor
    /// is taken for another's.
    pub(super) async fn swap(
        &self,
        expected: Option<&UpdateVersion>,
        next: &Lease,
    ) -> Result<Swap> {
        let text = PutPayload::from(document::write(next)?);
        let mut expected = expected.cloned();
        let mut cut = None;
        for _ in 0..ATTEMPTS {
            let replaces = expected.is_some();
            let mode = expected.clone().map_or(PutMode::Create, PutMode::Update);
            match self.store.put_opts(&Path::from(LOCK), text.clone(), mode.into()).await {
                Ok(put) => {
                    let version = UpdateVersion { e_tag: put.e_tag, version: put.version };
                    return Ok(Swap::Ours(version));
                }
                Err(error) if is_conflict(&error, replaces) => {}
                Err(error) => {
                    let error = self.failure(LOCK, &error);
                    match self.read().await {
                        Ok(Some(seen)) if seen.lease == *next => {
                            return Ok(Swap::Ours(seen.version));
                        }
                        // It never arrived. Should it do so yet, it is found by its mark.
                        Ok(seen)
                            if tag_of(seen.as_ref().map(|seen| &seen.version))
                                == tag_of(expected.as_ref()) =>
                        {
                            cut = Some(error);
                            continue;
                        }
                        _ => return Err(error),
                    }
                }
            }
            match self.read().await? {
                Some(seen) if seen.lease == *next => return Ok(Swap::Ours(seen.version)),
                // An earlier write of ours whose answer was never heard.
                Some(seen) if seen.lease.mark == next.mark => expected = Some(seen.version),
                seen => return Ok(Swap::Theirs(seen)),
            }
        }
        let restless = || {
            let message = format!("the ledger's file {} does not keep still", self.name(LOCK));
            Error::new(ErrorKind::Unavailable, message)
        };
        Err(cut.unwrap_or_else(restless))
    }

    /// How long ago the store took what was seen, by the store's clock alone.
    pub(super) async fn age(&self, seen: &Seen) -> Result<Duration> {
        let path = Path::from(CLOCK);
        let put = self.store.put(&path, PutPayload::new()).await;
        put.map_err(|error| self.failure(CLOCK, &error))?;
        let meta = self.store.head(&path).await.map_err(|error| self.failure(CLOCK, &error))?;
        let millis = meta.last_modified.timestamp_millis().saturating_sub(seen.written);
        Ok(Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
    }

    pub(super) fn name(&self, file: &str) -> String {
        format!("{}/{file}", self.place)
    }

    fn failure(&self, file: &str, error: &StoreError) -> Error {
        failure(&self.name(file), error)
    }
}

/// What tells one content of the file from another; nothing if it is not there.
fn tag_of(version: Option<&UpdateVersion>) -> Option<Option<String>> {
    version.map(|version| version.e_tag.clone())
}

/// True if the write was refused because the file is not what it was expected to be.
fn is_conflict(error: &StoreError, replaces: bool) -> bool {
    match error {
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => true,
        // The file is gone. When it is to be created, it is the bucket that is not there.
        StoreError::NotFound { .. } => replaces,
        _ => false,
    }
}
