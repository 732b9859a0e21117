//! Autoscaling of a service: its bounds, and the CPU use that it aims at.
//!
//! What is registered has no name but the service's, so it is ours if the service is: its tags
//! decide. Without the service nobody's is left, as its name is one of ours.

use std::collections::HashMap;

use aws_sdk_applicationautoscaling::types::{
    MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ServiceNamespace,
    TargetTrackingScalingPolicyConfiguration,
};

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Context, ErrorKind, Result},
    plan::ResourceId,
    targets::aws::{
        apply::{ownership::TagMap, task_definition::from_ecs_tags, wait::unless_absent},
        failure::failure,
        spec::Scaling,
    },
};

/// The second is what an emulator says.
const ABSENT: [&str; 2] = ["ObjectNotFoundException", "ValidationException"];
const TASKS: ScalableDimension = ScalableDimension::EcsServiceDesiredCount;

impl AwsExecutor {
    pub(super) async fn put_scaling(&self, id: &ResourceId, spec: &Scaling) -> Result<StepOutput> {
        if let Some(tags) = self.tags_of_scaled(&spec.service).await? {
            self.must_own(id, &tags)?;
        }
        let arn = self.register_target(id, spec).await?;
        match spec.cpu {
            Some(cpu) => self.put_scaling_policy(id, &spec.service, cpu).await?,
            None => self.delete_scaling_policy(id, &spec.service).await?,
        }
        Ok(told(arn))
    }

    /// AWS takes policies away with their target; they go first all the same, as somebody who was
    /// cut off in between would not know of them.
    pub(super) async fn delete_scaling(
        &self,
        id: &ResourceId,
        spec: &Scaling,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let tags = self.tags_of_scaled(&spec.service).await?;
        if tags.is_some_and(|tags| !self.may_delete(id, &tags, context)) {
            return Ok(());
        }
        self.delete_scaling_policy(id, &spec.service).await?;
        let call = self
            .clients
            .scaling
            .deregister_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(self.scaled_resource(&spec.service))
            .scalable_dimension(TASKS);
        unless_absent(call.send().await, &ABSENT, format!("cannot delete the {id}")).map(drop)
    }

    /// Tags can be given at the first registration only.
    async fn register_target(&self, id: &ResourceId, spec: &Scaling) -> Result<String> {
        let tags: Option<HashMap<_, _>> = match self.is_registered(id, &spec.service).await? {
            true => None,
            false => Some(self.scope.tags().into_iter().collect()),
        };
        let call = self
            .clients
            .scaling
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(self.scaled_resource(&spec.service))
            .scalable_dimension(TASKS)
            .min_capacity(spec.min.cast_signed())
            .max_capacity(spec.max.cast_signed())
            .set_tags(tags);
        let what = format!("cannot register the {id}");
        let answer = call.send().await.map_err(|error| failure(what, error))?;
        let resource = || self.scaled_resource(&spec.service);
        Ok(answer.scalable_target_arn.unwrap_or_else(resource))
    }

    async fn is_registered(&self, id: &ResourceId, service: &str) -> Result<bool> {
        let call = self
            .clients
            .scaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_ids(self.scaled_resource(service))
            .scalable_dimension(TASKS);
        let what = format!("cannot read the {id}");
        let answer = call.send().await.map_err(|error| failure(what, error))?;
        Ok(!answer.scalable_targets().is_empty())
    }

    async fn put_scaling_policy(&self, id: &ResourceId, service: &str, cpu: u8) -> Result<()> {
        let what = || format!("cannot put the policy of the {id}");
        let metric = PredefinedMetricSpecification::builder()
            .predefined_metric_type(MetricType::EcsServiceAverageCpuUtilization)
            .build()
            .context(ErrorKind::Failed, what)?;
        let aim = TargetTrackingScalingPolicyConfiguration::builder()
            .target_value(f64::from(cpu))
            .predefined_metric_specification(metric)
            .build()
            .context(ErrorKind::Failed, what)?;
        let call = self
            .clients
            .scaling
            .put_scaling_policy()
            .policy_name(self.scaling_policy(service))
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(self.scaled_resource(service))
            .scalable_dimension(TASKS)
            .policy_type(PolicyType::TargetTrackingScaling)
            .target_tracking_scaling_policy_configuration(aim);
        call.send().await.map(drop).map_err(|error| failure(what(), error))
    }

    async fn delete_scaling_policy(&self, id: &ResourceId, service: &str) -> Result<()> {
        let call = self
            .clients
            .scaling
            .delete_scaling_policy()
            .policy_name(self.scaling_policy(service))
            .service_namespace(ServiceNamespace::Ecs)
            .resource_id(self.scaled_resource(service))
            .scalable_dimension(TASKS);
        let what = format!("cannot delete the policy of the {id}");
        unless_absent(call.send().await, &ABSENT, what).map(drop)
    }

    /// The tags of the service, if it is there.
    async fn tags_of_scaled(&self, service: &str) -> Result<Option<TagMap>> {
        let found = self.find_service(service).await?;
        Ok(found.map(|found| from_ecs_tags(found.tags())))
    }

    fn scaled_resource(&self, service: &str) -> String {
        format!("service/{}/{}", self.cluster_of(service), self.scope.service(service))
    }

    fn scaling_policy(&self, service: &str) -> String {
        format!("{}-cpu", self.scope.service(service))
    }
}
