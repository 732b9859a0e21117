//! What a service stands on: repository, logs, roles, security groups, cluster, secrets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The ECR repository of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its name.
    pub name: String,
    /// A pushed tag never changes its meaning.
    pub immutable: bool,
    /// The lifecycle policy, canonical JSON. It may expire untagged images only: a released image
    /// is removed when its release is forgotten.
    pub lifecycle: Option<String>,
}

/// The CloudWatch log group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// Days that a line is kept; for ever if absent.
    pub retention_days: Option<u32>,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who may take it, canonical JSON.
    pub trust: String,
    /// Inline policies by name, canonical JSON.
    pub policies: BTreeMap<String, String>,
}

/// An EC2 security group. Everything may go out; `ingress` is what may come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its name.
    pub name: String,
    /// What it is for; cannot be changed.
    pub description: String,
    /// The VPC; cannot be changed.
    pub vpc: String,
    /// What may come in.
    pub ingress: BTreeSet<Ingress>,
}

/// What may come in to a security group, over TCP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ingress {
    /// The port.
    pub port: u16,
    /// From where.
    pub from: Peer,
}

/// Where traffic comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// An address range.
    Cidr(String),
    /// The members of a group of ours, by name (or, if it is none of ours, by id `sg-…`).
    Group(String),
}

/// The ECS cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: String,
}

/// A secret in Secrets Manager that is made up by us when it is missing: `generate: true`, and the
/// Edge's secret for the origin. Its value is never compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Its name in Secrets Manager.
    pub name: String,
}
