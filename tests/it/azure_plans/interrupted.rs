//! A deploy that was cut off goes on where it stopped, under its number; one that fails is taken
//! back.

use mizan::model::ReleaseId;

use super::*;

#[test]
fn wherever_it_is_cut_off_the_next_run_ends_where_the_first_would_have() {
    for before in [World::default(), with_new_source(BOARD)] {
        let version = if before.history.is_empty() { 1 } else { 2 };
        let text = changed("other", "debug");
        let desired = before.desired(&app(&text), version);
        let whole = plan(&desired, &before);
        let end = before.after(&whole, &desired, version);
        for at in 0..=whole.steps.len() {
            let mut part = whole.clone();
            part.steps.truncate(at);
            let world = deploy(&before.after(&part, &desired, version), &text, version);
            assert_eq!(world.seen.groups, end.seen.groups, "after {at} steps");
            assert_eq!(world.origin(), end.origin(), "after {at} steps");
            assert_eq!(world.seen.releases, end.seen.releases, "after {at} steps");
            let again = next(&world, &text, version);
            assert!(again.is_noop(), "after {at} steps:\n{}", super::text(&again));
        }
    }
}

#[test]
fn wherever_it_fails_it_is_taken_back() {
    let mut before = with_new_source(BOARD);
    before.seen.storage = true;
    let desired = before.desired(&app(&changed("other", "debug")), 2);
    let whole = plan(&desired, &before);
    let commit = whole.steps.iter().filter(|step| !step.after_commit).count();
    for at in 0..=commit {
        let mut part = whole.clone();
        part.steps.truncate(at);
        let world = before.after(&part, &desired, 2).taken_back(&part.steps, &desired, 2);
        assert_eq!(world.seen.groups, before.seen.groups, "after {at} steps");
        assert_eq!(world.seen.things, before.seen.things, "after {at} steps");
        assert_eq!(world.seen.current, before.seen.current, "after {at} steps");
        assert_eq!(world.seen.previous, before.seen.previous, "after {at} steps");
        assert_eq!(world.origin(), before.origin(), "after {at} steps");
    }
}

#[test]
fn a_first_deploy_that_fails_leaves_nothing_that_costs() {
    let empty = World::default();
    let desired = empty.desired(&app(BOARD), 1);
    let whole = plan(&desired, &empty);
    let part: Vec<_> = whole.steps.iter().filter(|step| !step.after_commit).cloned().collect();
    let plan = Plan { steps: part, ..whole };
    let world = empty.after(&plan, &desired, 1).taken_back(&plan.steps, &desired, 1);
    assert!(world.seen.groups.is_empty() && world.seen.plane.scripts.is_empty());
    let left: Vec<_> = world.seen.things.keys().map(|id| &*id.kind).collect();
    assert_eq!(left, ["provider"; 4], "{left:?}");
}

#[test]
fn given_up_after_the_flip_the_live_release_gets_its_visitors_back() {
    let before = with_new_source(BOARD);
    let text = changed("other", "debug");
    let desired = before.desired(&app(&text), 2);
    let mut whole = plan(&desired, &before);
    whole.steps.retain(|step| !step.after_commit && step.resource.kind != "release");
    let killed = before.after(&whole, &desired, 2);
    assert_ne!(killed.origin(), before.origin());
    let back = deploy(&killed, BOARD, 1);
    assert_eq!(back.origin(), before.origin());
    assert_eq!(back.running(), before.running());
    assert_eq!(back.seen.releases, [ReleaseId(1)]);
    assert!(next(&back, BOARD, 1).is_noop());
}

#[test]
fn a_group_that_has_visitors_already_is_not_made_anew_under_them() {
    let before = with_new_source(BOARD);
    let desired = before.desired(&app(BOARD), 2);
    let mut whole = plan(&desired, &before);
    whole.steps.retain(|step| !step.after_commit && step.resource.kind != "release");
    let killed = before.after(&whole, &desired, 2);
    let other = changed("other", "debug");
    let plan = next(&killed, &other, 2);
    assert!(plan.steps.iter().any(|step| step.id.0 == "release/r3"), "{}", text(&plan));
    let end = deploy(&killed, &other, 2);
    assert!(next(&end, &other, 2).is_noop());
}

#[test]
fn a_release_step_that_has_ended_is_not_run_again() {
    let mut world = with_new_source(BOARD);
    let runs = |world: &World| {
        let plan = next(world, BOARD, 2);
        plan.steps.iter().any(|step| step.id.0 == "release-step/r2")
    };
    assert!(runs(&world));
    world.seen.migrated = Some(ReleaseId(2));
    assert!(!runs(&world));
}
