//! The load balancer.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, LoadBalancerSchemeEnum};

use super::{
    super::{
        super::{
            clients::Clients, desired::GivenBalancer, failure::failure, names::Scope,
            seen::SeenThing, spec,
        },
        answer::{Read, or_default, unless_missing},
        things::thing,
    },
    Around, attributes, listener,
};
use crate::error::{Error, Result};

/// The host name of our own load balancer, if it exists and is ours to name.
///
/// # Errors
/// AWS cannot be reached or refuses.
pub async fn balancer_dns(clients: &Clients, scope: &Scope) -> Result<Option<String>> {
    let found = or_default(read(clients, &scope.balancer()).await)?;
    Ok(found.and_then(|found| found.dns_name))
}

/// The load balancer that `mizan.yaml` names.
///
/// # Errors
/// It is not there, or AWS cannot be reached or refuses.
pub async fn given_balancer(clients: &Clients, arn: &str) -> Result<GivenBalancer> {
    let what = format!("cannot read the load balancer {arn}");
    let (found, listeners) = tokio::join!(
        clients.elb.describe_load_balancers().load_balancer_arns(arn).send(),
        clients.elb.describe_listeners().load_balancer_arn(arn).send(),
    );
    let found = found.map_err(|error| {
        let hint = "check `load_balancer` and the region in mizan.yaml";
        failure(what.clone(), error).hint(hint)
    })?;
    let listeners = listeners.map_err(|error| failure(what, error))?;
    let found = found.load_balancers.unwrap_or_default().into_iter().next();
    let found =
        found.ok_or_else(|| Error::failed(format!("the load balancer {arn} is not there")))?;
    Ok(GivenBalancer {
        arn: arn.to_owned(),
        dns: found.dns_name.unwrap_or_default(),
        vpc: found.vpc_id.unwrap_or_default(),
        ports: listeners.listeners().iter().map(listener::port).collect(),
        groups: found.security_groups.unwrap_or_default().into_iter().collect(),
    })
}

pub(super) async fn read(clients: &Clients, name: &str) -> Read<Option<LoadBalancer>> {
    let found = clients.elb.describe_load_balancers().names(name).send().await;
    let what = format!("cannot read the load balancer {name}");
    let found = unless_missing(&what, &["LoadBalancerNotFound"], found)?;
    Ok(found.and_then(|found| found.load_balancers?.into_iter().next()))
}

pub(super) fn seen(
    around: &Around<'_>,
    found: &LoadBalancer,
    set: &BTreeMap<String, String>,
    tags: &BTreeMap<String, String>,
) -> SeenThing {
    let zones = found.availability_zones().iter();
    let spec = spec::LoadBalancer {
        name: found.load_balancer_name.clone().unwrap_or_default(),
        internal: found.scheme == Some(LoadBalancerSchemeEnum::Internal),
        subnets: zones.filter_map(|zone| zone.subnet_id.clone()).collect(),
        groups: around.groups.names(found.security_groups()),
        attributes: attributes::only(&around.attributes.balancer, set),
    };
    let arn = found.load_balancer_arn.clone();
    let mut seen = thing(around.scope, spec::Thing::LoadBalancer(spec), arn, tags);
    let state = found.state.as_ref().and_then(|state| state.code.as_ref());
    let told = [
        ("dns", found.dns_name.clone()),
        ("zone_id", found.canonical_hosted_zone_id.clone()),
        ("vpc", found.vpc_id.clone()),
        ("status", state.map(|state| state.as_str().to_owned())),
    ];
    let told = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    seen.attributes.extend(told);
    seen
}
