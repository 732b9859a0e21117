//! What a deploy makes on AWS, as values: one type for what should be and for what is, so that a
//! difference is a difference of values. References go by name; ARNs and ids are looked up when a
//! step runs.

mod service;
mod surroundings;
mod traffic;

use serde::{Deserialize, Serialize};

pub use service::{
    Architecture, BALANCER_DNS, Deployment, Kind, ReleaseSpec, Scaling, ServiceSpec, TaskSpec,
    Wiring,
};
pub use surroundings::{Cluster, Ingress, LogGroup, Peer, Repository, Role, Secret, SecurityGroup};
pub use traffic::{
    Certificate, Condition, DefaultAction, DnsRecord, Listener, LoadBalancer, Rule, TargetGroup,
};

use crate::plan::ResourceId;

/// Something that outlives releases and is compared, created, changed and deleted as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Thing {
    /// The ECR repository.
    Repository(Repository),
    /// The CloudWatch log group.
    LogGroup(LogGroup),
    /// An IAM role.
    Role(Role),
    /// An EC2 security group.
    SecurityGroup(SecurityGroup),
    /// The ECS cluster.
    Cluster(Cluster),
    /// A generated secret in Secrets Manager.
    Secret(Secret),
    /// The application load balancer.
    LoadBalancer(LoadBalancer),
    /// The target group of the web service.
    TargetGroup(TargetGroup),
    /// An ACM certificate.
    Certificate(Certificate),
    /// A DNS record in the Cloudflare zone.
    DnsRecord(DnsRecord),
    /// A listener of the load balancer.
    Listener(Listener),
    /// A rule of a listener.
    Rule(Rule),
    /// Autoscaling of a service.
    Scaling(Scaling),
}

impl Thing {
    /// Names it, within one environment: kind and name.
    pub fn id(&self) -> ResourceId {
        match self {
            Self::Repository(it) => ResourceId::new("repository", &it.name),
            Self::LogGroup(it) => ResourceId::new("log-group", &it.name),
            Self::Role(it) => ResourceId::new("role", &it.name),
            Self::SecurityGroup(it) => ResourceId::new("security-group", &it.name),
            Self::Cluster(it) => ResourceId::new("cluster", &it.name),
            Self::Secret(it) => ResourceId::new("secret", &it.name),
            Self::LoadBalancer(it) => ResourceId::new("load-balancer", &it.name),
            Self::TargetGroup(it) => ResourceId::new("target-group", &it.name),
            Self::Certificate(it) => ResourceId::new("certificate", &it.domain),
            Self::DnsRecord(it) => ResourceId::new("dns-record", it.key()),
            Self::Listener(it) => ResourceId::new("listener", it.port.to_string()),
            Self::Rule(it) => ResourceId::new("rule", &it.name),
            Self::Scaling(it) => ResourceId::new("scaling", &it.service),
        }
    }
}
