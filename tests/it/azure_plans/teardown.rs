//! Destroy: everything that is ours goes, in an order that Azure allows, and nothing else.

use mizan::{
    plan::Seen,
    targets::azure::{
        instances::{
            Observed,
            diff::{Teardown, plan_teardown},
        },
        things::Thing,
    },
};

use super::*;

const ALL: Teardown = Teardown { secrets: true, shared: true };

fn teardown(observed: &Observed, teardown: Teardown) -> Plan<Op> {
    plan_teardown(&world::scope(&app(BOARD)), observed, teardown).expect("a plan")
}

/// A deployed world with a secret that somebody has set.
fn with_secret() -> World {
    let mut world = deployed(BOARD);
    world.seen.secrets.insert("env-DATABASE-URL".into());
    world
}

#[test]
fn without_more_secrets_and_storage_are_kept() {
    let mut world = with_secret();
    world.seen.storage_users.insert("shop/production".into());
    insta::assert_snapshot!(text(&teardown(&world.seen, Teardown::default())));
}

#[test]
fn with_everything_only_the_registration_of_providers_is_left() {
    let world = with_secret();
    let plan = teardown(&world.seen, ALL);
    let desired = world.desired(&app(BOARD), 1);
    let mut after = world.after(&plan, &desired, 1).seen;
    after.things.retain(|id, _| id.kind != "provider");
    // The memory's way of noting that a ledger is used, and what a registry takes along.
    after.storage_users.clear();
    after.image_digest = None;
    after.sidecar_pushed = false;
    after.artifacts_cached = false;
    assert_eq!(after, Observed::default(), "{}", text(&plan));
}

#[test]
fn a_resource_group_with_something_of_others_stays() {
    let mut world = with_secret();
    world.seen.strangers.insert("/subscriptions/1/theirs".into());
    let told = text(&teardown(&world.seen, ALL));
    assert!(!told.contains("delete resource-group"), "{told}");
    assert!(told.contains("is kept: /subscriptions/1/theirs is not ours"), "{told}");
}

#[test]
fn a_vault_that_a_killed_destroy_has_deleted_is_purged_with_the_secrets() {
    let seen = Observed { vault_is_deleted: true, ..Observed::default() };
    assert!(teardown(&seen, Teardown::default()).is_noop());
    let plan = teardown(&seen, Teardown { secrets: true, ..Teardown::default() });
    let [step] = &plan.steps[..] else { panic!("{}", text(&plan)) };
    assert!(matches!(&step.op, Op::Delete { thing: Thing::Vault(_) }), "{}", text(&plan));
}

#[test]
fn what_is_not_ours_stays_and_an_empty_subscription_is_left_alone() {
    let mut world = deployed(BOARD);
    let mut theirs = world.group("board-production-r1").clone();
    theirs.ours = false;
    let mut empty = World::default();
    empty.seen.groups.insert("board-production-r1".into(), Seen::Present(theirs));
    assert!(teardown(&empty.seen, ALL).is_noop());
}

#[test]
fn what_needs_another_goes_before_it() {
    let plan = teardown(&with_secret().seen, ALL);
    let at = |wanted: &str| {
        let position = plan.steps.iter().position(|step| step.id.0.starts_with(wanted));
        position.unwrap_or_else(|| panic!("no step {wanted}"))
    };
    for (first, then) in [
        ("edge", "container-group"),
        ("container-group", "identity"),
        ("role-assignment", "registry"),
        ("role-assignment", "identity"),
        ("registry", "resource-group"),
        ("vault", "resource-group"),
        ("resource-group", "ledger"),
        ("ledger", "storage-account"),
    ] {
        assert!(at(first) < at(then), "{first} before {then}:\n{}", text(&plan));
    }
}
