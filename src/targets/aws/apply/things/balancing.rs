//! What the parts of load balancing share: their tags, and how they find each other.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Listener as FoundListener, LoadBalancer as FoundBalancer, Tag,
};

use crate::{
    error::{Error, Result},
    plan::ResourceId,
    targets::aws::apply::{
        AwsExecutor,
        ownership::{TagMap, tag_map},
        wait::unless_absent,
    },
};

/// What is said about each kind when it is not there.
const ABSENT: [&str; 5] = [
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "ListenerNotFound",
    "RuleNotFound",
    "TrustStoreNotFound",
];
/// As many as one call tells the tags of.
const TAGS_AT_ONCE: usize = 20;

impl AwsExecutor {
    /// Our tags, for a call that creates something.
    pub(super) fn elb_tags(&self) -> Vec<Tag> {
        elb_tags(self.scope.tags())
    }

    /// The tags of a thing; none if it is gone by now.
    pub(super) async fn tags_of(&self, arn: &str) -> Result<TagMap> {
        let mut all = self.tags_of_all(&[arn.to_owned()]).await?;
        Ok(all.remove(arn).unwrap_or_default())
    }

    /// The tags of several things, by ARN.
    pub(super) async fn tags_of_all(&self, arns: &[String]) -> Result<BTreeMap<String, TagMap>> {
        let mut all = BTreeMap::new();
        for some in arns.chunks(TAGS_AT_ONCE) {
            let call = self.clients.elb.describe_tags().set_resource_arns(Some(some.to_vec()));
            let what = "cannot read the tags of the load balancer's parts";
            let answer = unless_absent(call.send().await, &ABSENT, what)?;
            let found = answer.and_then(|answer| answer.tag_descriptions).unwrap_or_default();
            all.extend(found.into_iter().filter_map(|thing| {
                let tags = tag_map(thing.tags().iter().map(|tag| (tag.key(), tag.value())));
                Some((thing.resource_arn?, tags))
            }));
        }
        Ok(all)
    }

    /// A load balancer by name.
    pub(super) async fn find_balancer(&self, name: &str) -> Result<Option<FoundBalancer>> {
        let call = self.clients.elb.describe_load_balancers().names(name);
        let what = format!("cannot read the load balancer {name}");
        let answer = unless_absent(call.send().await, &ABSENT, what)?;
        Ok(answer.and_then(|answer| answer.load_balancers.unwrap_or_default().pop()))
    }

    /// The ARN of a load balancer: ours, by name, or one that was given, by its ARN.
    pub(super) async fn balancer_arn(&self, balancer: &str) -> Result<Option<String>> {
        if balancer.starts_with("arn:") {
            return Ok(Some(balancer.to_owned()));
        }
        let found = self.find_balancer(balancer).await?;
        Ok(found.and_then(|found| found.load_balancer_arn))
    }

    /// The listener of a load balancer on a port.
    pub(super) async fn find_listener(
        &self,
        balancer: &str,
        port: u16,
    ) -> Result<Option<FoundListener>> {
        let Some(arn) = self.balancer_arn(balancer).await? else { return Ok(None) };
        let mut pages =
            self.clients.elb.describe_listeners().load_balancer_arn(arn).into_paginator().send();
        while let Some(page) = pages.next().await {
            let what = format!("cannot read the listeners of the load balancer {balancer}");
            let Some(page) = unless_absent(page, &ABSENT, what)? else { return Ok(None) };
            let mut listeners = page.listeners.unwrap_or_default().into_iter();
            if let Some(found) = listeners.find(|it| it.port() == Some(i32::from(port))) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The ARN of a target group of ours, which is there by now.
    pub(super) async fn target_group_arn(&self, name: &str) -> Result<String> {
        let found = self.find_target_group(name).await?;
        found.and_then(|found| found.target_group_arn).ok_or_else(|| missing("target-group", name))
    }
}

/// The error for something that a step before should have made.
pub(super) fn missing(kind: &'static str, name: &str) -> Error {
    let id = ResourceId::new(kind, name);
    Error::failed(format!("the {id} is not there, although it should be"))
        .hint("run the same command again")
}

/// Tags as these calls want them.
pub(super) fn elb_tags(tags: TagMap) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// To the target group.
pub(super) fn forward_to(target_group: &str) -> Action {
    Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(target_group).build()
}
