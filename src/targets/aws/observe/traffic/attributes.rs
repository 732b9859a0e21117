//! Attributes of balancers and target groups. AWS has many; what is compared are those that we set.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    super::{clients::Clients, spec::Thing},
    answer::{Read, answer, unless_missing},
};
use crate::targets::aws::Desired;

/// The names of the attributes that are compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Of balancers.
    pub balancer: BTreeSet<String>,
    /// Of target groups.
    pub target_group: BTreeSet<String>,
}

impl Compared {
    /// Those that are desired; without a desired state none are of interest.
    pub fn of(want: Option<&Desired>) -> Self {
        let mut compared = Self::default();
        for thing in want.iter().flat_map(|want| &want.things) {
            match thing {
                Thing::LoadBalancer(it) => compared.balancer.extend(it.attributes.keys().cloned()),
                Thing::TargetGroup(it) => {
                    compared.target_group.extend(it.attributes.keys().cloned());
                }
                _ => {}
            }
        }
        compared
    }
}

/// Only the named ones.
pub(super) fn only(
    names: &BTreeSet<String>,
    found: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let named = found.iter().filter(|(name, _)| names.contains(*name));
    named.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// All attributes of a balancer.
pub(super) async fn of_balancer(clients: &Clients, arn: &str) -> Read<BTreeMap<String, String>> {
    let request = clients.elb.describe_load_balancer_attributes().load_balancer_arn(arn);
    let found = answer("cannot read the attributes of the load balancer", request.send().await)?;
    let found = found.attributes.unwrap_or_default().into_iter();
    Ok(super::tags(found.map(|it| (it.key, it.value))))
}

/// All attributes of a target group.
pub(super) async fn of_target_group(
    clients: &Clients,
    arn: &str,
) -> Read<BTreeMap<String, String>> {
    let request = clients.elb.describe_target_group_attributes().target_group_arn(arn);
    let what = "cannot read the attributes of the target group";
    let found = unless_missing(what, &["TargetGroupNotFound"], request.send().await)?;
    let found = found.and_then(|found| found.attributes).unwrap_or_default().into_iter();
    Ok(super::tags(found.map(|it| (it.key, it.value))))
}
