//! What was released to an environment, and who may change it right now: release records and the
//! lock. Nothing here is needed to run the app; a lost ledger is rebuilt from what is running.

mod document;
mod lock;
mod record;
mod store;

pub use lock::{Claim, Holder, LocalLock, LockGuard};
pub use record::{GitRevision, ImageRecord, InventoryItem, Release};
pub use store::Ledger;
