//! The fields of what outlives releases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Fields, created, differing, known, list};
use crate::{
    plan::{FieldDiff, FieldValue, ResourceId},
    targets::aws::spec::{
        Condition, DefaultAction, DnsRecord, Listener, LoadBalancer, Peer, Repository, Role, Rule,
        Scaling, SecurityGroup, TargetGroup, Thing,
    },
};

/// What a new thing will be like. Policies and the settings that every thing of its kind has are
/// left out.
pub(in super::super) fn of_new_thing(thing: &Thing) -> Vec<FieldDiff> {
    let mut fields = describe(thing);
    match thing {
        Thing::Repository(_) | Thing::Role(_) => fields.clear(),
        Thing::LoadBalancer(_) => fields.retain(|name, _| name == "subnets"),
        Thing::TargetGroup(_) => fields.retain(|name, _| name == "health" || name == "drain"),
        _ => fields.retain(|name, _| name != "description"),
    }
    created(fields)
}

/// What differs between two things.
pub(in super::super) fn of_things(before: &Thing, after: &Thing) -> Vec<FieldDiff> {
    let secret_differs =
        |name: &str| name == SECRET_FIELD && secret_versions(before) != secret_versions(after);
    differing(&describe(before), &describe(after), secret_differs)
}

fn describe(thing: &Thing) -> Fields {
    match thing {
        Thing::Repository(it) => repository(it),
        Thing::LogGroup(it) => {
            let days = it.retention_days.map(|days| ("log_retention", known(format!("{days}d"))));
            fields(days)
        }
        Thing::Role(it) => role(it),
        Thing::SecurityGroup(it) => security_group(it),
        Thing::Cluster(_) | Thing::Secret(_) | Thing::Certificate(_) => Fields::new(),
        Thing::LoadBalancer(it) => load_balancer(it),
        Thing::TargetGroup(it) => target_group(it),
        Thing::DnsRecord(it) => match it {
            DnsRecord::Origin { balancer, .. } => fields([("points to", known(balancer))]),
            DnsRecord::Validation { .. } => Fields::new(),
        },
        Thing::Listener(it) => listener(it),
        Thing::Rule(it) => rule(it),
        Thing::Scaling(it) => scaling(it),
    }
}

fn fields<'a>(pairs: impl IntoIterator<Item = (&'a str, FieldValue)>) -> Fields {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn repository(repository: &Repository) -> Fields {
    let immutable = ("immutable", known(repository.immutable));
    let lifecycle = repository.lifecycle.as_ref().map(|policy| ("lifecycle", known(policy)));
    fields([immutable].into_iter().chain(lifecycle))
}

/// A role's policies, as what they allow taken together: one field for each action.
fn role(role: &Role) -> Fields {
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for policy in role.policies.values() {
        let document: Value = serde_json::from_str(policy).unwrap_or_default();
        for statement in one_or_many(&document["Statement"]) {
            let effect = statement["Effect"].as_str().unwrap_or_default().to_lowercase();
            let condition = match &statement["Condition"] {
                Value::Null => String::new(),
                condition => format!(" if {condition}"),
            };
            for action in texts(&statement["Action"]) {
                let on = texts(&statement["Resource"]);
                let on = on.into_iter().map(|resource| format!("{resource}{condition}"));
                allowed.entry(format!("{effect} {action}")).or_default().extend(on);
            }
        }
    }
    let allowed = allowed.iter().map(|(action, on)| (action.clone(), list(on)));
    fields([("trust", known(&role.trust))]).into_iter().chain(allowed).collect()
}

fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

fn texts(value: &Value) -> Vec<&str> {
    one_or_many(value).iter().filter_map(Value::as_str).collect()
}

fn security_group(group: &SecurityGroup) -> Fields {
    let mut found =
        fields([("vpc", known(&group.vpc)), ("description", known(&group.description))]);
    for ingress in &group.ingress {
        let (Peer::Cidr(from) | Peer::Group(from)) = &ingress.from;
        found.insert(format!("port {} from {from}", ingress.port), known("open"));
    }
    found
}

fn load_balancer(balancer: &LoadBalancer) -> Fields {
    let scheme = if balancer.internal { "internal" } else { "internet-facing" };
    let own = fields([
        ("scheme", known(scheme)),
        ("subnets", list(&balancer.subnets)),
        ("security_groups", list(&balancer.groups)),
    ]);
    let attributes = balancer.attributes.iter();
    own.into_iter().chain(attributes.map(|(name, value)| (name.clone(), known(value)))).collect()
}

fn target_group(group: &TargetGroup) -> Fields {
    const DRAIN: &str = "deregistration_delay.timeout_seconds";
    let own = fields([
        ("vpc", known(&group.vpc)),
        ("health", known(&group.health_path)),
        ("health check codes", known(&group.matcher)),
        ("health check interval", known(format!("{}s", group.interval))),
        ("health check timeout", known(format!("{}s", group.timeout))),
        ("health check threshold", known(group.threshold)),
    ]);
    let attributes = group.attributes.iter().map(|(name, value)| match name.as_str() {
        DRAIN => ("drain".to_owned(), known(format!("{value}s"))),
        _ => (name.clone(), known(value)),
    });
    own.into_iter().chain(attributes).collect()
}

fn listener(listener: &Listener) -> Fields {
    let default = match &listener.default {
        DefaultAction::Forward(group) => format!("forward to {group}"),
        DefaultAction::Forbid => "403".to_owned(),
        DefaultAction::RedirectToHttps => "redirect to https".to_owned(),
    };
    let certificate = listener.certificate.as_ref().map(|it| ("certificate", known(it)));
    fields([("requests", known(default))].into_iter().chain(certificate))
}

/// The field that says that a rule asks for the Edge's secret.
const SECRET_FIELD: &str = "secret header";

fn rule(rule: &Rule) -> Fields {
    let mut found = fields([
        ("listener", known(rule.port)),
        ("requests", known(format!("forward to {}", rule.target_group))),
    ]);
    for condition in &rule.conditions {
        let (name, value) = match condition {
            Condition::Host(host) => ("host", known(host)),
            Condition::SecretHeader { secret, versions, .. } if versions.is_empty() => {
                (SECRET_FIELD, FieldValue::After(ResourceId::new("secret", secret).step_id()))
            }
            Condition::SecretHeader { .. } => (SECRET_FIELD, FieldValue::Masked),
        };
        found.insert(name.to_owned(), value);
    }
    found
}

/// The header and the versions that a rule accepts.
fn secret_versions(thing: &Thing) -> Option<&Condition> {
    let Thing::Rule(rule) = thing else { return None };
    rule.conditions.iter().find(|condition| matches!(condition, Condition::SecretHeader { .. }))
}

fn scaling(scaling: &Scaling) -> Fields {
    let bounds = [("scale.min", known(scaling.min)), ("scale.max", known(scaling.max))];
    let cpu = scaling.cpu.map(|cpu| ("scale.cpu", known(format!("{cpu}%"))));
    fields(bounds.into_iter().chain(cpu))
}
