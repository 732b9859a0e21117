//! What a plan refuses, with the whole message.

use mizan::{
    error::Error,
    plan::Seen,
    targets::azure::{
        instances::{SeenThing, diff::Refusal},
        things::{ResourceGroup, Thing},
    },
};

use super::*;

fn refusal(text: &str, world: &World) -> Refusal {
    let desired = world.desired(&app(text), 1);
    diff::plan(&desired, &world.seen, Purpose::Deploy).expect_err("no plan")
}

fn message(refusal: Refusal) -> String {
    let error = Error::from(refusal);
    let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
    [error.to_string()].into_iter().chain(hints).collect::<Vec<_>>().join("\n")
}

fn with_group(location: &str, ours: bool) -> World {
    let mut world = World::default();
    let name = "mizan-board-production".to_owned();
    let thing = Thing::ResourceGroup(ResourceGroup { name, location: location.into() });
    let seen = SeenThing { id: "/subscriptions/1/resourceGroups/it".into(), ours, thing };
    world.seen.things.insert(seen.thing.id(), Seen::Present(seen));
    world
}

#[test]
fn a_foreign_thing_with_our_name_is_named() {
    insta::assert_snapshot!(message(refusal(BOARD, &with_group("westeurope", false))));
}

#[test]
fn a_foreign_group_is_named_too() {
    let mut world = with_new_source(BOARD);
    let mut theirs = world.group("board-production-r1").clone();
    theirs.ours = false;
    world.seen.groups.insert("board-production-r2".into(), Seen::Present(theirs));
    let desired = world.desired(&app(BOARD), 2);
    let refusal = diff::plan(&desired, &world.seen, Purpose::Deploy);
    assert!(matches!(refusal, Err(Refusal::Foreign(found)) if found.len() == 1));
}

#[test]
fn what_is_not_ours_and_not_in_the_way_stays() {
    let mut world = with_new_source(BOARD);
    let mut theirs = world.group("board-production-r1").clone();
    theirs.ours = false;
    world.seen.groups.insert("theirs".into(), Seen::Present(theirs.clone()));
    let end = deploy(&world, BOARD, 2);
    assert_eq!(end.seen.groups.get("theirs"), Some(&Seen::Present(theirs)));
}

#[test]
fn an_environment_does_not_move_to_another_location() {
    insta::assert_snapshot!(message(refusal(BOARD, &with_group("northeurope", true))));
}
