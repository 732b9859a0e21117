//! The tasks of the release step that an interrupted deploy left behind.

use aws_sdk_ecs::types::{DesiredStatus, Task, TaskDefinitionField, TaskField};

use super::{
    super::{
        clients::Clients,
        names::{Scope, Tags},
        spec::ReleaseSpec,
    },
    answer::{Read, answer, unless_missing},
    services::{ecs_tags, release},
};
use crate::{model::ReleaseId, plan};

/// Tasks that one question may name.
const BATCH: usize = 100;
const GONE: [&str; 1] = ["ClusterNotFoundException"];

/// The tasks of the release step: those that run and those that ended within the last hour. They
/// go by their family, as only the tasks themselves know which release they belong to.
pub(super) async fn tasks(clients: &Clients, scope: &Scope, cluster: &str) -> Read<Vec<Task>> {
    let family = scope.release_family();
    let (running, stopped) = tokio::try_join!(
        listed(clients, cluster, &family, DesiredStatus::Running),
        listed(clients, cluster, &family, DesiredStatus::Stopped),
    )?;
    described(clients, cluster, running.into_iter().chain(stopped).collect()).await
}

/// The tasks of a family.
pub(super) async fn listed(
    clients: &Clients,
    cluster: &str,
    family: &str,
    status: DesiredStatus,
) -> Read<Vec<String>> {
    let request = clients.ecs.list_tasks().cluster(cluster).family(family).desired_status(status);
    let what = format!("cannot list the tasks of {family}");
    let found = unless_missing(&what, &GONE, request.send().await)?;
    Ok(found.and_then(|found| found.task_arns).unwrap_or_default())
}

/// The tasks of these ARNs.
pub(super) async fn described(
    clients: &Clients,
    cluster: &str,
    arns: Vec<String>,
) -> Read<Vec<Task>> {
    let mut tasks = Vec::new();
    for arns in arns.chunks(BATCH) {
        let request = clients.ecs.describe_tasks().cluster(cluster).include(TaskField::Tags);
        let request = request.set_tasks(Some(arns.to_vec()));
        let found = answer("cannot read the tasks of the cluster", request.send().await)?;
        tasks.extend(found.tasks.unwrap_or_default());
    }
    Ok(tasks)
}

/// The release above `recorded` whose step, the one that is wanted, has ended well.
pub(super) async fn migrated(
    clients: &Clients,
    scope: &Scope,
    tasks: &[Task],
    want: &ReleaseSpec,
    recorded: Option<ReleaseId>,
) -> Read<Option<ReleaseId>> {
    let Ok(wanted) = plan::hash(&want.task) else { return Ok(None) };
    let mut newest = None;
    for task in tasks.iter().filter(|task| ended_well(task)) {
        let definition = task.task_definition_arn().unwrap_or_default();
        let request = clients.ecs.describe_task_definition().task_definition(definition);
        let request = request.include(TaskDefinitionField::Tags);
        let what = format!("cannot read the task definition {definition}");
        let found = answer(&what, request.send().await)?;
        let tags = ecs_tags(found.tags());
        let release =
            release(&tags).filter(|release| is_unrecorded(scope, task, *release, recorded));
        if tags.get(Tags::SPEC) == Some(&wanted) {
            newest = newest.max(release);
        }
    }
    Ok(newest)
}

/// True if the task was started for a release that was never recorded.
fn is_unrecorded(
    scope: &Scope,
    task: &Task,
    release: ReleaseId,
    recorded: Option<ReleaseId>,
) -> bool {
    Some(release) > recorded && task.started_by() == Some(&scope.release_step(release))
}

fn ended_well(task: &Task) -> bool {
    let containers = task.containers();
    task.last_status() == Some("STOPPED")
        && !containers.is_empty()
        && containers.iter().all(|container| container.exit_code == Some(0))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::Container;

    use super::{super::things::tests::scope, *};

    fn task(status: &str, exit_code: Option<i32>) -> Task {
        Task::builder()
            .last_status(status)
            .started_by(scope().release_step(ReleaseId(5)))
            .containers(Container::builder().set_exit_code(exit_code).build())
            .build()
    }

    #[test]
    fn only_an_exit_code_of_0_is_an_end_that_is_well() {
        assert!(ended_well(&task("STOPPED", Some(0))));
        assert!(!ended_well(&task("STOPPED", Some(1))));
        assert!(!ended_well(&task("STOPPED", None)), "it never started");
        assert!(!ended_well(&task("RUNNING", None)));
    }

    #[test]
    fn a_recorded_release_needs_no_step_any_more() {
        let task = task("STOPPED", Some(0));
        let is = |release, recorded| is_unrecorded(&scope(), &task, ReleaseId(release), recorded);
        assert!(is(5, Some(ReleaseId(4))) && is(5, None));
        assert!(!is(5, Some(ReleaseId(5))));
        assert!(!is(6, None), "its tag and what started it differ");
    }
}
