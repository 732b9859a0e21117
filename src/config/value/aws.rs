//! What AWS calls its things: ids, names, ARNs, and how long it keeps logs.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Wrong, string};
use crate::config::{decode::FromNode, diagnostic::Problems, node::Node};

/// The id of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VpcId(pub(crate) String);
string_value!(
    VpcId,
    "the id of a VPC such as vpc-0a1b2c3d",
    {"type": "string", "pattern": "^vpc-[0-9a-f]{8,17}$"},
    |written: &str| id("vpc", written).map(VpcId)
);

/// The id of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubnetId(pub(crate) String);
string_value!(
    SubnetId,
    "the id of a subnet such as subnet-0a1b2c3d",
    {"type": "string", "pattern": "^subnet-[0-9a-f]{8,17}$"},
    |written: &str| id("subnet", written).map(SubnetId)
);

fn id(kind: &str, written: &str) -> Result<String, Wrong> {
    let digits = written.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if digits.is_none_or(|digits| !(8..=17).contains(&digits.len()) || !digits.chars().all(hex)) {
        return Err(Wrong::new(format!("{written:?} is no id of a {kind}"))
            .hint(format!("it looks like {kind}-0a1b2c3d4e5f60718")));
    }
    Ok(written.to_owned())
}

/// The name of an ECS cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusterName(pub(crate) String);
string_value!(
    ClusterName,
    "the name of a cluster",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,255}$"},
    cluster_name
);

fn cluster_name(written: &str) -> Result<ClusterName, Wrong> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if let Some((_, name)) = written.split_once(":cluster/") {
        return Err(Wrong::new(format!("{written:?} is an ARN, and the name is wanted"))
            .hint(format!("write `{name}`")));
    }
    if !(1..=255).contains(&written.len()) || !written.chars().all(valid) {
        return Err(Wrong::new(format!("{written:?} is no name of an ECS cluster"))
            .hint("it has letters, digits, hyphens and underscores"));
    }
    Ok(ClusterName(written.to_owned()))
}

/// The parts of an ARN: `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArnParts<'a> {
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) resource: &'a str,
}

/// An ARN in its parts, if it is one.
pub(crate) fn arn_parts(text: &str) -> Option<ArnParts<'_>> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", partition, service, region, account, resource] = parts.as_slice() else {
        return None;
    };
    let account_fits = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    let printable = resource.chars().all(|c| c.is_ascii_graphic());
    let whole = partition.starts_with("aws") && account_fits && printable;
    whole.then_some(ArnParts { service, region, resource })
}

macro_rules! arn_value {
    ($(#[$doc:meta])* $name:ident, $title:literal, $pattern:literal, $fits:expr, $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) String);
        string_value!(
            $name,
            $title,
            {"type": "string", "pattern": $pattern},
            |written: &str| {
                let fits: fn(ArnParts<'_>) -> bool = $fits;
                if arn_parts(written).is_some_and(fits) {
                    return Ok($name(written.to_owned()));
                }
                Err(Wrong::new(format!("{written:?} is not {}", $title))
                    .hint(concat!("it looks like ", $example)))
            }
        );
    };
}

arn_value!(
    /// The ARN of a certificate.
    CertificateArn,
    "the ARN of an ACM certificate",
    "^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$",
    |arn| arn.service == "acm"
        && !arn.region.is_empty()
        && has_name(arn.resource, "certificate/"),
    "arn:aws:acm:eu-west-1:123456789012:certificate/1a2b3c4d-..."
);

arn_value!(
    /// The ARN of an application load balancer.
    BalancerArn,
    "the ARN of an application load balancer",
    "^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/app/.+$",
    |arn| arn.service == "elasticloadbalancing"
        && !arn.region.is_empty()
        && has_name(arn.resource, "loadbalancer/app/"),
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shared/0a1b2c3d4e5f6071"
);

arn_value!(
    /// The ARN of a role.
    RoleArn,
    "the ARN of an IAM role",
    "^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$",
    |arn| arn.service == "iam" && arn.region.is_empty() && has_name(arn.resource, "role/"),
    "arn:aws:iam::123456789012:role/app-task"
);

arn_value!(
    /// The ARN of a secret or of a parameter.
    SecretArn,
    "the ARN of a secret in Secrets Manager or of a parameter in SSM",
    "^arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/).+$",
    |arn| match arn.service {
        "secretsmanager" => has_name(arn.resource, "secret:"),
        "ssm" => has_name(arn.resource, "parameter/"),
        _ => false,
    } && !arn.region.is_empty(),
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:database-AbCdEf"
);

fn has_name(resource: &str, prefix: &str) -> bool {
    resource.strip_prefix(prefix).is_some_and(|name| !name.is_empty())
}

/// Days that CloudWatch keeps a log, of those that it offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention(pub(crate) u32);
string_value!(
    Retention,
    "a time to keep logs such as 30d",
    {"type": "string", "pattern": "^[0-9]+d$"},
    retention
);

fn retention(written: &str) -> Result<Retention, Wrong> {
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
    const OFFERED: [u32; 22] = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557,
        2922, 3288, 3653,
    ];
    let days: Option<u32> = written.strip_suffix('d').and_then(|days| days.parse().ok());
    let Some(days) = days else {
        return Err(Wrong::new(format!("{written:?} is no time to keep logs"))
            .hint("write a whole number of days: 30d"));
    };
    if !OFFERED.contains(&days) {
        let below = OFFERED.iter().rev().find(|offered| **offered < days);
        let above = OFFERED.iter().find(|offered| **offered > days);
        let near: Vec<String> =
            below.into_iter().chain(above).map(|days| format!("{days}d")).collect();
        return Err(Wrong::new(format!("CloudWatch does not offer to keep logs for {days} days"))
            .hint(format!("the nearest are {}", near.join(" and "))));
    }
    Ok(Retention(days))
}
