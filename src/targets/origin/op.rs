//! The operations of the target. Each means "ensure": it may find its work done already.

use serde::{Deserialize, Serialize};

use crate::{check::Gate, model::ReleaseId, workers::cloud};

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// Bundle, assets and schema lie in the artifact cache of this machine: the image is built, if
    /// it is not there, and they are taken out of it.
    TakeArtifacts,
    /// The app keeps the rules of the protocol.
    CheckOrigin {
        /// What is asked of it.
        gate: Gate,
    },
    /// Something of the Workers.
    Worker {
        /// What.
        worker: cloud::Op,
    },
    /// The ledger knows the release and names it the current one.
    RecordRelease {
        /// The release.
        release: ReleaseId,
        /// The release that it brings back, if it is a rollback.
        rollback_to: Option<ReleaseId>,
    },
    /// The ledger does not know a release any more, and names the one before it as current.
    UnrecordRelease {
        /// The release.
        release: ReleaseId,
        /// The one before; absent if there was none.
        before: Option<ReleaseId>,
    },
    /// A release is forgotten.
    ForgetRelease {
        /// The release.
        release: ReleaseId,
    },
    /// The ledger of this environment is gone.
    DeleteLedger,
}
