//! The key for purges goes to the Edge, and is there before the Edge needs it.

use mizan::plan::{Late, StepId};

use super::{World, deploy, deployed, plan, world::app};

const WITHOUT: &str = include_str!("../../fixtures/aws-plans/purge-key-added/before.yaml");
const WITH: &str = include_str!("../../fixtures/aws-plans/purge-key-added/mizan.yaml");

#[test]
fn a_key_that_is_made_up_is_there_before_the_edge_gets_it() {
    for world in [World::default(), deployed(WITHOUT)] {
        let desired = world.desired(&app(WITH), 1);
        let plane = desired.plane.as_ref().expect("an edge");
        let Some(Late::After(secret)) = &plane.purge_key else { panic!("{:?}", plane.purge_key) };
        let plan = plan(&desired, &world);
        let edge = plan.step(&StepId::new("edge", "board")).expect("a new version of the Edge");
        assert!(edge.needs.contains(secret), "{:?} without {secret}", edge.needs);
    }
}

#[test]
fn the_key_that_was_made_is_no_change_of_the_next_deploy() {
    let world = deployed(WITH);
    let desired = world.desired(&app(WITH), 1);
    assert!(matches!(desired.plane.as_ref().expect("an edge").purge_key, Some(Late::Known(_))));
    let again = plan(&desired, &world);
    assert!(again.is_noop(), "{:?}", again.steps);
}

#[test]
fn a_key_that_is_taken_out_is_another_version_of_the_edge() {
    let world = deploy(&deployed(WITH), WITHOUT, 1);
    assert!(plan(&world.desired(&app(WITHOUT), 1), &world).is_noop());
    let before = deployed(WITH);
    let plan = plan(&before.desired(&app(WITHOUT), 1), &before);
    assert!(plan.step(&StepId::new("edge", "board")).is_some());
}
