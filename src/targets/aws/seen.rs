//! What was found on AWS, as the planner compares it with what should be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    desired::Desired,
    spec::{ServiceSpec, Thing},
};
use crate::{
    model::ReleaseId,
    plan::{ResourceId, Seen},
    workers::cloud::{Foreseen, LivePlane, SeenPlane},
};

/// Everything of one environment that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// What outlives releases, by kind and name: what is desired, and what an earlier deploy made
    /// (by inventory or tag) and is no longer desired. What is not in the map was not looked for.
    #[serde(with = "entries")]
    pub things: BTreeMap<ResourceId, Seen<SeenThing>>,
    /// The services, by their names in `mizan.yaml`; removed and renamed ones among them.
    pub services: BTreeMap<String, Seen<SeenService>>,
    /// The digest of the desired image in the repository, if it is there.
    pub image_digest: Option<String>,
    /// What the desired image has for Edge and Render was taken out of it already.
    pub artifacts_cached: bool,
    /// The Workers, if there are or should be any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plane: Option<SeenPlane>,
    /// What is known of the Workers' next versions.
    #[serde(default)]
    pub foreseen: Foreseen,
    /// The recorded releases, newest first.
    pub releases: Vec<ReleaseId>,
    /// The release that is live, as it was recorded.
    pub current: Option<CurrentRelease>,
    /// The highest number that any release ever had, by records and tags.
    pub newest: Option<ReleaseId>,
    /// The release whose step has already ended well, although it was never recorded: a deploy was
    /// interrupted after it.
    pub migrated: Option<ReleaseId>,
    /// The ledger's bucket exists.
    pub bucket: bool,
    /// The ledger is where mizan.yaml says, not in that bucket.
    #[serde(default)]
    pub ledger_elsewhere: bool,
    /// Environments that have something in the bucket, this one among them (`<app>/<env>`).
    pub bucket_users: BTreeSet<String>,
    /// All secrets of this environment, by their names in Secrets Manager: generated ones and
    /// those that were set.
    pub secrets: BTreeSet<String>,
    /// Tasks of this environment that run and belong to no service, with their ARNs: a check of an
    /// interrupted run, and, for a teardown, a release step or a one-off command too.
    #[serde(with = "entries")]
    pub leftovers: BTreeMap<ResourceId, String>,
    /// All families of task definitions of this environment that have active revisions.
    pub families: BTreeSet<String>,
}

/// A thing, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenThing {
    /// As it is, in the terms of what it should be.
    pub thing: Thing,
    /// Its ARN or id.
    pub arn: String,
    /// Its tags say that it is ours.
    pub ours: bool,
    /// What else was found out that steps need: a load balancer's `dns`, a certificate's `status`.
    pub attributes: BTreeMap<String, String>,
}

/// A service, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenService {
    /// Its ARN.
    pub arn: String,
    /// Its tags say that it is ours.
    pub ours: bool,
    /// As it is, in the terms of what it should be. The task definition is read from AWS when it is
    /// not the one that the live release recorded.
    pub spec: ServiceSpec,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// The release that wrote it last, by its tag.
    pub release: Option<ReleaseId>,
    /// The hash of the specification that was applied last, by its tag.
    pub applied: Option<String>,
    /// Tasks that should run.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// What is wrong with its last deployment, if anything: failed, or still under way.
    pub unsettled: Option<String>,
}

/// The live release, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentRelease {
    /// Its number.
    pub id: ReleaseId,
    /// What was desired.
    pub desired: Desired,
    /// The ARNs of its task definitions, by service.
    pub task_definitions: BTreeMap<String, String>,
    /// The digest of its image.
    pub digest: String,
    /// Its Workers, if it had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plane: Option<LivePlane>,
}

/// The network as it is: what the environment may use, and what can be said against it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC: the given one, or the default one.
    pub vpc: String,
    /// The subnets: the given ones, or one of each zone of the default VPC.
    pub subnets: Vec<Subnet>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// Its zone.
    pub zone: String,
    /// How traffic leaves it.
    pub egress: Egress,
}

/// How traffic leaves a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    /// By an internet gateway: tasks need a public address.
    Public,
    /// By a NAT gateway, an instance, or a transit gateway.
    Nat,
    /// Not at all: images cannot be pulled.
    None,
}

/// JSON has no maps whose keys are structures: they are lists of pairs there.
mod entries {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
