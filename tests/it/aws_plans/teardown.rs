//! Destroy: everything that is ours goes, in an order that AWS allows, and nothing else.

use mizan::{
    plan::{ResourceId, Seen},
    targets::aws::{
        Observed, SeenThing,
        diff::{Teardown, plan_teardown},
        spec::{Cluster, Thing},
    },
};

use super::*;

const EDGE: &str = include_str!("../../fixtures/aws-plans/first-deploy-with-edge/mizan.yaml");
const ALL: Teardown = Teardown { secrets: true, shared: true };

fn teardown(observed: &Observed, teardown: Teardown) -> Plan<Op> {
    plan_teardown(&world::scope(&app(BOARD)), observed, teardown).expect("a plan")
}

#[test]
fn without_more_secrets_and_bucket_are_kept() {
    let mut world = deployed(EDGE);
    world.seen.bucket_users.insert("shop/production".into());
    let task = ResourceId::new("task", "0a1b");
    world.seen.leftovers.insert(task, "arn of the task".into());
    insta::assert_snapshot!(text(&teardown(&world.seen, Teardown::default())));
}

#[test]
fn with_everything_the_account_is_empty_again() {
    let world = deployed(EDGE);
    let desired = world.desired(&app(EDGE), 1);
    let mut after = world.after(&teardown(&world.seen, ALL), &desired, 1).seen;
    // The memory's way of noting that a ledger is used, and what an ECR repository takes along.
    after.bucket_users.clear();
    after.image_digest = None;
    after.artifacts_cached = false;
    after.bucket = false;
    assert_eq!(after, World::default().seen);
}

#[test]
fn a_bucket_that_others_use_stays() {
    let mut world = deployed(EDGE);
    world.seen.bucket_users.insert("shop/production".into());
    let plan = teardown(&world.seen, ALL);
    assert!(text(&plan).contains("is kept: shop/production still use it"), "{}", text(&plan));
}

#[test]
fn what_is_not_ours_stays_and_an_empty_account_is_left_alone() {
    let mut world = World::default();
    let thing = Thing::Cluster(Cluster { name: "mizan-board-production".into() });
    let seen = SeenThing { arn: "arn".into(), ours: false, attributes: Default::default(), thing };
    world.seen.things.insert(seen.thing.id(), Seen::Present(seen));
    assert!(teardown(&world.seen, ALL).is_noop());
}

#[test]
fn what_needs_another_goes_before_it() {
    let plan = teardown(&deployed(EDGE).seen, ALL);
    let at = |wanted: &str| {
        let position = plan.steps.iter().position(|step| step.id.0.starts_with(wanted));
        position.unwrap_or_else(|| panic!("no step {wanted}"))
    };
    for (first, then) in [
        ("scaling/web", "service/web"),
        ("service", "cluster"),
        ("rule", "listener/443"),
        ("listener", "load-balancer"),
        ("listener/443", "certificate"),
        ("load-balancer", "security-group"),
        ("service", "role"),
        ("repository", "ledger"),
        ("ledger", "bucket"),
    ] {
        assert!(at(first) < at(then), "{first} before {then}:\n{}", text(&plan));
    }
}
