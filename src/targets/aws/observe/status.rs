//! How the services are right now: their tasks, their last deployments, what the load balancer says
//! of them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{Deployment, DesiredStatus, Service, Task};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    super::{clients::Clients, names::Scope, task::address},
    answer::{Read, Unread, answer, unless_missing},
    release_step::{described, listed},
    services::{self, release, service_tags},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::ReleaseId,
};

/// How an environment is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its services, by their names in `mizan.yaml`.
    pub services: BTreeMap<String, ServiceStatus>,
    /// What the load balancer says of the tasks of the web service.
    pub targets: Vec<TargetStatus>,
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// The release that wrote it last.
    pub release: Option<ReleaseId>,
    /// Tasks that should run.
    pub desired: i32,
    /// Tasks that run.
    pub running: i32,
    /// Tasks that are on their way.
    pub pending: i32,
    /// The state of its last deployment, in the words of ECS, with the reason if there is one.
    pub deployment: Option<String>,
    /// Its tasks that run or shall run.
    pub tasks: Vec<TaskStatus>,
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Its id: the end of its ARN.
    pub id: String,
    /// Where it is, in the words of ECS: `PENDING`, `RUNNING`.
    pub state: String,
    /// The release it runs; absent where tasks have no tags.
    pub release: Option<ReleaseId>,
    /// What the load balancer says of it; absent if none asks.
    pub health: Option<String>,
    /// Since when it runs.
    pub started: Option<Timestamp>,
}

/// What the load balancer says of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetStatus {
    /// Its address.
    pub address: String,
    /// `healthy`, `unhealthy`, `initial`, `draining`, ….
    pub state: String,
    /// Why, if it is not healthy.
    pub reason: Option<String>,
}

/// How the environment's services in this cluster are.
///
/// # Errors
/// AWS cannot be reached, or refuses.
pub async fn status(clients: &Clients, scope: &Scope, cluster: &str) -> Result<Status> {
    read(clients, scope, cluster).await.map_err(|unread| match unread {
        Unread::Failed(error) => error,
        Unread::Forbidden(why) => {
            Error::new(ErrorKind::Denied, "the services cannot be read").cause(why)
        }
    })
}

async fn read(clients: &Clients, scope: &Scope, cluster: &str) -> Read<Status> {
    let (names, group) = (BTreeSet::new(), scope.target_group());
    let (found, targets) = tokio::try_join!(
        services::read(clients, scope, cluster, &names),
        targets(clients, &group),
    )?;
    let arns = found.keys().map(async |name| {
        listed(clients, cluster, &scope.service(name), DesiredStatus::Running).await
    });
    let arns: Vec<String> = try_join_all(arns).await?.into_iter().flatten().collect();
    let tasks = described(clients, cluster, arns).await?;
    let services = found.iter().map(|(name, service)| {
        let group = format!("service:{}", service.service_name().unwrap_or_default());
        let own = tasks.iter().filter(|task| task.group() == Some(&group));
        (name.clone(), service_status(service, own, &targets))
    });
    Ok(Status { services: services.collect(), targets })
}

fn service_status<'a>(
    service: &Service,
    tasks: impl Iterator<Item = &'a Task>,
    targets: &[TargetStatus],
) -> ServiceStatus {
    let mut deployments = service.deployments().iter();
    let primary = deployments.find(|deployment| deployment.status() == Some("PRIMARY"));
    let mut tasks: Vec<TaskStatus> = tasks.map(|task| task_status(task, targets)).collect();
    tasks.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
    ServiceStatus {
        release: release(&service_tags(service)),
        desired: service.desired_count,
        running: service.running_count,
        pending: service.pending_count,
        deployment: primary.and_then(deployment),
        tasks,
    }
}

fn deployment(found: &Deployment) -> Option<String> {
    let state = found.rollout_state()?.as_str();
    Some(match found.rollout_state_reason() {
        None | Some("") => state.to_owned(),
        Some(reason) => format!("{state}: {reason}"),
    })
}

fn task_status(task: &Task, targets: &[TargetStatus]) -> TaskStatus {
    let arn = task.task_arn().unwrap_or_default();
    let address = address(task);
    let mut targets = targets.iter();
    let target = targets.find(|target| Some(target.address.as_str()) == address);
    let started = task.started_at().and_then(|at| Timestamp::from_second(at.secs()).ok());
    TaskStatus {
        id: arn.rsplit('/').next().unwrap_or_default().to_owned(),
        state: task.last_status().unwrap_or_default().to_owned(),
        release: release(&services::ecs_tags(task.tags())),
        health: target.map(|target| target.state.clone()),
        started,
    }
}

/// The targets of the web service; none if there is no target group.
async fn targets(clients: &Clients, group: &str) -> Read<Vec<TargetStatus>> {
    let what = format!("cannot read the health of the target group {group}");
    let found = clients.elb.describe_target_groups().names(group).send().await;
    let found = unless_missing(&what, &["TargetGroupNotFound"], found)?;
    let groups = found.and_then(|found| found.target_groups).unwrap_or_default();
    let Some(arn) = groups.into_iter().find_map(|group| group.target_group_arn) else {
        return Ok(Vec::new());
    };
    let health = clients.elb.describe_target_health().target_group_arn(arn).send().await;
    let health = answer(&what, health)?.target_health_descriptions.unwrap_or_default();
    Ok(health.into_iter().map(target).collect())
}

fn target(found: TargetHealthDescription) -> TargetStatus {
    let health = found.target_health;
    let state = health.as_ref().and_then(|health| health.state.as_ref());
    TargetStatus {
        address: found.target.and_then(|target| target.id).unwrap_or_default(),
        state: state.map_or_else(|| "unknown".to_owned(), |state| state.as_str().to_owned()),
        reason: health.and_then(|health| health.description),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Attachment, KeyValuePair};

    use super::*;

    #[test]
    fn a_task_and_what_the_balancer_says_of_it_meet_at_its_address() {
        let address = KeyValuePair::builder().name("privateIPv4Address").value("10.0.0.7").build();
        let task = Task::builder()
            .task_arn("arn:aws:ecs:eu-west-1:123456789012:task/cluster/abc")
            .last_status("RUNNING")
            .attachments(Attachment::builder().details(address).build())
            .build();
        let target = |address: &str, state: &str| TargetStatus {
            address: address.into(),
            state: state.into(),
            reason: None,
        };
        let targets = [target("10.0.0.8", "healthy"), target("10.0.0.7", "draining")];
        let seen = task_status(&task, &targets);
        assert_eq!((seen.id.as_str(), seen.health.as_deref()), ("abc", Some("draining")));
        assert_eq!(task_status(&task, &[]).health, None);
    }
}
