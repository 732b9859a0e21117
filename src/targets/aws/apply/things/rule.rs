//! A rule of a listener, ours or of a load balancer that was given. It is found by its tags: rules
//! have no names. Its priority is the lowest that is free; those of others are never moved.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, Rule as Found, RuleCondition,
};

use super::{
    super::AwsExecutor,
    balancing::{elb_tags, forward_to, missing},
    told,
};
use crate::{
    engine::{StepContext, StepOutput, Verdict},
    error::{Error, Result},
    plan::ResourceId,
    secret::SecretValue,
    targets::aws::{
        apply::wait::{PROPAGATION, unless_absent, unless_passing},
        failure::failure,
        names::Tags,
        spec::{Condition, Rule},
    },
};

const ABSENT: [&str; 2] = ["RuleNotFound", "ListenerNotFound"];
const TAKEN: [&str; 1] = ["PriorityInUse"];
/// Priorities are from 1 to this.
const LAST_PRIORITY: i32 = 50_000;

/// A rule in the terms of the calls.
struct Draft {
    conditions: Vec<RuleCondition>,
    target_group: String,
}

impl AwsExecutor {
    pub(super) async fn put_rule(
        &self,
        id: &ResourceId,
        spec: &Rule,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let listener = self.find_listener(&spec.balancer, spec.port).await?;
        let listener = listener
            .and_then(|listener| listener.listener_arn)
            .ok_or_else(|| missing("listener", &spec.port.to_string()))?;
        let draft = self.draft_rule(spec).await?;
        // Who was faster takes the priority, not the rule: another look, another priority.
        let attempt = async || {
            let rules = self.rules(id, &listener).await?;
            match self.our_rule(spec, &rules).await? {
                Some(arn) => {
                    self.change_rule(id, &arn, &draft).await?;
                    Ok(Verdict::Met(arn))
                }
                None => self.create_rule(id, &listener, spec, &draft, &rules).await,
            }
        };
        let what = format!("a free priority for the {id}");
        self.persist(what, PROPAGATION, context, attempt).await.map(told)
    }

    pub(super) async fn delete_rule(&self, id: &ResourceId, spec: &Rule) -> Result<()> {
        let listener = self.find_listener(&spec.balancer, spec.port).await?;
        let Some(listener) = listener.and_then(|it| it.listener_arn) else { return Ok(()) };
        let rules = self.rules(id, &listener).await?;
        let Some(arn) = self.our_rule(spec, &rules).await? else { return Ok(()) };
        let call = self.clients.elb.delete_rule().rule_arn(arn);
        unless_absent(call.send().await, &ABSENT, format!("cannot delete the {id}")).map(drop)
    }

    /// The rules of a listener but its default action.
    async fn rules(&self, id: &ResourceId, listener: &str) -> Result<Vec<Found>> {
        let call = self.clients.elb.describe_rules().listener_arn(listener);
        let mut pages = call.into_paginator().send();
        let mut rules = Vec::new();
        while let Some(page) = pages.next().await {
            let page = unless_absent(page, &ABSENT, format!("cannot read the {id}"))?;
            rules.extend(page.and_then(|page| page.rules).unwrap_or_default());
        }
        rules.retain(|rule| rule.is_default() != Some(true));
        Ok(rules)
    }

    /// The one whose tags say that it is ours and this one.
    async fn our_rule(&self, spec: &Rule, rules: &[Found]) -> Result<Option<String>> {
        let arns: Vec<_> = rules.iter().filter_map(|rule| rule.rule_arn.clone()).collect();
        let tagged = self.tags_of_all(&arns).await?;
        let mut ours = tagged
            .into_iter()
            .filter(|(_, tags)| self.scope.owns(tags) && tags.get(Tags::NAME) == Some(&spec.name));
        Ok(ours.next().map(|(arn, _)| arn))
    }

    async fn create_rule(
        &self,
        id: &ResourceId,
        listener: &str,
        spec: &Rule,
        draft: &Draft,
        rules: &[Found],
    ) -> Result<Verdict<String>> {
        let taken = rules.iter().filter_map(|rule| rule.priority()?.parse().ok()).collect();
        let priority = free_priority(&taken)
            .ok_or_else(|| Error::failed(format!("no priority is free for the {id}")))?;
        let mut tags = self.scope.tags();
        tags.insert(Tags::NAME.to_owned(), spec.name.clone());
        let call = self
            .clients
            .elb
            .create_rule()
            .listener_arn(listener)
            .priority(priority)
            .set_conditions(Some(draft.conditions.clone()))
            .actions(forward_to(&draft.target_group))
            .set_tags(Some(elb_tags(tags)));
        let made = unless_passing(call.send().await, &TAKEN, format!("cannot create the {id}"))?;
        Ok(match made {
            Verdict::Met(made) => {
                let made = made.rules.unwrap_or_default().pop();
                let arn = made.and_then(|made| made.rule_arn);
                Verdict::Met(
                    arn.ok_or_else(|| {
                        Error::failed(format!("AWS did not tell about the new {id}"))
                    })?,
                )
            }
            Verdict::Waiting(words) => Verdict::Waiting(words),
            Verdict::Failed(error) => Verdict::Failed(error),
        })
    }

    async fn change_rule(&self, id: &ResourceId, arn: &str, draft: &Draft) -> Result<()> {
        let what = format!("cannot change the {id}");
        let call = self
            .clients
            .elb
            .modify_rule()
            .rule_arn(arn)
            .set_conditions(Some(draft.conditions.clone()))
            .actions(forward_to(&draft.target_group));
        call.send().await.map(drop).map_err(|error| failure(what, error))
    }

    /// What the rule should be, with the secret's values: they go to AWS and nowhere else.
    async fn draft_rule(&self, spec: &Rule) -> Result<Draft> {
        let mut conditions = Vec::new();
        for condition in &spec.conditions {
            conditions.push(match condition {
                Condition::Host(host) => host_condition(host),
                Condition::SecretHeader { name, secret, versions } => {
                    let values = self.secrets().values(secret, versions).await?;
                    header_condition(name, values.iter().map(SecretValue::expose))
                }
            });
        }
        let target_group = self.target_group_arn(&spec.target_group).await?;
        Ok(Draft { conditions, target_group })
    }
}

fn host_condition(host: &str) -> RuleCondition {
    let hosts = HostHeaderConditionConfig::builder().values(host).build();
    RuleCondition::builder().field("host-header").host_header_config(hosts).build()
}

fn header_condition<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> RuleCondition {
    let header = HttpHeaderConditionConfig::builder()
        .http_header_name(name)
        .set_values(Some(values.map(str::to_owned).collect()))
        .build();
    RuleCondition::builder().field("http-header").http_header_config(header).build()
}

/// The lowest priority that nobody has: what is as special as ours should be asked before what
/// takes everything.
fn free_priority(taken: &BTreeSet<i32>) -> Option<i32> {
    (1..=LAST_PRIORITY).find(|priority| !taken.contains(priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_priority_is_taken() {
        let free = |taken: &[i32]| free_priority(&taken.iter().copied().collect());
        assert_eq!(free(&[]), Some(1));
        assert_eq!(free(&[1, 2, 4]), Some(3));
        assert_eq!(free(&[2]), Some(1));
        assert_eq!(free_priority(&(1..=LAST_PRIORITY).collect()), None);
    }

    #[test]
    fn a_header_condition_takes_every_given_value() {
        let condition = header_condition("x-secret", ["one", "two"].into_iter());
        let header = condition.http_header_config().expect("a header");
        assert_eq!(header.http_header_name(), Some("x-secret"));
        assert_eq!(header.values(), ["one", "two"]);
    }
}
