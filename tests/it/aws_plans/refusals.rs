//! What a plan refuses, with the whole message.

use mizan::{
    error::Error,
    plan::Seen,
    targets::aws::{
        SeenThing,
        diff::Refusal,
        spec::{Cluster, DefaultAction, Thing},
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

const WITH_EDGE: &str = "edge: {on: [cloudflare], domain: board.example.com}\n";
const WITHOUT_EDGE: &str = "edge: {on: [local], domain: board.example.com}\n";

#[test]
fn a_domain_does_not_move_between_edge_and_load_balancer_under_its_visitors() {
    let (on, off) = (BOARD.to_owned() + WITH_EDGE, BOARD.to_owned() + WITHOUT_EDGE);
    insta::assert_snapshot!(message(refusal(&on, &deployed(&off))), @r"
    the edge of a deployed environment with a domain cannot be switched on: https://board.example.com leads to the live release by DNS records and a certificate that the other way has not
    hint: give this release another domain, or deploy a second environment with the edge as you want it, and move the domain when it serves
    ");
    let back = refusal(&off, &deployed(&on));
    assert!(matches!(back, Refusal::EdgeSwitch { on: false, .. }), "{back:?}");
    let elsewhere = on.replace("board.example.com", "new.example.com");
    let world = deployed(&off);
    let desired = world.desired(&app(&elsewhere), 1);
    diff::plan(&desired, &world.seen, Purpose::Deploy).expect("another domain has no visitors yet");
}

#[test]
fn a_load_balancer_lets_its_visitors_through_until_the_edge_has_them() {
    let world = deployed(BOARD);
    let desired = world.desired(&app(&(BOARD.to_owned() + "edge: {on: [cloudflare]}\n")), 1);
    let plan = diff::plan(&desired, &world.seen, Purpose::Deploy).expect("a plan");
    let at = |id: &str| plan.steps.iter().position(|step| step.id.0.starts_with(id));
    let forbids = |op: &Op| matches!(op, Op::Put { thing: Thing::Listener(it) } if it.default == DefaultAction::Forbid);
    let closed = plan.steps.iter().position(|step| forbids(&step.op));
    assert!(closed > at("release/"), "{:#?}", plan.steps);
    assert!(at("release/") > at("traffic/"));
}

#[test]
fn another_schema_file_is_another_release_of_the_edge() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("schema.json");
    fs::write(&path, "{}").expect("a schema");
    let text = format!("{BOARD}schema: {}\nedge: {{on: [cloudflare]}}\n", path.display());
    let world = deployed(&text);
    let plan = || {
        let desired = world.desired(&app(&text), 1);
        diff::plan(&desired, &world.seen, Purpose::Deploy).expect("a plan")
    };
    assert!(plan().is_noop());
    fs::write(&path, "{\"openapi\": \"3.1.0\"}").expect("another schema");
    let changed = plan();
    assert!(changed.steps.iter().any(|step| step.resource.kind == "edge"), "{changed:#?}");
}

#[test]
fn after_a_destroy_that_came_half_way_a_deploy_that_fails_takes_back_what_it_made() {
    let mut world = deployed(BOARD);
    world.seen.things.clear();
    world.seen.services.clear();
    let desired = world.desired(&app(BOARD), 1);
    let plan = diff::plan(&desired, &world.seen, Purpose::Deploy).expect("a plan");
    let balancer = plan.steps.iter().find(|step| step.resource.kind == "load-balancer");
    assert_eq!(balancer.expect("a load balancer").undo, mizan::plan::Undo::Delete);
}
