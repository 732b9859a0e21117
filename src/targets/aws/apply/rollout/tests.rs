//! Tables of looks and what they mean.

use aws_sdk_ecs::types::TaskStopCode;

use super::*;
use crate::targets::Health;

const OURS: &str = "ecs-svc/2";
const REVISION: &str =
    "arn:aws:ecs:eu-west-1:123456789012:task-definition/mizan-board-production-web";

fn deployment(number: u32, rollout: Rollout, running: i32) -> SeenDeployment {
    SeenDeployment {
        id: format!("ecs-svc/{number}"),
        primary: number == 2,
        task_definition: format!("{REVISION}:{number}"),
        rollout,
        reason: String::new(),
        desired: 1,
        running,
        pending: 0,
    }
}

/// The old deployment is gone, the new one complete.
fn done() -> Look {
    Look {
        deployments: vec![deployment(2, Rollout::Completed, 1)],
        stopped: Vec::new(),
        trouble: Vec::new(),
        health: Some(Health::Healthy),
        steady_for: Duration::from_secs(1),
    }
}

fn stopped(code: TaskStopCode, exit: Option<i32>, reason: &str) -> SeenTask {
    SeenTask {
        arn: "arn:aws:ecs:eu-west-1:123456789012:task/c/abc".into(),
        started_by: OURS.into(),
        task_definition: format!("{REVISION}:2"),
        status: "STOPPED".into(),
        stop_code: Some(code),
        reason: reason.into(),
        exit_code: exit,
        ..SeenTask::default()
    }
}

fn web() -> Proof {
    Proof::Answer { path: "/healthz".into(), within: Duration::from_secs(60) }
}

fn tell(proof: Proof, follow: Follow, look: &Look) -> String {
    let expected = Expected { service: "web".into(), follow, proof };
    match judge(&expected, look) {
        Ok(Verdict::Met(())) => "done".into(),
        Ok(Verdict::Waiting(text)) => format!("waiting: {text}"),
        Ok(Verdict::Failed(error)) => format!("failed without a log: {error}"),
        Err(failure) => format!("failed: {}", failure.error),
    }
}

fn tell_web(look: &Look) -> String {
    tell(web(), Follow::Deployment(OURS.into()), look)
}

#[test]
fn it_is_done_when_ecs_and_the_service_itself_say_so() {
    assert_eq!(tell_web(&done()), "done");
}

#[test]
fn completed_is_not_enough() {
    let no_task = Look { deployments: vec![deployment(2, Rollout::Completed, 0)], ..done() };
    let old = deployment(1, Rollout::Completed, 1);
    let old_runs = Look { deployments: vec![deployment(2, Rollout::Completed, 1), old], ..done() };
    let in_progress = Look { deployments: vec![deployment(2, Rollout::InProgress, 1)], ..done() };
    let unhealthy = Look { health: Some(Health::Unhealthy("502 Bad Gateway".into())), ..done() };
    let told: Vec<_> = [no_task, old_runs, in_progress, unhealthy].iter().map(tell_web).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    waiting: 0 of 1 tasks run
    waiting: 1 of 1 tasks run, 1 of the release before
    waiting: 1 of 1 tasks run
    waiting: /healthz answers 502 Bad Gateway
    ");
}

#[test]
fn a_deployment_that_ecs_took_back_never_counts_as_done() {
    let back = SeenDeployment {
        primary: true,
        reason: "ECS deployment rollback in progress.".into(),
        ..deployment(1, Rollout::Completed, 1)
    };
    let failed = SeenDeployment {
        primary: false,
        reason: "ECS deployment circuit breaker was triggered.".into(),
        ..deployment(2, Rollout::Failed, 0)
    };
    let displaced = SeenDeployment { primary: false, ..deployment(2, Rollout::InProgress, 1) };
    let told: Vec<_> = [
        Look { deployments: vec![back.clone()], ..done() },
        Look { deployments: vec![back.clone(), failed], ..done() },
        Look { deployments: vec![back, displaced], ..done() },
    ]
    .iter()
    .map(tell_web)
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    failed: the deployment of service web was given up: ECS deployment rollback in progress.
    failed: ECS gave up the deployment of service web: ECS deployment circuit breaker was triggered.
    failed: the deployment of service web was given up: ECS deployment rollback in progress.
    ");
}

#[test]
fn a_crash_fails_at_once_and_tells_why() {
    use TaskStopCode::{EssentialContainerExited, TaskFailedToStart};
    let crash = stopped(EssentialContainerExited, Some(1), "Essential container in task exited");
    let killed = SeenTask {
        container_reason: "OutOfMemoryError: Container killed due to memory usage".into(),
        ..stopped(EssentialContainerExited, Some(137), "Essential container in task exited")
    };
    let no_image =
        stopped(TaskFailedToStart, None, "CannotPullContainerError: manifest unknown: not found");
    let told: Vec<_> = [crash, killed, no_image]
        .map(|task| tell_web(&Look { stopped: vec![task], ..done() }))
        .to_vec();
    insta::assert_snapshot!(told.join("\n"), @"
    failed: service web crashed with exit code 1: Essential container in task exited
    failed: service web crashed with exit code 137: Essential container in task exited: OutOfMemoryError: Container killed due to memory usage
    failed: service web cannot be started: CannotPullContainerError: manifest unknown: not found
    ");
}

#[test]
fn one_hiccup_at_the_start_is_no_failure_two_are() {
    let hiccup =
        stopped(TaskStopCode::TaskFailedToStart, None, "CannotPullContainerError: i/o timeout");
    let once = Look { stopped: vec![hiccup.clone()], ..done() };
    let twice = Look { stopped: vec![hiccup.clone(), hiccup], ..done() };
    assert_eq!(tell_web(&once), "done");
    assert!(tell_web(&twice).starts_with("failed: service web cannot be started"));
}

#[test]
fn tasks_of_another_deployment_and_those_that_somebody_stopped_do_not_count() {
    let crash = stopped(TaskStopCode::EssentialContainerExited, Some(1), "exited");
    let before = SeenTask { started_by: "ecs-svc/1".into(), ..crash.clone() };
    let by_name = SeenTask {
        started_by: "mizan-board-production-web".into(),
        task_definition: format!("{REVISION}:1"),
        ..crash
    };
    let scaled_in = stopped(TaskStopCode::ServiceSchedulerInitiated, Some(143), "Scaling activity");
    for task in [before, by_name, scaled_in] {
        assert_eq!(tell_web(&Look { stopped: vec![task], ..done() }), "done");
    }
}

#[test]
fn a_task_that_fails_the_checks_of_the_load_balancer_fails_the_deployment() {
    let task = stopped(
        TaskStopCode::ServiceSchedulerInitiated,
        Some(0),
        "Task failed ELB health checks in (target-group x)",
    );
    let told = tell_web(&Look { stopped: vec![task], ..done() });
    assert!(told.starts_with("failed: service web fails the load balancer's checks"), "{told}");
}

#[test]
fn a_service_that_never_becomes_healthy_fails_when_its_time_is_up() {
    let look = Look {
        health: Some(Health::Unhealthy("500 Internal Server Error".into())),
        steady_for: Duration::from_secs(60),
        trouble: vec!["(service web) is unhealthy in target-group".into()],
        ..done()
    };
    insta::assert_snapshot!(tell_web(&look), @"failed: service web did not become healthy within 60 s: GET /healthz through the load balancer: 500 Internal Server Error: (service web) is unhealthy in target-group");
}

#[test]
fn a_worker_is_watched_for_a_while() {
    let follow = || Follow::Deployment(OURS.into());
    let settled = Proof::Settled(Duration::from_secs(2));
    let early = Look { health: None, ..done() };
    let later = Look { steady_for: Duration::from_secs(2), ..early.clone() };
    assert_eq!(tell(settled.clone(), follow(), &early), "waiting: watching that it does not crash");
    assert_eq!(tell(settled, follow(), &later), "done");
}

#[test]
fn going_back_follows_the_revision_whoever_brings_it_back() {
    let follow = || Follow::Revision(format!("{REVISION}:1"));
    let not_yet = done();
    assert_eq!(tell(Proof::Running, follow(), &not_yet), "waiting: ECS has not begun yet");
    let back = SeenDeployment { primary: true, ..deployment(1, Rollout::Completed, 1) };
    let failed = SeenDeployment { primary: false, ..deployment(2, Rollout::Failed, 0) };
    let look = Look { deployments: vec![back, failed], health: None, ..done() };
    assert_eq!(tell(Proof::Running, follow(), &look), "done");
}

#[test]
fn what_was_never_stopped_need_not_come_back() {
    let tell = |crashed: i32, new: i32, kept: i32| {
        let id = "ecs-svc/3".to_owned();
        let back = deployment(1, Rollout::InProgress, new);
        let back = SeenDeployment { id, primary: true, ..back };
        let crashed = SeenDeployment { primary: false, ..deployment(2, Rollout::Failed, crashed) };
        let kept = deployment(1, Rollout::Completed, kept);
        let look = Look { deployments: vec![back, crashed, kept], health: None, ..done() };
        tell(Proof::Running, Follow::Revision(format!("{REVISION}:1")), &look)
    };
    assert_eq!(tell(0, 0, 1), "done", "the tasks before still run");
    assert_eq!(tell(0, 1, 0), "done", "ECS has started new ones");
    assert!(tell(0, 0, 0).starts_with("waiting"), "nothing runs");
    assert!(tell(1, 0, 1).starts_with("waiting"), "what crashes still runs");
}
