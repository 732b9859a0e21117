//! The operations on Container Instances. Each means "ensure": it may find its work done already.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::spec::{ReleaseSpec, ServiceSpec};
use crate::{
    check::Gate, model::ReleaseId, plan::Late, targets::azure::things::Thing, workers::cloud,
};

/// One operation. Secrets are named, never contained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// The image is in the registry: built if the engine does not have it, pushed. Its output is
    /// `digest`.
    PushImage {
        /// The tag.
        image: Late<String>,
    },
    /// The image of the sidecar is in the registry: groups get everything they run from there.
    PushSidecar {
        /// The image, as everybody calls it.
        image: String,
    },
    /// Bundle, assets and schema lie in the artifact cache of this machine.
    TakeArtifacts,
    /// The thing is like this. Its output is `id`, and of a secret `version`.
    Put {
        /// What it should be.
        thing: Thing,
    },
    /// The thing is gone.
    Delete {
        /// As it was seen.
        thing: Thing,
    },
    /// The release step has run for this release, in a group that is gone again. That it has is
    /// written down at the resource group.
    RunReleaseStep {
        /// The release.
        release: ReleaseId,
        /// The group.
        group: String,
        /// What to run.
        spec: Box<ReleaseSpec>,
    },
    /// There is a group that runs this, and the web service answers at its host name. One that is
    /// there and runs something else is deleted before.
    CreateGroup {
        /// The group.
        group: String,
        /// The service's name in `mizan.yaml`.
        service: String,
        /// The release.
        release: ReleaseId,
        /// What it runs.
        spec: Box<ServiceSpec>,
    },
    /// A stopped group runs again as it was, and the web service answers at its host name.
    StartGroup {
        /// The group.
        group: String,
        /// What must not run beside it: a singleton's other group, which stops before.
        #[serde(default)]
        instead_of: Option<String>,
    },
    /// Nothing of the group runs any more, but it can be started as it was.
    StopGroup {
        /// The group.
        group: String,
        /// Seconds that it may finish what it does before.
        drain: u64,
    },
    /// The group is gone, and its host name with it.
    DeleteGroup {
        /// The group.
        group: String,
        /// Seconds that it may finish what it does before.
        drain: u64,
    },
    /// The release keeps the rules of the protocol: its group was asked at its own host name.
    CheckRelease {
        /// What is asked.
        gate: Gate,
        /// The release.
        release: ReleaseId,
        /// The group.
        group: String,
    },
    /// Visitors are led to the live release again, and every Edge has heard of it: nobody asks
    /// the group any more that they came to before.
    LeadBack {
        /// The base URL of the live release's web group.
        origin: String,
    },
    /// Something of the Workers before the group.
    Worker {
        /// What.
        worker: cloud::Op,
    },
    /// The ledger knows the release and names it the current one.
    RecordRelease {
        /// The release.
        release: ReleaseId,
        /// The release whose image and configuration it brings back, if it is a rollback.
        rollback_to: Option<ReleaseId>,
        /// Its container groups, by service.
        groups: BTreeMap<String, String>,
    },
    /// The ledger does not know a release any more, and names the one before it as current.
    UnrecordRelease {
        /// The release.
        release: ReleaseId,
        /// The one before; absent if there was none.
        before: Option<ReleaseId>,
    },
    /// A release is forgotten: its record, and its image as far as no other release runs it.
    ForgetRelease {
        /// The release.
        release: ReleaseId,
    },
    /// The ledger of this environment is gone.
    DeleteLedger,
    /// The storage account of all ledgers is gone, and its resource group.
    DeleteStorage {
        /// The account.
        account: String,
    },
}
