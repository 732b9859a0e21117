//! The way of requests: load balancer, target group, listeners and rules. ARNs of load balancing
//! have a random part, so listeners are asked for when their balancer is known, rules when their
//! listener is, and the tags of all of them in the end at once.

mod attributes;
mod balancer;
mod listener;
mod rule;
mod target_group;

pub use balancer::{balancer_dns, given_balancer};

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types as elb;
use futures_util::future::{join_all, try_join_all};

use super::{
    super::{clients::Clients, names::Scope, seen::SeenThing},
    answer::{Read, answer, tags},
    groups::GroupNames,
    lookup::Lookup,
};
pub(super) use attributes::Compared;
pub(super) use rule::SecretValues;

/// ARNs whose tags one question may be about.
const TAG_BATCH: usize = 20;

type Attributes = BTreeMap<String, String>;
type Balancer = (elb::LoadBalancer, Attributes);
type WithRules = (elb::Listener, Vec<elb::Rule>);

/// Everything of load balancing, in AWS's own words.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    balancer: Option<Balancer>,
    target_groups: Vec<(elb::TargetGroup, Attributes)>,
    /// Listeners of our own and of given balancers.
    listeners: Vec<WithRules>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
}

impl Traffic {
    /// Reads it all.
    pub async fn read(clients: &Clients, scope: &Scope, lookup: &Lookup) -> Read<Self> {
        let groups = lookup.names("target-group");
        let groups = groups.iter().map(|name| target_group::read(clients, name));
        let given = lookup.balancers.iter().map(|arn| listener::with_rules(clients, arn));
        let (own, target_groups, given) = tokio::try_join!(
            Self::own(clients, scope),
            try_join_all(groups),
            try_join_all(given),
        )?;
        let (balancer, mut listeners) = own;
        listeners.extend(given.into_iter().flatten());
        let target_groups = target_groups.into_iter().flatten().collect();
        let mut traffic = Self { balancer, target_groups, listeners, ..Self::default() };
        traffic.tags = read_tags(clients, traffic.arns()).await?;
        Ok(traffic)
    }

    /// Our own balancer, with its listeners.
    async fn own(clients: &Clients, scope: &Scope) -> Read<(Option<Balancer>, Vec<WithRules>)> {
        let Some(found) = balancer::read(clients, &scope.balancer()).await? else {
            return Ok((None, Vec::new()));
        };
        let arn = found.load_balancer_arn.clone().unwrap_or_default();
        let (attributes, listeners) = tokio::try_join!(
            attributes::of_balancer(clients, &arn),
            listener::with_rules(clients, &arn),
        )?;
        Ok((Some((found, attributes)), listeners))
    }

    /// The ARNs of everything that can be ours.
    fn arns(&self) -> Vec<String> {
        let balancer = self.balancer.iter().filter_map(|(it, _)| it.load_balancer_arn.clone());
        let groups = self.target_groups.iter().filter_map(|(it, _)| it.target_group_arn.clone());
        let listeners = self.listeners.iter().filter_map(|(it, _)| it.listener_arn.clone());
        let rules = self.rules().filter_map(|(_, rule)| rule.rule_arn.clone());
        balancer.chain(groups).chain(listeners).chain(rules).collect()
    }

    fn rules(&self) -> impl Iterator<Item = (&elb::Listener, &elb::Rule)> {
        self.listeners
            .iter()
            .flat_map(|(listener, rules)| rules.iter().map(move |it| (listener, it)))
    }

    /// The health path of the target group of this ARN.
    pub fn health_path(&self, group: Option<&str>) -> Option<String> {
        let mut groups = self.target_groups.iter().map(|(found, _)| found);
        groups.find(|found| found.target_group_arn() == group)?.health_check_path.clone()
    }

    fn tags(&self, arn: Option<&str>) -> BTreeMap<String, String> {
        arn.and_then(|arn| self.tags.get(arn)).cloned().unwrap_or_default()
    }

    /// The ARN of our own balancer.
    pub fn balancer_arn(&self) -> Option<&str> {
        self.balancer.as_ref()?.0.load_balancer_arn()
    }

    /// True if a rule of ours asks for a secret.
    pub fn has_secret_rule(&self, scope: &Scope) -> bool {
        let mut rules = self.rules();
        rules.any(|(_, it)| scope.owns(&self.tags(it.rule_arn())) && rule::has_header(it))
    }

    /// Everything in the terms of the specification. Of the rules only ours: others on the same
    /// listener are none of our business.
    pub fn things(&self, around: &Around<'_>) -> Vec<SeenThing> {
        let balancer = self.balancer.as_ref().map(|(found, attributes)| {
            let tags = self.tags(found.load_balancer_arn());
            balancer::seen(around, found, attributes, &tags)
        });
        let groups = self.target_groups.iter().map(|(found, attributes)| {
            let tags = self.tags(found.target_group_arn());
            target_group::seen(around, found, attributes, &tags)
        });
        // The listeners of a balancer of others are not ours, whatever their tags say.
        let own = self.balancer_arn();
        let listeners = self.listeners.iter().map(|(listener, _)| listener);
        let listeners = listeners
            .filter(|it| it.load_balancer_arn() == own)
            .map(|found| listener::seen(around, found, &self.tags(found.listener_arn())));
        let rules = self.rules().filter_map(|(listener, found)| {
            let tags = self.tags(found.rule_arn());
            around.scope.owns(&tags).then(|| rule::seen(around, own, listener, found, &tags))
        });
        balancer.into_iter().chain(groups).chain(listeners).chain(rules).collect()
    }
}

/// What the conversion needs to know beside AWS's words.
pub(super) struct Around<'a> {
    /// Whose it is.
    pub scope: &'a Scope,
    /// The names of our security groups.
    pub groups: &'a GroupNames,
    /// Our certificates: ARN to domain.
    pub certificates: &'a BTreeMap<String, String>,
    /// The attributes that are compared, by the kind of thing.
    pub attributes: &'a Compared,
    /// The values of the Edge's secret, by version.
    pub values: &'a SecretValues,
}

/// The tags of all ARNs.
async fn read_tags(
    clients: &Clients,
    arns: Vec<String>,
) -> Read<BTreeMap<String, BTreeMap<String, String>>> {
    let batches = arns
        .chunks(TAG_BATCH)
        .map(|batch| clients.elb.describe_tags().set_resource_arns(Some(batch.to_vec())).send());
    let mut all = BTreeMap::new();
    for answered in join_all(batches).await {
        let answered = answer("cannot read the tags of the load balancer", answered)?;
        for described in answered.tag_descriptions.unwrap_or_default() {
            let tagged = described.tags.unwrap_or_default().into_iter();
            let tagged = tags(tagged.map(|tag| (tag.key, tag.value)));
            all.insert(described.resource_arn.unwrap_or_default(), tagged);
        }
    }
    Ok(all)
}

/// The name in the ARN of a balancer (`…:loadbalancer/app/<name>/<id>`) or of a target group
/// (`…:targetgroup/<name>/<id>`).
pub(super) fn name_in(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}
