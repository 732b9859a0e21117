//! Autoscaling of the services. Scalable targets carry no mark of ours: they belong to whoever the
//! service belongs to that they name.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::{
    MetricType, ScalableDimension, ScalableTarget, ScalingPolicy, ServiceNamespace,
};

use super::super::{
    super::{
        clients::Clients,
        names::Scope,
        spec::{Scaling, Thing},
    },
    answer::{Read, answer},
};
use crate::targets::aws::SeenThing;

/// Resource ids that one question may name.
const BATCH: usize = 50;

/// The scaling of these services (their names in `mizan.yaml`) in a cluster, by service.
pub async fn scalings(
    clients: &Clients,
    scope: &Scope,
    cluster: &str,
    services: &[String],
) -> Read<BTreeMap<String, SeenThing>> {
    if services.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (targets, policies) = tokio::try_join!(
        targets(clients, services.iter().map(|name| resource(scope, cluster, name)).collect()),
        policies(clients),
    )?;
    let found = services.iter().filter_map(|name| {
        let id = resource(scope, cluster, name);
        let target = targets.iter().find(|target| target.resource_id == id)?;
        Some((name.clone(), seen(name, target, &policies)))
    });
    Ok(found.collect())
}

fn resource(scope: &Scope, cluster: &str, service: &str) -> String {
    format!("service/{cluster}/{}", scope.service(service))
}

async fn targets(clients: &Clients, ids: Vec<String>) -> Read<Vec<ScalableTarget>> {
    let mut found = Vec::new();
    for ids in ids.chunks(BATCH) {
        let request = clients
            .scaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .set_resource_ids(Some(ids.to_vec()));
        let answered = answer("cannot read the scaling of the services", request.send().await)?;
        found.extend(answered.scalable_targets.unwrap_or_default());
    }
    Ok(found)
}

/// All policies for ECS: they can be asked for one service or for all, not for some.
async fn policies(clients: &Clients) -> Read<Vec<ScalingPolicy>> {
    let request = clients.scaling.describe_scaling_policies();
    let request = request.service_namespace(ServiceNamespace::Ecs);
    let mut pages = request.into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(policy) = pages.next().await {
        found.push(answer("cannot read the scaling policies", policy)?);
    }
    Ok(found)
}

/// Whose it is, is decided when its service is known.
fn seen(service: &str, target: &ScalableTarget, policies: &[ScalingPolicy]) -> SeenThing {
    let count = |value: i32| u32::try_from(value).unwrap_or(0);
    let mut own = policies.iter().filter(|policy| policy.resource_id == target.resource_id);
    let policy = own.find_map(|policy| Some((policy, cpu(policy)?)));
    let attributes = policy.map(|(policy, _)| ("policy".to_owned(), policy.policy_name.clone()));
    SeenThing {
        thing: Thing::Scaling(Scaling {
            service: service.to_owned(),
            min: count(target.min_capacity),
            max: count(target.max_capacity),
            cpu: policy.map(|(_, cpu)| cpu),
        }),
        arn: target.scalable_target_arn.clone().unwrap_or_else(|| target.resource_id.clone()),
        ours: false,
        attributes: attributes.into_iter().collect(),
    }
}

/// The CPU use in per cent that a policy aims at, if that is what it aims at.
fn cpu(policy: &ScalingPolicy) -> Option<u8> {
    let aim = policy.target_tracking_scaling_policy_configuration.as_ref()?;
    let metric = &aim.predefined_metric_specification.as_ref()?.predefined_metric_type;
    let percent = aim.target_value.round().clamp(0.0, 100.0);
    // The value is between 0 and 100 by now.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let percent = percent as u8;
    (*metric == MetricType::EcsServiceAverageCpuUtilization).then_some(percent)
}
