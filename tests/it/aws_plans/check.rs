//! When a new release is checked, and who waits for that.

use mizan::plan::{Change, ResourceId, StepId};

use super::*;

const EDGE: &str = include_str!("../../fixtures/aws-plans/first-deploy-with-edge/mizan.yaml");

fn id(text: &str) -> StepId {
    StepId(text.to_owned())
}

/// True if one step of the plan waits for another, or for one that does.
fn waits(plan: &Plan<Op>, step: &str, other: &str) -> bool {
    let step = plan.step(&id(step)).unwrap_or_else(|| panic!("no {step}:\n{}", text(plan)));
    step.needs.iter().any(|need| need.0 == other || waits(plan, &need.0, other))
}

fn next(world: &World, text: &str, version: u32) -> Plan<Op> {
    plan(&world.desired(&app(text), version), world)
}

fn with_new_source() -> World {
    let mut world = deployed(EDGE);
    world.new_source();
    world
}

#[test]
fn a_first_service_comes_up_beside_its_check_and_visitors_wait_for_both() {
    let first = next(&World::default(), EDGE, 1);
    assert!(!waits(&first, "service/web", "check/r1"), "{}", text(&first));
    for step in ["service/worker", "service/beat", "domain/board.example.com", "release/r1"] {
        assert!(waits(&first, step, "check/r1"), "{step}:\n{}", text(&first));
    }
    for needed in ["release-step/r1", "rule/mizan-board-production-check", "artifacts/board"] {
        assert!(waits(&first, "check/r1", needed), "{needed}:\n{}", text(&first));
    }
}

#[test]
fn a_service_that_has_visitors_waits_for_the_check() {
    let update = next(&with_new_source(), EDGE, 2);
    assert!(waits(&update, "service/web", "check/r2"), "{}", text(&update));
    assert!(waits(&update, "check/r2", "release-step/r2"), "{}", text(&update));
}

#[test]
fn what_was_asked_is_not_asked_again() {
    let is_asked = |text: &str| {
        let world = deployed(EDGE);
        next(&world, text, 1).step(&id("check/r2")).is_some()
    };
    assert!(!is_asked(EDGE));
    assert!(!is_asked(&EDGE.replace("python manage.py worker", "python manage.py other")));
    assert!(is_asked(&EDGE.replace("LEVEL: info", "LEVEL: debug")), "another environment");
    assert!(is_asked(&EDGE.replace("/healthz", "/health")), "another way to ask");
}

#[test]
fn a_release_that_is_brought_back_is_not_asked() {
    let world = deploy(&with_new_source(), EDGE, 2);
    let first = &world.history[0];
    let back = diff::plan(&first.desired, &world.seen, Purpose::Rollback(first)).expect("a plan");
    assert!(back.step(&id("check/r3")).is_none(), "{}", text(&back));
}

#[test]
fn switched_off_it_takes_its_things_along() {
    let off = EDGE.replace("domain: board", "check: {on_error: off}, domain: board");
    let plan = next(&deployed(EDGE), &off, 1);
    assert!(plan.step(&id("check/r2")).is_none(), "{}", text(&plan));
    for gone in ["rule/mizan-board-production-check", "target-group/mizan-board-production-check"] {
        let step = plan.step(&id(gone)).expect("a step");
        assert!(matches!(step.change, Change::Delete { .. }), "{gone}");
    }
    assert!(waits(
        &plan,
        "target-group/mizan-board-production-check",
        "rule/mizan-board-production-check"
    ));
    assert!(!text(&next(&World::default(), &off, 1)).contains("-check"));
}

#[test]
fn its_health_path_is_the_new_releases_before_it_is_asked() {
    let moved = EDGE.replace("/healthz", "/health");
    let plan = next(&deployed(EDGE), &moved, 1);
    let group = "target-group/mizan-board-production-check";
    assert!(waits(&plan, "check/r2", group), "{}", text(&plan));
    // The other one asks tasks of the live release until they are gone.
    assert!(waits(&plan, "target-group/mizan-board-production-web", "service/web"));
}

#[test]
fn a_task_that_was_left_is_ended_by_the_next_check_or_by_itself() {
    let left = |mut world: World| {
        let task = ResourceId::new("task", "0a1b");
        world.seen.leftovers.insert(task, "arn of the task".into());
        world
    };
    let alone = next(&left(deployed(EDGE)), EDGE, 1);
    assert!(alone.step(&id("task/0a1b")).is_some(), "{}", text(&alone));
    let update = next(&left(with_new_source()), EDGE, 2);
    assert!(update.step(&id("task/0a1b")).is_none(), "{}", text(&update));
}
