//! A service of `mizan.yaml` on ECS: its task definition, how it is rolled out, how it scales.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{plan::Late, targets::EnvSpec};

/// What kind of service it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// Takes the traffic.
    Web {
        /// The port inside the container.
        port: u16,
        /// The health path.
        health: String,
        /// How long it may take to become healthy, in seconds.
        health_timeout: u64,
    },
    /// Runs beside it.
    Worker,
    /// Runs once; the old one stops first.
    Singleton,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// What it is for.
    #[serde(flatten)]
    pub role: Kind,
    /// What its tasks run.
    pub task: TaskSpec,
    /// How many tasks run when autoscaling does not decide.
    pub count: u32,
    /// True if autoscaling decides how many tasks run: then `count` is where it starts.
    pub scaled: bool,
    /// How it is rolled out.
    pub deployment: Deployment,
    /// What it is connected to.
    pub wiring: Wiring,
}

impl ServiceSpec {
    /// True for the service that takes the traffic.
    pub fn is_web(&self) -> bool {
        matches!(self.role, Kind::Web { .. })
    }
}

/// A task definition, complete but for the image's digest, ARNs and secret values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// The image's tag: a hash of its content.
    pub image: Late<String>,
    /// Its command; the image's own if absent.
    pub command: Option<Vec<String>>,
    /// Its environment; secrets are references.
    pub env: BTreeMap<String, EnvSpec>,
    /// Secrets that somebody else keeps: variable to the ARN of the secret or parameter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, String>,
    /// CPU units: 1024 are one core.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
    /// The processor it is built for.
    pub architecture: Architecture,
    /// The port it listens on.
    pub port: Option<u16>,
    /// Seconds between the stop signal and the kill; Fargate allows 120.
    pub stop_timeout: u32,
    /// The execution role: a name of ours, or an ARN that was given.
    pub execution_role: String,
    /// The task role, likewise.
    pub task_role: String,
}

/// The processor that a task runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// `linux/amd64`.
    #[serde(rename = "X86_64")]
    X86,
    /// `linux/arm64`.
    #[serde(rename = "ARM64")]
    Arm,
}

/// How a service is rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Per cent of the count that keep running.
    pub min_healthy: u32,
    /// Per cent of the count that may run.
    pub max: u32,
    /// ECS gives a broken deployment up and goes back.
    pub circuit_breaker: bool,
    /// Seconds that a new task may fail the load balancer's checks.
    pub grace: Option<u32>,
}

/// What a service is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// The subnets of its tasks.
    pub subnets: BTreeSet<String>,
    /// Their security groups, by name.
    pub groups: BTreeSet<String>,
    /// Tasks have a public address: without it, or a NAT gateway, no image can be pulled.
    pub public_ip: bool,
    /// The target group, by name.
    pub target_group: Option<String>,
}

/// The release step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSpec {
    /// What it runs: the web service's task with another command.
    pub task: TaskSpec,
    /// How long it may take, in seconds.
    pub timeout: u64,
    /// Where it runs.
    pub wiring: Wiring,
}

/// Autoscaling of a service by its CPU use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    /// The service's name in `mizan.yaml`.
    pub service: String,
    /// At least this many tasks.
    pub min: u32,
    /// At most this many.
    pub max: u32,
    /// The CPU use in per cent that it aims at; with none, only the bounds are kept.
    pub cpu: Option<u8>,
}
