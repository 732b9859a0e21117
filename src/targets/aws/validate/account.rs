//! What shows once the account was looked at: whose ARNs these are, and whether the network can
//! carry the app.

use std::collections::BTreeSet;

use super::target;
use crate::{
    config::Finding,
    model::App,
    targets::aws::{
        desired::GivenBalancer,
        names::Scope,
        seen::{Egress, Network},
    },
};

/// What is wrong with what `mizan.yaml` names, in this account.
pub fn account(app: &App, scope: &Scope) -> Vec<Finding> {
    let Some(aws) = target(app) else { return Vec::new() };
    let named = [
        ("certificate", &aws.certificate),
        ("load_balancer", &aws.load_balancer),
        ("execution_role", &aws.execution_role),
        ("task_role", &aws.task_role),
    ];
    let foreign = named.into_iter().filter_map(|(field, arn)| {
        let owner = arn.as_ref()?.split(':').nth(4)?;
        (owner != scope.account).then(|| {
            Finding::new(
                format!("target.aws.{field}"),
                format!("this belongs to account {owner}, and you are in {}", scope.account),
                "sign in to the other account, or name one of this account",
            )
        })
    });
    foreign.collect()
}

/// What is wrong with the cluster that is named. The release step would be the first to miss it,
/// when nearly everything is made.
pub fn cluster(app: &App, is_there: bool) -> Option<Finding> {
    let aws = target(app)?;
    let name = aws.cluster.as_ref().filter(|_| !is_there)?;
    Some(Finding::new(
        "target.aws.cluster",
        format!("there is no cluster {name} in {}", aws.region),
        "correct its name, or remove it: then one is made",
    ))
}

/// What is wrong with the network, and with the load balancer that is named.
pub fn network(app: &App, network: &Network, balancer: Option<&GivenBalancer>) -> Vec<Finding> {
    let Some(aws) = target(app) else { return Vec::new() };
    if network.vpc.is_empty() {
        return vec![Finding::new(
            "target.aws",
            format!("this account has no default VPC in {}", aws.region),
            "name one: `vpc: vpc-...`, with `subnets` in two zones",
        )];
    }
    let mut findings = Vec::new();
    elsewhere(network, &mut findings);
    findings.extend(no_way_out(network));
    match balancer {
        Some(balancer) => given_balancer(balancer, network, &mut findings),
        None => findings.extend(zones(network)),
    }
    findings
}

const SUBNETS: &str = "target.aws.subnets";

fn elsewhere(network: &Network, findings: &mut Vec<Finding>) {
    let other = network.subnets.iter().filter(|subnet| subnet.vpc != network.vpc);
    findings.extend(other.map(|subnet| {
        Finding::new(
            SUBNETS,
            format!("{} is in {}, and not in {}", subnet.id, subnet.vpc, network.vpc),
            "all subnets are in one VPC",
        )
    }));
}

/// A task without a way out cannot pull its image, and says so minutes later.
fn no_way_out(network: &Network) -> Option<Finding> {
    if network.subnets.is_empty() {
        return Some(Finding::new(
            SUBNETS,
            format!("{} has no subnets", network.vpc),
            "make two in different zones, or name another VPC",
        ));
    }
    let closed: Vec<&str> = network
        .subnets
        .iter()
        .filter(|subnet| subnet.egress == Egress::None)
        .map(|subnet| subnet.id.as_str())
        .collect();
    (closed.len() == network.subnets.len()).then(|| {
        Finding::new(
            SUBNETS,
            format!(
                "nothing gets out of {}: images cannot be pulled, and logs cannot be written",
                closed.join(", ")
            ),
            "give them a route to a NAT gateway, or name public subnets",
        )
    })
}

fn zones(network: &Network) -> Option<Finding> {
    let public = network.subnets.iter().filter(|subnet| subnet.egress == Egress::Public);
    let zones: BTreeSet<&str> = public.map(|subnet| subnet.zone.as_str()).collect();
    (zones.len() < 2).then(|| {
        let found = match zones.first() {
            None => "there are none".to_owned(),
            Some(zone) => format!("they are all in {zone}"),
        };
        Finding::new(
            SUBNETS,
            format!("a load balancer needs public subnets in two zones, and {found}"),
            "add a subnet with a route to an internet gateway in another zone",
        )
    })
}

fn given_balancer(balancer: &GivenBalancer, network: &Network, findings: &mut Vec<Finding>) {
    const FIELD: &str = "target.aws.load_balancer";
    if balancer.vpc != network.vpc {
        findings.push(Finding::new(
            FIELD,
            format!(
                "the load balancer is in {}, and the subnets are in {}",
                balancer.vpc, network.vpc
            ),
            format!("name subnets of {}", balancer.vpc),
        ));
    }
    if !balancer.ports.contains(&443) && !balancer.ports.contains(&80) {
        findings.push(Finding::new(
            FIELD,
            "the load balancer has no listener at port 443 or 80",
            "add one; its default action may be a fixed response",
        ));
    }
    if balancer.groups.is_empty() {
        findings.push(Finding::new(
            FIELD,
            "the load balancer has no security group, so its requests cannot be told from others",
            "give it one",
        ));
    }
}
