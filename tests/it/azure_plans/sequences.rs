//! Sequences of faults: a deploy is killed at each of its steps, and the next one fails at each of
//! its own. Wherever that is, visitors are led to a group that runs, no singleton runs twice (which
//! the world itself asserts), and what failed last is taken back to the live release.

use mizan::targets::azure::instances::State;

use super::*;

fn renamed() -> String {
    changed("other", "debug").replace("  beat: {", "  tick: {renamed_from: beat, ")
}

fn before_commit(plan: &Plan<Op>) -> usize {
    plan.steps.iter().filter(|step| !step.after_commit).count()
}

/// The world in which a plan was killed after so many steps.
fn cut(world: &World, plan: &Plan<Op>, at: usize, desired: &Desired, version: u32) -> World {
    let part = Plan { steps: plan.steps[..at].to_vec(), ..plan.clone() };
    world.after(&part, desired, version)
}

/// One in which it failed there instead. (A step that failed is taken back, too: it may have done
/// its work.)
fn failed(world: &World, plan: &Plan<Op>, at: usize, desired: &Desired, version: u32) -> World {
    cut(world, plan, at, desired, version).taken_back(&plan.steps[..at], desired, version)
}

#[track_caller]
fn assert_visitors_are_served(world: &World, what: &str) {
    let origin = world.origin().expect("an origin");
    let scope = &world.seen.current.as_ref().expect("a release").desired.scope;
    let mut groups = world.seen.own_groups();
    let led_to = groups.find(|(name, _)| *origin == format!("https://{}", scope.host(name)));
    let (name, seen) = led_to.unwrap_or_else(|| panic!("nobody is at {origin}: {what}"));
    assert_eq!(seen.state, State::Running, "{name}: {what}");
}

/// The next deploy of this fails everywhere.
#[track_caller]
fn assert_fails_well(live: &World, killed: &World, (text, version): (&str, u32), what: &str) {
    let desired = killed.desired(&app(text), version);
    let whole = plan(&desired, killed);
    let commit = before_commit(&whole);
    for at in 0..=commit {
        let what = format!("{what}, failed after {at} steps of\n{}", super::text(&whole));
        let world = failed(killed, &whole, at, &desired, version);
        assert_visitors_are_served(&world, &what);
        // Without a release of its own, it only repairs.
        let makes_release = whole.steps.iter().any(|step| step.resource.kind == "release");
        if at == commit && makes_release {
            let groups = &live.seen.current.as_ref().expect("a release").groups;
            for group in groups.values() {
                assert_eq!(world.seen.groups[group], live.seen.groups[group], "{what}");
            }
            assert_eq!(world.seen.current, live.seen.current, "{what}");
            assert_eq!(world.origin(), live.origin(), "{what}");
        }
    }
    let end = deploy(killed, text, version);
    assert!(next(&end, text, version).is_noop(), "{what}");
    assert_visitors_are_served(&end, what);
}

#[track_caller]
fn assert_sequence(second: &str, third: (&str, u32)) {
    let live = with_new_source(BOARD);
    let desired = live.desired(&app(second), 2);
    let whole = plan(&desired, &live);
    for at in 0..before_commit(&whole) {
        let killed = cut(&live, &whole, at, &desired, 2);
        assert_fails_well(&live, &killed, third, &format!("killed after {at} steps"));
    }
}

#[test]
fn a_kill_and_a_failure_of_the_same() {
    let text = changed("other", "debug");
    assert_sequence(&text, (&text, 2));
}

#[test]
fn a_kill_and_a_failure_of_something_else() {
    assert_sequence(&changed("other", "debug"), (&changed("third", "warning"), 2));
}

#[test]
fn a_kill_and_a_failure_of_what_is_live() {
    assert_sequence(&changed("other", "debug"), (BOARD, 1));
}

#[test]
fn a_kill_of_a_rename_and_a_failure() {
    assert_sequence(&renamed(), (&renamed(), 2));
    assert_sequence(&renamed(), (BOARD, 1));
}

#[test]
fn two_kills_and_a_failure() {
    let live = with_new_source(BOARD);
    let first = live.desired(&app(&changed("other", "debug")), 2);
    let whole = plan(&first, &live);
    for at in 0..before_commit(&whole) {
        let killed = cut(&live, &whole, at, &first, 2);
        let second = killed.desired(&app(&changed("third", "warning")), 2);
        let again = plan(&second, &killed);
        for again_at in (0..before_commit(&again)).skip(at % 3).step_by(3) {
            let killed = cut(&killed, &again, again_at, &second, 2);
            let what = format!("killed after {at} and after {again_at} steps");
            assert_fails_well(&live, &killed, (&changed("fourth", "error"), 2), &what);
        }
    }
}

#[test]
fn a_rollback_that_was_killed_and_a_failure() {
    let live = deploy(&with_new_source(BOARD), &changed("other", "debug"), 2);
    let to = live.history[0].clone();
    let rollback = diff::plan(&to.desired, &live.seen, Purpose::Rollback(&to)).expect("a plan");
    for at in 0..before_commit(&rollback) {
        let killed = cut(&live, &rollback, at, &to.desired, 1);
        let what = format!("rollback killed after {at} steps");
        assert_fails_well(&live, &killed, (&changed("third", "warning"), 3), &what);
        let again = diff::plan(&to.desired, &killed.seen, Purpose::Rollback(&to)).expect("a plan");
        for again_at in 0..=before_commit(&again) {
            let world = failed(&killed, &again, again_at, &to.desired, 1);
            assert_visitors_are_served(&world, &what);
        }
    }
}
