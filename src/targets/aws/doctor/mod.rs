//! What has to be there for a deploy to AWS: credentials, permissions, quotas, network, certificate,
//! DNS. Everything is asked at once, and nothing is changed.

mod permissions;
mod quotas;

use futures_util::future::{join, join5};

use super::{
    certificates::Certificates, clients::Clients, desired::balancer_host, names::Scope, observe,
    permissions::Environment, validate,
};
use crate::{
    cloudflare::Cloudflare,
    error::{Error, ErrorKind, Result},
    model::{App, AwsTarget},
    targets::{Check, local},
};

/// All checks of an environment.
pub async fn checks(
    app: &App,
    target: &AwsTarget,
    cloudflare: Result<Option<Cloudflare>>,
) -> Vec<Check> {
    let cloud = cloud(app, target, cloudflare);
    let (engine, cloud) = join(local::doctor::engine(), Box::pin(cloud)).await;
    [vec![engine], cloud].concat()
}

async fn cloud(
    app: &App,
    target: &AwsTarget,
    cloudflare: Result<Option<Cloudflare>>,
) -> Vec<Check> {
    let clients = match Clients::new(&target.region).await {
        Ok(clients) => clients,
        Err(error) => return vec![Check::error("credentials", &error)],
    };
    let scope = match observe::identity(&clients, &app.name, &app.env, &target.region).await {
        Ok(scope) => scope,
        Err(error) => return vec![Check::error("credentials", &error)],
    };
    let environment = Environment::of(&scope, app, target);
    let checks = join5(
        permissions::check(&clients, &environment),
        quotas::checks(&clients, &scope, app),
        network(app, target, &clients),
        certificate(target, &clients, &scope, app),
        dns(app, target, cloudflare),
    );
    let (permissions, quotas, network, certificate, dns) = Box::pin(checks).await;
    let who = Check::ok("credentials", format!("account {} in {}", scope.account, scope.region));
    let mut checks = vec![who];
    checks.extend(permissions);
    checks.extend(network);
    checks.extend(quotas);
    checks.extend([certificate, dns]);
    checks
}

/// The VPC, its subnets and zones, and their way out; and what of `mizan.yaml` AWS cannot do.
async fn network(app: &App, target: &AwsTarget, clients: &Clients) -> Vec<Check> {
    const NAME: &str = "network";
    let network = match observe::network(clients, target).await {
        Ok(network) => network,
        Err(error) => return vec![Check::error(NAME, &error)],
    };
    let balancer = match &target.load_balancer {
        Some(arn) => match observe::given_balancer(clients, arn).await {
            Ok(balancer) => Some(balancer),
            Err(error) => return vec![Check::error(NAME, &error)],
        },
        None => None,
    };
    let mut findings = validate::app(app);
    findings.extend(validate::network(app, &network, balancer.as_ref()));
    if findings.is_empty() {
        let (subnets, vpc) = (network.subnets.len(), &network.vpc);
        return vec![Check::ok(NAME, format!("{subnets} subnets of {vpc}, with a way out"))];
    }
    let told = findings.into_iter().map(|finding| {
        let what = format!("{}: {}", finding.path, finding.message);
        Check::failed(NAME, ErrorKind::Invalid, what).hint(finding.hint)
    });
    told.collect()
}

async fn certificate(target: &AwsTarget, clients: &Clients, scope: &Scope, app: &App) -> Check {
    const NAME: &str = "certificate";
    let certificates = Certificates { acm: &clients.acm, scope };
    let seen = match (&target.certificate, balancer_host(app).as_ref()) {
        (Some(arn), _) => certificates.describe(arn).await.map(|seen| (arn.clone(), seen)),
        (None, Some(domain)) => {
            certificates.current(domain).await.map(|seen| (domain.clone(), seen))
        }
        (None, None) => return Check::warning(NAME, "none: the origin speaks plain HTTP"),
    };
    match seen {
        Ok((of, Some(seen))) if seen.is_issued() => Check::ok(NAME, format!("{of} is issued")),
        Ok((of, Some(seen))) if seen.is_alive() => {
            Check::warning(NAME, format!("{of} is {}", seen.status.as_str()))
        }
        Ok((of, Some(seen))) => {
            let what = format!("{of} is {}", seen.status.as_str());
            Check::failed(NAME, ErrorKind::Failed, what)
        }
        Ok((of, None)) if target.certificate.is_some() => {
            Check::failed(NAME, ErrorKind::Invalid, format!("{of} is not there"))
                .hint("check `certificate` in mizan.yaml: it must be of this account and region")
        }
        Ok((of, None)) => Check::ok(NAME, format!("a deploy will ask for one for {of}")),
        Err(error) => Check::error(NAME, &error),
    }
}

async fn dns(app: &App, target: &AwsTarget, cloudflare: Result<Option<Cloudflare>>) -> Check {
    const NAME: &str = "dns";
    let Some(domain) = &app.domain else {
        return Check::skipped(NAME, "no domain is set");
    };
    if target.certificate.is_some() {
        return Check::skipped(NAME, "the certificate is given");
    }
    match cloudflare {
        Ok(Some(cloudflare)) => match cloudflare.zone_of(domain).await {
            Ok(zone) => {
                Check::ok(NAME, format!("{domain} is in the Cloudflare zone {}", zone.name))
            }
            Err(error) => Check::error(NAME, &error),
        },
        Ok(None) => Check::error(
            NAME,
            &Error::new(ErrorKind::Denied, "CLOUDFLARE_API_TOKEN is not set")
                .hint("a token with Zone Read and DNS Edit for the zone of the domain"),
        ),
        Err(error) => Check::error(NAME, &error),
    }
}
