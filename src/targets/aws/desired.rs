//! What an environment should look like on AWS.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    names::Scope,
    spec::{ReleaseSpec, ServiceSpec, Thing},
};
use crate::{
    images::ArtifactRequest,
    plan::{Late, ResourceId},
};

/// What an environment should look like. It is stored with each release, so that a rollback can
/// bring it back; it holds names and versions of secrets, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Whose it is.
    pub scope: Scope,
    /// The public URL. Without a domain the load balancer's name is part of it, which is known once
    /// it exists.
    pub url: Late<String>,
    /// The tag of the image: a hash of its content.
    pub image: Late<String>,
    /// The ECS cluster: ours, if it is among the things, or one that was given.
    pub cluster: String,
    /// Everything that outlives releases.
    pub things: Vec<Thing>,
    /// The services, by name.
    pub services: BTreeMap<String, ServiceSpec>,
    /// What runs once before traffic moves.
    pub release_step: Option<ReleaseSpec>,
    /// How the web service is asked whether it is healthy, through the load balancer.
    pub probe: Option<Probe>,
    /// What is taken out of the image.
    pub artifacts: ArtifactRequest,
    /// How many releases are kept.
    pub keep_releases: usize,
    /// Services that took over another's place: new name to former name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub renames: BTreeMap<String, String>,
}

/// How the web service is asked whether it is healthy, through the load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The load balancer, by name or, if it was given, by its ARN.
    pub balancer: String,
    /// The listener's port.
    pub port: u16,
    /// The health path.
    pub path: String,
    /// The `Host` of the question; the load balancer's own name if absent.
    pub host: Option<String>,
    /// The secret in Secrets Manager that must go along, and its header.
    pub secret: Option<(String, String)>,
    /// How long it may take to become healthy, in seconds.
    pub timeout: u64,
}

/// A load balancer that is there already, as far as a plan has to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its own host name.
    pub dns: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// The ports of its listeners.
    pub ports: BTreeSet<u16>,
    /// The ids of its security groups.
    pub groups: BTreeSet<String>,
}

impl Desired {
    /// The web service, with its name.
    pub fn web(&self) -> Option<(&str, &ServiceSpec)> {
        let mut services = self.services.iter();
        let (name, spec) =
            services.find(|(_, spec)| matches!(spec.role, super::spec::Kind::Web { .. }))?;
        Some((name, spec))
    }

    /// The thing of this id.
    pub fn thing(&self, id: &ResourceId) -> Option<&Thing> {
        self.things.iter().find(|thing| &thing.id() == id)
    }
}
