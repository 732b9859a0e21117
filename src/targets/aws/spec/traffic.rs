//! The way of a request to the web service: load balancer, listeners, rules, target group,
//! certificate and DNS.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// An application load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its name.
    pub name: String,
    /// Reached from inside the VPC only; cannot be changed.
    pub internal: bool,
    /// The subnets, in at least two zones.
    pub subnets: BTreeSet<String>,
    /// The security groups, by name.
    pub groups: BTreeSet<String>,
    /// The attributes that we set, by their names in the API; others are left as they are.
    pub attributes: BTreeMap<String, String>,
}

/// The target group of the web service; targets are addresses of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// The VPC; cannot be changed.
    pub vpc: String,
    /// The path that answers 2xx.
    pub health_path: String,
    /// The HTTP codes of a good answer, as the API writes them.
    pub matcher: String,
    /// Seconds between two checks.
    pub interval: u32,
    /// Seconds that a check may take.
    pub timeout: u32,
    /// Checks in a row that decide.
    pub threshold: u32,
    /// The attributes that we set, by their names in the API (the deregistration delay).
    pub attributes: BTreeMap<String, String>,
}

/// An ACM certificate that we ask for, validated by DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The host name it is for.
    pub domain: String,
}

/// A record in the Cloudflare zone of the domain, not proxied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "points_to", rename_all = "kebab-case")]
pub enum DnsRecord {
    /// The origin's host name is an alias (CNAME) of the load balancer.
    Origin {
        /// The origin's host name.
        name: String,
        /// The load balancer, by name.
        balancer: String,
    },
    /// What ACM asks for, to see that the name is ours.
    Validation {
        /// The name that the certificate is for.
        domain: String,
    },
}

impl DnsRecord {
    /// Names it within one environment. A validation record's own name is known only after the
    /// certificate was asked for.
    pub fn key(&self) -> String {
        match self {
            Self::Origin { name, .. } => name.clone(),
            Self::Validation { domain } => format!("validation of {domain}"),
        }
    }
}

/// A listener of our own load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The load balancer, by name.
    pub balancer: String,
    /// The port: 80 or 443.
    pub port: u16,
    /// The certificate of an HTTPS listener: an ARN that was given, or the domain of one of ours.
    pub certificate: Option<String>,
    /// What happens to a request that no rule takes.
    pub default: DefaultAction,
}

/// What a listener does with a request that no rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultAction {
    /// It goes to the target group of this name.
    Forward(String),
    /// 403: only the Edge, which knows the secret, may ask.
    Forbid,
    /// 301 to the same URL over HTTPS.
    RedirectToHttps,
}

/// A rule of a listener: requests that meet all conditions go to the target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is called by us: rules have no names on AWS, so this is its tag `Name`.
    pub name: String,
    /// The load balancer, by name or, if it was given, by its ARN.
    pub balancer: String,
    /// The listener's port.
    pub port: u16,
    /// What a request must meet.
    pub conditions: BTreeSet<Condition>,
    /// The target group, by name.
    pub target_group: String,
}

/// What a request must meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It carries the Edge's secret in this header. The value is a secret: what is compared are
    /// fingerprints of the values that the rule accepts (two while it is rotated).
    SecretHeader {
        /// The header's name.
        name: String,
        /// The secret in Secrets Manager.
        secret: String,
        /// The version ids of the accepted values; empty until a first deploy has made one.
        versions: BTreeSet<String>,
    },
    /// It is for this host.
    Host(String),
}
