//! The families of task definitions of the environment, and their tasks that belong to no service.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{DesiredStatus, TaskDefinitionFamilyStatus, TaskDefinitionField};
use futures_util::future::try_join_all;

use super::{
    super::{clients::Clients, names::Scope, task::id_of},
    answer::{Read, answer, unless_missing},
    release_step::{described, listed},
    services::ecs_tags,
};

/// The families that have active revisions. One that is called like ours and is neither the release
/// step's nor one of the services `known` may be another environment's with a longer name: its tags
/// tell.
pub(super) async fn families(
    clients: &Clients,
    scope: &Scope,
    known: &BTreeSet<String>,
) -> Read<BTreeSet<String>> {
    let request = clients.ecs.list_task_definition_families().family_prefix(scope.service(""));
    let request = request.status(TaskDefinitionFamilyStatus::Active);
    let mut pages = request.into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(family) = pages.next().await {
        found.push(answer("cannot list the families of task definitions", family)?);
    }
    let usual: BTreeSet<String> =
        known.iter().map(|name| scope.service(name)).chain([scope.release_family()]).collect();
    let (usual, others): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|family| family.starts_with(&scope.service("")))
        .partition(|family| usual.contains(family));
    let others = others.into_iter().map(|family| of_ours(clients, scope, family));
    let others = try_join_all(others).await?.into_iter().flatten();
    Ok(usual.into_iter().chain(others).collect())
}

/// The family, if its newest revision is tagged as ours.
async fn of_ours(clients: &Clients, scope: &Scope, family: String) -> Read<Option<String>> {
    let request = clients.ecs.describe_task_definition().task_definition(&family);
    let request = request.include(TaskDefinitionField::Tags);
    let what = format!("cannot read the task definition {family}");
    // A family without active revisions: it went away between the list and the look.
    let found = unless_missing(&what, &["ClientException"], request.send().await)?;
    Ok(found.filter(|found| scope.owns(&ecs_tags(found.tags()))).map(|_| family))
}

/// Tasks of checks that run, by id with their ARNs.
pub(super) async fn check_tasks(
    clients: &Clients,
    scope: &Scope,
    cluster: &str,
) -> Read<Vec<(String, String)>> {
    let request = clients.ecs.list_tasks().cluster(cluster).started_by(scope.check_task());
    let what = "cannot list the tasks of checks";
    let found = unless_missing(what, &["ClusterNotFoundException"], request.send().await)?;
    let arns = found.and_then(|found| found.task_arns).unwrap_or_default().into_iter();
    Ok(arns.map(|arn| (id_of(&arn).to_owned(), arn)).collect())
}

/// Tasks of these families that run and belong to no service, by id with their ARNs: what an
/// interrupted run, or one that still goes on, has started.
pub(super) async fn stray_tasks(
    clients: &Clients,
    cluster: &str,
    families: &BTreeSet<String>,
) -> Read<Vec<(String, String)>> {
    let running =
        families.iter().map(|family| listed(clients, cluster, family, DesiredStatus::Running));
    let arns: Vec<String> = try_join_all(running).await?.into_iter().flatten().collect();
    let tasks = described(clients, cluster, arns).await?;
    let strays = tasks.into_iter().filter(|task| {
        let group = task.group().unwrap_or_default();
        !group.starts_with("service:")
    });
    let named = strays.filter_map(|task| {
        let arn = task.task_arn?;
        let id = arn.rsplit('/').next()?.to_owned();
        Some((id, arn))
    });
    Ok(named.collect())
}
