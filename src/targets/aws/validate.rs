//! What AWS would refuse late, in the middle of a deploy, or not at all: said beforehand, at the
//! lines of `mizan.yaml`. Pure; what needs the account is checked once it was looked at.

mod account;
mod services;

pub use account::{account, cluster, network};

use crate::{
    config::Finding,
    model::{App, AwsTarget, SchemaSource, Target},
};

/// The longest name that a certificate of ACM can be for.
/// (<https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>)
const CERTIFICATE_NAME: usize = 64;

/// What is wrong with an app that is to run on AWS, as far as its configuration tells.
pub fn app(app: &App) -> Vec<Finding> {
    let Some(aws) = target(app) else { return Vec::new() };
    let mut findings = Vec::new();
    findings.extend(platform(app));
    findings.extend(edge_without_schema(app));
    findings.extend(certificate_name(app, aws));
    services::check(app, &mut findings);
    findings
}

fn target(app: &App) -> Option<&AwsTarget> {
    match &app.target {
        Target::Aws(aws) => Some(aws),
        Target::Local { .. } | Target::Azure { .. } | Target::Origin { .. } => None,
    }
}

/// The load balancer would let in the Edge alone, and there would be none.
fn edge_without_schema(app: &App) -> Option<Finding> {
    (app.edge.is_some() && app.schema == SchemaSource::None).then(|| {
        Finding::new(
            "schema",
            "without a schema the edge has nothing to cache by",
            "`auto` takes it out of the image, a path names its file; or leave the edge off",
        )
    })
}

fn platform(app: &App) -> Option<Finding> {
    let platform = &app.build.platform;
    (!["linux/amd64", "linux/arm64"].contains(&platform.as_str())).then(|| {
        Finding::new(
            "build.platform",
            format!("Fargate does not run {platform}"),
            "write linux/amd64 or linux/arm64",
        )
    })
}

fn certificate_name(app: &App, aws: &AwsTarget) -> Option<Finding> {
    let given = aws.certificate.is_some() || aws.load_balancer.is_some();
    let host = super::desired::balancer_host(app).filter(|_| !given)?;
    (host.len() > CERTIFICATE_NAME).then(|| {
        Finding::new(
            "edge.domain",
            format!(
                "the load balancer would answer to {host}, and a certificate is for at most \
                 {CERTIFICATE_NAME} characters"
            ),
            "choose a shorter domain or environment name, or name a `certificate` of your own",
        )
    })
}
