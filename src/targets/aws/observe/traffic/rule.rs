//! The rules of a listener. Where a rule asks for the Edge's secret, its value is matched with the
//! versions of the secret, so that a rule which accepts another value is seen.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{Listener, Rule, RuleCondition};
use secrecy::{ExposeSecret, SecretString};

use super::{
    super::{
        super::{
            clients::Clients,
            seen::SeenThing,
            spec::{self, Condition},
        },
        answer::{Read, unless_missing},
        things::{secrets::StoredSecret, thing},
    },
    Around, listener, name_in,
};

/// The tag with what we call the rule.
const NAME: &str = "Name";
/// Stands for a value that no version of the secret has.
const FOREIGN: &str = "unknown";

/// The values of the Edge's secret, by version.
#[derive(Debug, Default)]
pub(in super::super) struct SecretValues(BTreeMap<String, SecretString>);

impl SecretValues {
    /// Reads the values of all versions of a secret.
    pub async fn read(clients: &Clients, secret: &StoredSecret) -> Read<Self> {
        let what = format!("cannot read the secret {}", secret.name);
        let mut values = BTreeMap::new();
        for version in &secret.versions {
            let request = clients.secrets.get_secret_value().secret_id(&secret.arn);
            let found = request.version_id(version).send().await;
            let found = unless_missing(&what, &["ResourceNotFoundException"], found)?;
            let value = found.and_then(|found| found.secret_string);
            values.extend(value.map(|value| (version.clone(), SecretString::from(value))));
        }
        Ok(Self(values))
    }

    fn version(&self, value: &str) -> String {
        let mut values = self.0.iter();
        let found = values.find(|(_, known)| known.expose_secret() == value);
        found.map_or_else(|| FOREIGN.to_owned(), |(version, _)| version.clone())
    }
}

/// All rules of a listener but its default one.
pub(super) async fn read(clients: &Clients, listener: &str) -> Read<Vec<Rule>> {
    let what = "cannot read the rules of the listener";
    let mut pages = clients.elb.describe_rules().listener_arn(listener).into_paginator().send();
    let mut rules = Vec::new();
    while let Some(page) = pages.next().await {
        let page = unless_missing(what, &["ListenerNotFound"], page)?;
        rules.extend(page.and_then(|page| page.rules).unwrap_or_default());
    }
    rules.retain(|rule| rule.is_default != Some(true));
    Ok(rules)
}

/// True if the rule asks for a header.
pub(super) fn has_header(rule: &Rule) -> bool {
    rule.conditions().iter().any(|condition| condition.http_header_config.is_some())
}

/// A rule of ours. `own` is our own balancer's ARN: other balancers go by their ARNs.
pub(super) fn seen(
    around: &Around<'_>,
    own: Option<&str>,
    listener: &Listener,
    found: &Rule,
    tags: &BTreeMap<String, String>,
) -> SeenThing {
    let balancer = listener.load_balancer_arn().unwrap_or_default();
    let is_own = own == Some(balancer);
    let conditions = found.conditions().iter().flat_map(|it| conditions(around, it));
    let spec = spec::Rule {
        name: tags.get(NAME).cloned().unwrap_or_else(|| around.scope.prefix()),
        balancer: if is_own { name_in(balancer) } else { balancer }.to_owned(),
        port: listener::port(listener),
        conditions: conditions.collect(),
        target_group: found.actions().last().and_then(listener::target_group).unwrap_or_default(),
    };
    let mut seen = thing(around.scope, spec::Thing::Rule(spec), found.rule_arn.clone(), tags);
    let listener = listener.listener_arn.clone().map(|arn| ("listener".to_owned(), arn));
    let priority = found.priority.clone().map(|priority| ("priority".to_owned(), priority));
    seen.attributes.extend(listener.into_iter().chain(priority));
    seen
}

/// A condition; one that we would never set becomes a host that no request has, in AWS's words.
fn conditions(around: &Around<'_>, found: &RuleCondition) -> Vec<Condition> {
    if let Some(header) = &found.http_header_config {
        let versions: BTreeSet<String> =
            header.values().iter().map(|value| around.values.version(value)).collect();
        return vec![Condition::SecretHeader {
            name: header.http_header_name.clone().unwrap_or_default(),
            secret: around.scope.origin_secret(),
            versions,
        }];
    }
    let hosts = found.host_header_config.as_ref().map(|it| it.values()).unwrap_or_default();
    if !hosts.is_empty() {
        return hosts.iter().cloned().map(Condition::Host).collect();
    }
    match found.field() {
        // Some answers have only the short form.
        Some("host-header") => found.values().iter().cloned().map(Condition::Host).collect(),
        field => vec![Condition::Host(format!("({})", field.unwrap_or("unknown")))],
    }
}
