//! What must be there before what, and what must be gone before what.

use super::super::spec::{Condition, DefaultAction, DnsRecord, Listener, Peer, Rule, Thing};
use crate::plan::ResourceId;

/// What must be there before this thing.
pub(super) fn needs(thing: &Thing) -> Vec<ResourceId> {
    let group = |name: &String| ResourceId::new("security-group", name);
    match thing {
        Thing::SecurityGroup(it) => it
            .ingress
            .iter()
            .filter_map(|ingress| match &ingress.from {
                Peer::Group(name) => Some(group(name)),
                Peer::Cidr(_) => None,
            })
            .collect(),
        Thing::LoadBalancer(it) => it.groups.iter().map(group).collect(),
        Thing::DnsRecord(DnsRecord::Origin { balancer, .. }) => vec![load_balancer(balancer)],
        Thing::DnsRecord(DnsRecord::Validation { domain }) => {
            vec![ResourceId::new("certificate", domain)]
        }
        Thing::Listener(it) => listener_needs(it),
        Thing::Rule(it) => rule_needs(it),
        Thing::Scaling(it) => vec![super::service_resource(&it.service)],
        Thing::Repository(_)
        | Thing::LogGroup(_)
        | Thing::Role(_)
        | Thing::Cluster(_)
        | Thing::Secret(_)
        | Thing::TargetGroup(_)
        | Thing::Certificate(_) => vec![],
    }
}

fn load_balancer(name: &str) -> ResourceId {
    ResourceId::new("load-balancer", name)
}

fn target_group(name: &str) -> ResourceId {
    ResourceId::new("target-group", name)
}

/// A certificate is of use once it is valid, which its validation record's step waits for.
fn listener_needs(listener: &Listener) -> Vec<ResourceId> {
    let mut needs = vec![load_balancer(&listener.balancer)];
    if let Some(domain) = &listener.certificate {
        let validation = Thing::DnsRecord(DnsRecord::Validation { domain: domain.clone() });
        needs.extend([ResourceId::new("certificate", domain), validation.id()]);
    }
    if let DefaultAction::Forward(group) = &listener.default {
        needs.push(target_group(group));
    }
    needs
}

fn rule_needs(rule: &Rule) -> Vec<ResourceId> {
    let secrets = rule.conditions.iter().filter_map(|condition| match condition {
        Condition::SecretHeader { secret, .. } => Some(ResourceId::new("secret", secret)),
        Condition::Host(_) => None,
    });
    let listener = ResourceId::new("listener", rule.port.to_string());
    secrets.chain([listener, target_group(&rule.target_group)]).collect()
}

/// What must be gone before this thing goes, among those that go with it: what needs it. A record
/// of validation is looked up by its certificate's name alone, and stays as long as that.
pub(super) fn gone_before<'a>(
    thing: &Thing,
    going: impl IntoIterator<Item = &'a Thing>,
) -> Vec<ResourceId> {
    let id = thing.id();
    let first = |other: &&Thing| match (thing, *other) {
        (Thing::DnsRecord(DnsRecord::Validation { domain }), Thing::Certificate(other)) => {
            *domain == other.domain
        }
        (Thing::Certificate(_), Thing::DnsRecord(DnsRecord::Validation { .. })) => false,
        (_, other) => needs(other).contains(&id),
    };
    going.into_iter().filter(first).map(Thing::id).collect()
}
