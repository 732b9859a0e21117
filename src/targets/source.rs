//! What a deploy from source has beside what is desired.

use crate::{images::BaseLock, ledger::GitRevision, model::App};

/// What a deploy from source has beside what is desired.
pub struct Source {
    /// The app.
    pub app: App,
    /// The pinned base images.
    pub lock: BaseLock,
    /// Base images are resolved anew.
    pub refresh: bool,
    /// The commit it is made from.
    pub git: Option<GitRevision>,
}
