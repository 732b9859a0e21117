//! What was released to an environment, and who may change it right now: release records and the
//! lock. Nothing here is needed to run the app; a lost ledger is rebuilt from what is running.

mod azure;
mod document;
mod failure;
mod lease;
mod lock;
mod place;
mod record;
mod retry;
mod s3;
mod store;

pub use azure::{BlobPlace, blob_url};
pub use lease::{LOCK_FILE, LeaseGuard, LeaseLock};
pub use lock::{Claim, Guard, Holder, LocalGuard, LocalLock, Lock};
pub use place::Place;
pub use record::{GitRevision, ImageRecord, InventoryItem, Release};
pub use s3::{S3Place, bucket_url};
pub use store::Ledger;
