//! The services, with what they run and how their last deployment went.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    AssignPublicIp, Deployment, DeploymentRolloutState, Service, ServiceField, Tag,
};

use super::{
    super::{
        clients::Clients,
        names::{Scope, Tags},
        seen::SeenService,
        spec::{self, Kind, ServiceSpec, TaskSpec, Wiring},
    },
    answer::{Read, tags, unless_missing},
    groups::GroupNames,
    traffic::name_in,
};
use crate::model::ReleaseId;

/// Services that one question may name.
const BATCH: usize = 10;
const GONE: [&str; 1] = ["ClusterNotFoundException"];

/// The services of this environment in AWS's own words, by their names in `mizan.yaml`.
pub(super) type Found = BTreeMap<String, Service>;

/// The services of these names, and all others of the cluster that carry our tags.
pub(super) async fn read(
    clients: &Clients,
    scope: &Scope,
    cluster: &str,
    names: &BTreeSet<String>,
) -> Read<Found> {
    let known: Vec<String> = names.iter().map(|name| scope.service(name)).collect();
    let (listed, mut found) =
        tokio::try_join!(listed(clients, scope, cluster), described(clients, cluster, &known),)?;
    let others: Vec<String> = listed.into_iter().filter(|name| !known.contains(name)).collect();
    let others = described(clients, cluster, &others).await?;
    found.extend(others.into_iter().filter(|service| scope.owns(&service_tags(service))));
    found.retain(|service| service.status() == Some("ACTIVE"));
    Ok(found.into_iter().map(|service| (name_of(scope, &service), service)).collect())
}

/// The names of the cluster's services that begin like ours.
async fn listed(clients: &Clients, scope: &Scope, cluster: &str) -> Read<Vec<String>> {
    let what = format!("cannot list the services of the cluster {cluster}");
    let prefix = scope.service("");
    let request = clients.ecs.list_services().cluster(cluster).max_results(100);
    let mut pages = request.into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = unless_missing(&what, &GONE, page)?;
        let arns = page.and_then(|page| page.service_arns).unwrap_or_default();
        let found = arns.iter().filter_map(|arn| arn.rsplit('/').next());
        names.extend(found.filter(|name| name.starts_with(&prefix)).map(str::to_owned));
    }
    Ok(names)
}

async fn described(clients: &Clients, cluster: &str, names: &[String]) -> Read<Vec<Service>> {
    let what = format!("cannot read the services of the cluster {cluster}");
    let mut found = Vec::new();
    for names in names.chunks(BATCH) {
        let request = clients.ecs.describe_services().cluster(cluster).include(ServiceField::Tags);
        let request = request.set_services(Some(names.to_vec()));
        let answered = unless_missing(&what, &GONE, request.send().await)?;
        found.extend(answered.and_then(|answered| answered.services).unwrap_or_default());
    }
    Ok(found)
}

/// The service's name in `mizan.yaml`.
fn name_of(scope: &Scope, service: &Service) -> String {
    let own = service.service_name().unwrap_or_default();
    own.strip_prefix(&scope.service("")).unwrap_or(own).to_owned()
}

pub(super) fn service_tags(service: &Service) -> BTreeMap<String, String> {
    ecs_tags(service.tags())
}

/// Tags as ECS gives them.
pub(super) fn ecs_tags(found: &[Tag]) -> BTreeMap<String, String> {
    tags(found.iter().map(|tag| (tag.key.clone(), tag.value.clone())))
}

/// The release that wrote something last, by its tag.
pub(super) fn release(tags: &BTreeMap<String, String>) -> Option<ReleaseId> {
    tags.get(Tags::RELEASE)?.parse().ok()
}

/// What the conversion needs to know beside AWS's words.
pub(super) struct Around<'a> {
    /// Whose it is.
    pub scope: &'a Scope,
    /// The names of our security groups.
    pub groups: &'a GroupNames,
    /// The specification that was applied last, as far as it is known: what AWS does not keep is
    /// taken from it.
    pub before: Option<&'a ServiceSpec>,
    /// Autoscaling decides how many tasks run.
    pub scaled: bool,
    /// The health path of the target group.
    pub health: Option<String>,
}

/// A service in the terms of the specification.
pub(super) fn seen(around: &Around<'_>, found: &Service, task: TaskSpec) -> SeenService {
    let tags = service_tags(found);
    SeenService {
        arn: found.service_arn.clone().unwrap_or_default(),
        ours: around.scope.owns(&tags),
        spec: service_spec(around, found, task),
        task_definition: found.task_definition.clone().unwrap_or_default(),
        release: release(&tags),
        applied: tags.get(Tags::SPEC).cloned(),
        desired: count(found.desired_count),
        running: count(found.running_count),
        unsettled: unsettled(found.deployments()),
    }
}

fn service_spec(around: &Around<'_>, found: &Service, task: TaskSpec) -> ServiceSpec {
    let deployment = deployment(found);
    let balancer = found.load_balancers().first();
    let role = match balancer {
        Some(balancer) => web(around, balancer.container_port.unwrap_or(0)),
        None if deployment.max <= 100 => Kind::Singleton,
        None => Kind::Worker,
    };
    // Where autoscaling decides, the count is only where it started.
    let started = around.before.map(|spec| spec.count).filter(|_| around.scaled);
    ServiceSpec {
        role,
        task,
        count: started.unwrap_or_else(|| count(found.desired_count)),
        scaled: around.scaled,
        deployment,
        wiring: wiring(around, found),
    }
}

/// The web service. How long it may take to become healthy is our own patience: AWS does not know.
fn web(around: &Around<'_>, port: i32) -> Kind {
    let (health, health_timeout) = match around.before.map(|spec| &spec.role) {
        Some(Kind::Web { health, health_timeout, .. }) => (health.clone(), *health_timeout),
        _ => (String::new(), 0),
    };
    Kind::Web {
        port: u16::try_from(port).unwrap_or(0),
        health: around.health.clone().unwrap_or(health),
        health_timeout,
    }
}

fn deployment(found: &Service) -> spec::Deployment {
    let settings = found.deployment_configuration();
    let breaker = settings.and_then(|it| it.deployment_circuit_breaker());
    let percent = |value: Option<i32>, default| value.map_or(default, count);
    spec::Deployment {
        min_healthy: percent(settings.and_then(|it| it.minimum_healthy_percent), 100),
        max: percent(settings.and_then(|it| it.maximum_percent), 200),
        circuit_breaker: breaker.is_some_and(|it| it.enable && it.rollback),
        grace: found.health_check_grace_period_seconds.map(count).filter(|grace| *grace > 0),
    }
}

fn wiring(around: &Around<'_>, found: &Service) -> Wiring {
    let network = found.network_configuration().and_then(|it| it.awsvpc_configuration());
    let balancer = found.load_balancers().first();
    Wiring {
        subnets: network.map(|it| it.subnets()).unwrap_or_default().iter().cloned().collect(),
        groups: around.groups.names(network.map(|it| it.security_groups()).unwrap_or_default()),
        public_ip: network.and_then(|it| it.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        target_group: balancer.and_then(|it| it.target_group_arn()).map(|arn| name_in(arn).into()),
    }
}

/// What is wrong with the last deployment: only the primary one counts, an older one that failed
/// was taken back by ECS.
fn unsettled(deployments: &[Deployment]) -> Option<String> {
    let mut deployments = deployments.iter();
    let primary = deployments.find(|deployment| deployment.status() == Some("PRIMARY"))?;
    let why = primary.rollout_state_reason().unwrap_or_default();
    let told = match primary.rollout_state() {
        Some(DeploymentRolloutState::Failed) => "its last deployment failed",
        Some(DeploymentRolloutState::InProgress) => "its last deployment is still under way",
        _ => return None,
    };
    Some(if why.is_empty() { told.to_owned() } else { format!("{told}: {why}") })
}

fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primary(state: DeploymentRolloutState) -> Deployment {
        Deployment::builder().status("PRIMARY").rollout_state(state).build()
    }

    #[test]
    fn only_the_primary_deployment_is_judged() {
        let failed = Deployment::builder()
            .status("ACTIVE")
            .rollout_state(DeploymentRolloutState::Failed)
            .build();
        let done = primary(DeploymentRolloutState::Completed);
        assert_eq!(unsettled(&[failed, done]), None);
        let going = primary(DeploymentRolloutState::InProgress);
        assert_eq!(unsettled(&[going]).as_deref(), Some("its last deployment is still under way"));
        let failed = Deployment::builder()
            .status("PRIMARY")
            .rollout_state(DeploymentRolloutState::Failed)
            .rollout_state_reason("tasks failed to start");
        let told = unsettled(&[failed.build()]);
        assert_eq!(told.as_deref(), Some("its last deployment failed: tasks failed to start"));
    }
}
