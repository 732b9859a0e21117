//! The operations of the AWS target. Each means "ensure": it may find its work done already.

use serde::{Deserialize, Serialize};

use super::spec::{ReleaseSpec, ServiceSpec, Thing};
use crate::{
    check::Gate,
    model::ReleaseId,
    plan::{Late, ResourceId},
    workers::cloud,
};

/// One operation. Secrets are named, never contained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// The image is in the repository: built if the engine does not have it, pushed. Its output is
    /// `digest`.
    PushImage {
        /// The tag.
        image: Late<String>,
    },
    /// Bundle, assets and schema lie in the artifact cache of this machine.
    TakeArtifacts,
    /// The thing is like this. Its output is `arn`, and what else it tells (`dns`, `version`).
    Put {
        /// What it should be.
        thing: Thing,
    },
    /// The thing is gone.
    Delete {
        /// As it was seen.
        thing: Thing,
    },
    /// The release step has run for this release.
    RunReleaseStep {
        /// The release.
        release: ReleaseId,
        /// What to run.
        spec: Box<ReleaseSpec>,
    },
    /// The release keeps the rules of the protocol: a task of it was started for nobody but the
    /// check, asked through the load balancer, and ended.
    CheckRelease {
        /// What is asked.
        gate: Gate,
        /// The web service's name in `mizan.yaml`.
        service: String,
        /// The release.
        release: ReleaseId,
        /// What the web service should be.
        spec: Box<ServiceSpec>,
        /// The revision to run, if it is one that exists already.
        task_definition: Option<String>,
    },
    /// The service runs the release: its task definition is registered, the service is created or
    /// updated, its deployment is complete, and the web service answers through the load balancer.
    /// Its outputs are `arn` and `task_definition`.
    PutService {
        /// Its name in `mizan.yaml`.
        service: String,
        /// The release.
        release: ReleaseId,
        /// What it should be.
        spec: Box<ServiceSpec>,
        /// The revision to run, if it is one that exists already: a rollback.
        task_definition: Option<String>,
    },
    /// The service is as it was before the deploy.
    RestoreService {
        /// Its name in `mizan.yaml`.
        service: String,
        /// As it was.
        spec: Box<ServiceSpec>,
        /// The release that it ran.
        release: Option<ReleaseId>,
        /// The revision that it ran.
        task_definition: String,
        /// The tasks that it should have run.
        desired: u32,
    },
    /// Nothing of the service runs any more, but it is still there: a singleton stops before
    /// another takes its place.
    StopService {
        /// Its name in `mizan.yaml`.
        service: String,
    },
    /// The service is gone: scaled to nothing, drained, deleted.
    DeleteService {
        /// Its name in `mizan.yaml`.
        service: String,
    },
    /// Something of the Workers before the load balancer.
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
    /// All revisions of a family of task definitions are gone.
    DeleteFamily {
        /// The family.
        family: String,
    },
    /// The values of the environment's secrets are gone.
    DeleteSecrets,
    /// The ledger of this environment is gone.
    DeleteLedger,
    /// The bucket of all ledgers is gone.
    DeleteBucket {
        /// Its name.
        bucket: String,
    },
    /// Something that an interrupted run left behind is gone.
    Sweep {
        /// What: a task of the release step or of a check.
        resource: ResourceId,
        /// Its ARN or id.
        arn: String,
    },
}
