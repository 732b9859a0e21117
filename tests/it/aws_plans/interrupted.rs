//! A deploy that was cut off goes on where it stopped, under its number.

use mizan::{model::ReleaseId, plan::Undo};

use super::*;

/// Runs the first steps of a deploy and is cut off; then runs it again.
fn cut_off(before: &World, text: &str, version: u32, steps: usize) -> (World, Plan<Op>) {
    let desired = before.desired(&app(text), version);
    let mut whole = plan(&desired, before);
    whole.steps.truncate(steps);
    let world = before.after(&whole, &desired, version);
    let rest = plan(&world.desired(&app(text), version), &world);
    (world, rest)
}

#[test]
fn wherever_it_is_cut_off_the_next_run_ends_where_the_first_would_have() {
    let steps = plan(&World::default().desired(&app(BOARD), 1), &World::default()).steps.len();
    for at in 0..=steps {
        let (world, rest) = cut_off(&World::default(), BOARD, 1, at);
        let desired = world.desired(&app(BOARD), 1);
        let end = world.after(&rest, &desired, 1);
        let again = plan(&end.desired(&app(BOARD), 1), &end);
        assert!(again.is_noop(), "after {at} steps:\n{}\nthen\n{}", text(&rest), text(&again));
        assert_eq!(end.seen.releases, [ReleaseId(1)], "after {at} steps");
    }
}

#[test]
fn a_release_step_that_has_ended_is_not_run_again() {
    let mut world = deployed(BOARD);
    world.new_source();
    world.seen.newest = Some(ReleaseId(2));
    let runs = |world: &World| {
        let plan = plan(&world.desired(&app(BOARD), 2), world);
        let step = plan.steps.iter().find(|step| step.resource.kind == "release-step");
        step.map(|step| step.resource.name.clone())
    };
    assert_eq!(runs(&world).as_deref(), Some("r2"));
    world.seen.migrated = Some(ReleaseId(2));
    assert_eq!(runs(&world), None);
}

/// A deploy whose services were rolled out, killed before its record.
fn killed_before_its_record() -> (World, World) {
    let before = deployed(BOARD);
    let mut world = before.clone();
    world.new_source();
    let desired = world.desired(&app(BOARD), 2);
    let whole = plan(&desired, &world);
    let mut world = world.after(&whole, &desired, 2);
    world.seen.current = before.seen.current.clone();
    world.seen.releases = before.seen.releases.clone();
    world.seen.newest = Some(ReleaseId(1));
    (before, world)
}

#[test]
fn a_service_that_a_killed_deploy_rolled_out_is_gone_on_with_and_can_be_taken_back() {
    let (before, mut world) = killed_before_its_record();
    // Killed between the two calls of the update, too: the tag is still that of the release before.
    for tagged in [ReleaseId(2), ReleaseId(1)] {
        world.service("web").release = Some(tagged);
        let plan = plan(&world.desired(&app(BOARD), 2), &world);
        let step = plan.steps.iter().find(|step| step.id.to_string() == "service/web");
        let step = step.expect("no release has what the service runs");
        let Undo::Restore { op } = &step.undo else { panic!("not taken back: {:?}", step.undo) };
        let Op::RestoreService { release, task_definition, spec, .. } = op.as_ref() else {
            panic!("another undo: {op:?}")
        };
        let live = before.seen.current.as_ref().expect("a live release");
        assert_eq!(*release, Some(live.id));
        assert_eq!(*task_definition, live.task_definitions["web"]);
        assert_eq!(**spec, live.desired.services["web"]);
    }
}
