//! The target group of the web service: how health is asked, and its attributes.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetGroup as Found, TargetGroupAttribute, TargetTypeEnum,
};

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    plan::ResourceId,
    targets::aws::{
        apply::wait::{delete_attempt, unless_absent},
        failure::failure,
        spec::TargetGroup,
    },
};

const ABSENT: [&str; 1] = ["TargetGroupNotFound"];
const EXISTS: [&str; 1] = ["DuplicateTargetGroupName"];
const IN_USE: [&str; 1] = ["ResourceInUse"];
/// How long a listener that was deleted just now may hold it.
const RELEASE: Duration = Duration::from_secs(120);
/// ECS registers each task with the port it has; this one is asked for and never used.
const UNUSED_PORT: i32 = 80;

impl AwsExecutor {
    /// `CreateTargetGroup` may answer with what has the name already, so it is looked for first.
    pub(super) async fn put_target_group(
        &self,
        id: &ResourceId,
        spec: &TargetGroup,
    ) -> Result<StepOutput> {
        let arn = match self.find_target_group(&spec.name).await? {
            Some(found) => self.change_target_group(id, spec, &found).await?,
            None => match self.create_target_group(id, spec).await? {
                Some(arn) => arn,
                None => self.change_found_target_group(id, spec).await?,
            },
        };
        self.put_target_group_attributes(id, &arn, &spec.attributes).await?;
        Ok(told(arn))
    }

    pub(super) async fn delete_target_group(
        &self,
        id: &ResourceId,
        spec: &TargetGroup,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let found = self.find_target_group(&spec.name).await?;
        let Some(arn) = found.and_then(|it| it.target_group_arn) else { return Ok(()) };
        if !self.may_delete(id, &self.tags_of(&arn).await?, context) {
            return Ok(());
        }
        let attempt = async || {
            let call = self.clients.elb.delete_target_group().target_group_arn(&arn);
            delete_attempt(call.send().await, &ABSENT, &IN_USE, format!("cannot delete the {id}"))
        };
        self.persist(format!("the {id} to be free"), RELEASE, context, attempt).await
    }

    /// A target group by name.
    pub(super) async fn find_target_group(&self, name: &str) -> Result<Option<Found>> {
        let call = self.clients.elb.describe_target_groups().names(name);
        let what = format!("cannot read the target group {name}");
        let answer = unless_absent(call.send().await, &ABSENT, what)?;
        Ok(answer.and_then(|answer| answer.target_groups.unwrap_or_default().pop()))
    }

    /// The answer to an earlier call got lost, or somebody was faster.
    async fn change_found_target_group(
        &self,
        id: &ResourceId,
        spec: &TargetGroup,
    ) -> Result<String> {
        match self.find_target_group(&spec.name).await? {
            Some(found) => self.change_target_group(id, spec, &found).await,
            None => Err(Error::failed(format!("the {id} was there, and is gone"))
                .hint("run the same command again")),
        }
    }

    /// The ARN; nothing if the name is taken.
    async fn create_target_group(
        &self,
        id: &ResourceId,
        spec: &TargetGroup,
    ) -> Result<Option<String>> {
        let call = self
            .clients
            .elb
            .create_target_group()
            .name(&spec.name)
            .target_type(TargetTypeEnum::Ip)
            .protocol(ProtocolEnum::Http)
            .port(UNUSED_PORT)
            .vpc_id(&spec.vpc)
            .health_check_protocol(ProtocolEnum::Http)
            .health_check_path(&spec.health_path)
            .health_check_interval_seconds(spec.interval.cast_signed())
            .health_check_timeout_seconds(spec.timeout.cast_signed())
            .healthy_threshold_count(spec.threshold.cast_signed())
            .unhealthy_threshold_count(spec.threshold.cast_signed())
            .matcher(matcher(spec))
            .set_tags(Some(self.elb_tags()));
        let what = format!("cannot create the {id}");
        let Some(made) = unless_absent(call.send().await, &EXISTS, what)? else { return Ok(None) };
        let made = made.target_groups.unwrap_or_default().pop();
        made.and_then(|made| made.target_group_arn)
            .map(Some)
            .ok_or_else(|| Error::failed(format!("AWS did not tell about the new {id}")))
    }

    async fn change_target_group(
        &self,
        id: &ResourceId,
        spec: &TargetGroup,
        is: &Found,
    ) -> Result<String> {
        let arn = is.target_group_arn().unwrap_or_default();
        self.must_own(id, &self.tags_of(arn).await?)?;
        if is.vpc_id() != Some(&spec.vpc) {
            return Err(Error::failed(format!("the {id} cannot move to another VPC"))
                .hint("mizan destroy, then mizan deploy"));
        }
        let call = self
            .clients
            .elb
            .modify_target_group()
            .target_group_arn(arn)
            .health_check_path(&spec.health_path)
            .health_check_interval_seconds(spec.interval.cast_signed())
            .health_check_timeout_seconds(spec.timeout.cast_signed())
            .healthy_threshold_count(spec.threshold.cast_signed())
            .unhealthy_threshold_count(spec.threshold.cast_signed())
            .matcher(matcher(spec));
        let what = format!("cannot change the health check of the {id}");
        call.send().await.map_err(|error| failure(what, error))?;
        Ok(arn.to_owned())
    }

    async fn put_target_group_attributes(
        &self,
        id: &ResourceId,
        arn: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<()> {
        if attributes.is_empty() {
            return Ok(());
        }
        let attributes = attributes
            .iter()
            .map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build());
        let call = self.clients.elb.modify_target_group_attributes().target_group_arn(arn);
        let answer = call.set_attributes(Some(attributes.collect())).send().await;
        let what = format!("cannot change the attributes of the {id}");
        answer.map(drop).map_err(|error| failure(what, error))
    }
}

fn matcher(spec: &TargetGroup) -> Matcher {
    Matcher::builder().http_code(&spec.matcher).build()
}
