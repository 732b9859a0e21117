//! The operations of the local target. Each means "ensure": it may find its work done already.

use serde::{Deserialize, Serialize};

use super::desired::{PlaneSpec, ReleaseSpec, ServiceSpec};
use crate::{check::Gate, model::ReleaseId};

/// One operation. Secrets are named, never contained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// The image exists on the engine: pin base images, build.
    BuildImage,
    /// Bundle, assets and schema lie in the artifact cache.
    TakeArtifacts,
    /// The network exists.
    CreateNetwork {
        /// Its name.
        network: String,
    },
    /// The volume exists.
    CreateVolume {
        /// Its name on the engine.
        volume: String,
    },
    /// The supervisor runs and listens on the public port.
    StartFront {
        /// The port on 127.0.0.1.
        port: u16,
    },
    /// The accessory runs as specified.
    RunAccessory {
        /// Its name in `mizan.yaml`.
        service: String,
        /// What it should be.
        spec: Box<ServiceSpec>,
    },
    /// The release step has run for this release.
    RunReleaseStep {
        /// The release.
        release: ReleaseId,
        /// What to run.
        spec: Box<ReleaseSpec>,
    },
    /// The service's container of this release runs, and is healthy if it is `web`.
    RunService {
        /// Its name in `mizan.yaml`.
        service: String,
        /// The release.
        release: ReleaseId,
        /// What it should be.
        spec: Box<ServiceSpec>,
        /// A singleton's container that must stop first.
        stop_first: Option<String>,
    },
    /// The container of the release before runs again (a singleton that was stopped).
    StartContainer {
        /// Its name.
        container: String,
    },
    /// Render's bundle and assets are staged for this release.
    StageRender {
        /// The release.
        release: ReleaseId,
        /// What it should be.
        plane: PlaneSpec,
    },
    /// The Workers of this release run and answer, without traffic yet.
    StartEdge {
        /// The release.
        release: ReleaseId,
        /// What it should be.
        plane: PlaneSpec,
    },
    /// The web container of this release keeps the rules of the protocol.
    CheckRelease {
        /// What is asked of it.
        gate: Gate,
    },
    /// The front forwards to this release.
    MoveTraffic {
        /// The release.
        release: ReleaseId,
    },
    /// The ledger knows the release and names it the current one.
    RecordRelease {
        /// The release.
        release: ReleaseId,
        /// The release whose image and configuration it brings back, if it is a rollback.
        rollback_to: Option<ReleaseId>,
    },
    /// The containers and Workers of a release that no longer takes traffic are drained and gone.
    RetireRelease {
        /// The release.
        release: ReleaseId,
        /// Its containers.
        containers: Vec<String>,
    },
    /// A container is gone.
    RemoveContainer {
        /// Its name.
        container: String,
    },
    /// The ledger does not know a release any more, and names the one before it as current.
    UnrecordRelease {
        /// The release.
        release: ReleaseId,
        /// The one before; absent if there was none.
        before: Option<ReleaseId>,
    },
    /// A release is forgotten: record, Workers, artifacts and image, as far as no other needs them.
    ForgetRelease {
        /// The release.
        release: ReleaseId,
    },
    /// The front and all Workers are stopped.
    StopFront,
    /// The network is gone.
    RemoveNetwork {
        /// Its name.
        network: String,
    },
    /// The volume and its data are gone.
    RemoveVolume {
        /// Its name on the engine.
        volume: String,
    },
    /// The images of this app are gone.
    RemoveImages,
    /// The ledger and the Workers' files of this environment are gone.
    RemoveState {
        /// The secrets too.
        secrets: bool,
    },
}
