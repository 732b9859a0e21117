//! What a plan refuses, with the whole message.

use mizan::{
    error::Error,
    plan::Seen,
    targets::aws::{
        SeenThing,
        diff::Refusal,
        spec::{Cluster, Thing},
    },
};

use super::*;

fn refusal(text: &str, world: &World) -> Refusal {
    let desired = world.desired(&app(text), 1);
    diff::plan(&desired, &world.seen, Purpose::Deploy).expect_err("no plan")
}

fn message(refusal: Refusal) -> String {
    let error = Error::from(refusal);
    let lines = [error.to_string()].into_iter();
    lines
        .chain(error.hints.iter().map(|hint| format!("hint: {hint}")))
        .collect::<Vec<_>>()
        .join("\n")
}

fn with(target: &str, more: &str) -> String {
    BOARD.replace("{region: eu-west-1}", &format!("{{region: eu-west-1, {target}}}")) + more
}

#[test]
fn a_foreign_thing_with_our_name_is_named() {
    let mut world = World::default();
    let thing = Thing::Cluster(Cluster { name: "mizan-board-production".into() });
    let seen =
        SeenThing { arn: "arn:of:it".into(), ours: false, attributes: Default::default(), thing };
    world.seen.things.insert(seen.thing.id(), Seen::Present(seen));
    insta::assert_snapshot!(message(refusal(BOARD, &world)), @r"
    cluster mizan-board-production is there already and does not belong to this environment: cluster mizan-board-production (arn:of:it) has no tags mizan:app and mizan:env of ours
    hint: what is not ours is never changed: remove or rename it, or choose another name for the app or the environment
    ");
}

#[test]
fn a_foreign_service_is_named_too() {
    let mut world = deployed(BOARD);
    world.service("worker").ours = false;
    assert!(matches!(refusal(BOARD, &world), Refusal::Foreign(found) if found.len() == 1));
}

#[test]
fn an_environment_does_not_move_to_another_cluster() {
    let moved = with("cluster: shared", "");
    insta::assert_snapshot!(message(refusal(&moved, &deployed(BOARD))), @r"
    `cluster` of a deployed environment cannot be changed: it is mizan-board-production, and shared is wanted
    hint: names on AWS are taken as long as the old ones exist, so there is no way without a gap
    hint: deploy to a second environment beside this one, move the traffic, then destroy this one
    ");
}

#[test]
fn an_environment_does_not_move_to_another_load_balancer() {
    let moved =
        with(&format!("load_balancer: '{}'", world::GIVEN), "edge: {domain: board.example.com}\n");
    let refusal = refusal(&moved, &deployed(BOARD));
    assert!(matches!(refusal, Refusal::Immovable { field: "load_balancer", .. }), "{refusal:?}");
}

#[test]
fn an_environment_does_not_move_to_another_vpc() {
    let mut world = deployed(BOARD);
    if let Thing::TargetGroup(group) = &mut world.thing_of("target-group").thing {
        group.vpc = "vpc-00000009".into();
    }
    let refusal = refusal(BOARD, &world);
    assert!(matches!(refusal, Refusal::Immovable { field: "vpc", .. }), "{refusal:?}");
}
