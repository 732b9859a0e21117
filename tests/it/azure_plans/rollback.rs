//! Rollback: the groups of a recorded release again; nothing is pushed, nothing migrates.

use std::collections::BTreeSet;

use mizan::{model::ReleaseId, plan::Seen, targets::azure::instances::diff::Refusal};

use super::*;

/// Two releases: r2 has another image, another level and no worker.
fn two_releases() -> World {
    let second = BOARD.replace("LEVEL: info", "LEVEL: debug");
    let lines = second.lines().filter(|line| !line.contains("worker:"));
    let second: String = lines.map(|line| format!("{line}\n")).collect();
    deploy(&with_new_source(BOARD), &second, 2)
}

fn back(world: &World, to: usize) -> Plan<Op> {
    let to = &world.history[to];
    diff::plan(&to.desired, &world.seen, Purpose::Rollback(to)).expect("a plan")
}

#[test]
fn the_release_before_is_started_as_it_was() {
    let world = two_releases();
    let plan = back(&world, 0);
    insta::assert_snapshot!(text(&plan));
    let first = world.history[0].clone();
    let end = world.after(&plan, &first.desired, 1);
    assert_eq!(end.seen.current.as_ref().map(|it| it.id), Some(ReleaseId(3)));
    let wanted: BTreeSet<String> = first.groups.values().cloned().collect();
    assert_eq!(end.running(), wanted);
    let again = diff::plan(&first.desired, &end.seen, Purpose::Rollback(&first)).expect("a plan");
    assert!(again.is_noop(), "{}", text(&again));
}

#[test]
fn an_older_one_gets_new_groups() {
    let mut world = two_releases();
    world.new_source();
    let world = deploy(&world, BOARD, 3);
    assert!(!world.seen.groups.contains_key("board-production-r1"));
    let plan = back(&world, 0);
    let made = plan.steps.iter().filter(|step| matches!(step.op, Op::CreateGroup { .. }));
    assert_eq!(made.count(), 3, "{}", text(&plan));
    let first = &world.history[0];
    let end = world.after(&plan, &first.desired, 1);
    assert_eq!(end.seen.current.as_ref().map(|it| it.id), Some(ReleaseId(4)));
}

#[test]
fn a_kept_group_with_other_secrets_is_not_started() {
    let mut world = two_releases();
    let Some(Seen::Present(kept)) = world.seen.groups.get_mut("board-production-r1") else {
        panic!("it is kept");
    };
    kept.secrets = Some("of another time".into());
    let plan = back(&world, 0);
    let made = plan.step(&mizan::plan::StepId("container-group/board-production-r3".into()));
    assert!(made.is_some(), "{}", text(&plan));
}

#[test]
fn without_its_image_there_is_no_way_back() {
    let mut world = two_releases();
    world.seen.image_digest = None;
    let first = world.history[0].clone();
    let refusal = diff::plan(&first.desired, &world.seen, Purpose::Rollback(&first));
    assert_eq!(refusal.map(drop), Err(Refusal::ImageGone { release: ReleaseId(1) }));
}
