//! Rollback: the task definitions of a recorded release again; nothing is pushed, nothing migrates.

use mizan::{
    model::ReleaseId,
    targets::{
        EnvSpec,
        aws::{Op, diff::Refusal},
    },
};

use super::*;

/// Two releases: r2 has another image, another level and no worker.
fn two_releases() -> World {
    let mut first = deployed(BOARD);
    first.new_source();
    let second = BOARD.replace("LEVEL: info", "LEVEL: debug");
    deploy(&first, &without_worker(&second), 2)
}

fn without_worker(text: &str) -> String {
    text.lines().filter(|line| !line.contains("worker:")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn it_brings_back_the_recorded_task_definitions() {
    let world = two_releases();
    let first = &world.history[0];
    let back = diff::plan(&first.desired, &world.seen, Purpose::Rollback(first)).expect("a plan");
    insta::assert_snapshot!(text(&back));
    let revisions: Vec<&str> = back
        .steps
        .iter()
        .filter_map(|step| match &step.op {
            Op::PutService { task_definition, .. } => task_definition.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(revisions.len(), 3, "{}", text(&back));
    assert!(revisions.iter().all(|revision| revision.ends_with(":1")), "{revisions:?}");
    let world = world.after(&back, &first.desired, 1);
    assert_eq!(world.seen.current.as_ref().map(|it| it.id), Some(ReleaseId(3)));
    let again = diff::plan(&first.desired, &world.seen, Purpose::Rollback(first)).expect("a plan");
    assert!(again.is_noop(), "{}", text(&again));
}

#[test]
fn without_its_image_there_is_no_way_back() {
    let mut world = two_releases();
    world.seen.image_digest = None;
    let first = world.history[0].clone();
    let refusal = diff::plan(&first.desired, &world.seen, Purpose::Rollback(&first));
    assert_eq!(refusal.map(drop), Err(Refusal::ImageGone { release: ReleaseId(1) }));
}

#[test]
fn other_values_of_secrets_restart_the_recorded_revisions_and_are_recorded() {
    let world = deployed(BOARD);
    let live = world.history[0].clone();
    let mut desired = live.desired.clone();
    for service in desired.services.values_mut() {
        let rotated = EnvSpec::Secret { fingerprint: Some("rotated".into()) };
        service.task.env.insert("DATABASE_URL".into(), rotated);
    }
    let back = diff::plan(&desired, &world.seen, Purpose::Rollback(&live)).expect("a plan");
    let told = text(&back);
    assert_eq!(told.matches("env.DATABASE_URL: (changed, not shown)").count(), 3, "{told}");
    let revisions = back.steps.iter().filter_map(|step| match &step.op {
        Op::PutService { task_definition, .. } => task_definition.as_deref(),
        _ => None,
    });
    assert!(revisions.clone().all(|revision| revision.ends_with(":1")), "{told}");
    assert_eq!(revisions.count(), 3, "{told}");
    let world = world.after(&back, &desired, 1);
    assert!(plan(&desired, &world).is_noop(), "{}", text(&plan(&desired, &world)));
}
