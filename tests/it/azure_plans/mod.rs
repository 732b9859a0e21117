//! The planner of Container Instances: each folder of `tests/fixtures/azure-plans` has what is
//! deployed (`before.yaml`, absent for nothing), what is wanted (`mizan.yaml`) and the plan
//! (`plan.txt`). A file `new-image` says that the source has changed too, a file `new-secret` that
//! somebody has set secrets anew. A case is added by adding a folder and running with UPDATE=1.

mod drift;
mod interrupted;
mod properties;
mod refusals;
mod rollback;
mod sequences;
mod teardown;
mod validation;
pub mod world;

use std::{fs, path::Path};

use mizan::{
    plan::Plan,
    targets::azure::instances::{
        Desired, Op,
        diff::{self, Purpose},
    },
    view,
    workers::cloud::CloudSpec,
};
use world::{World, app};

use crate::support::plan_cases::assert_plans;

const BOARD: &str = include_str!("../../fixtures/azure-plans/no-change/mizan.yaml");

/// A change of everything: other source, another command of the singleton, another setting.
fn changed(command: &str, level: &str) -> String {
    let text = BOARD.replace("manage.py beat", &format!("manage.py {command}"));
    text.replace("LEVEL: info", &format!("LEVEL: {level}"))
}

fn plan(desired: &Desired, world: &World) -> Plan<Op> {
    diff::plan(desired, &world.seen, Purpose::Deploy).expect("a plan")
}

/// The plan of a deploy of this configuration.
fn next(world: &World, text: &str, version: u32) -> Plan<Op> {
    plan(&world.desired(&app(text), version), world)
}

/// The world after a first deploy of this configuration.
fn deployed(text: &str) -> World {
    deploy(&World::default(), text, 1)
}

/// The world after a deploy of this configuration.
fn deploy(world: &World, text: &str, version: u32) -> World {
    let desired = world.desired(&app(text), version);
    world.after(&plan(&desired, world), &desired, version)
}

/// The world after a deploy, with new source to deploy.
fn with_new_source(text: &str) -> World {
    let mut world = deployed(text);
    world.new_source();
    world
}

fn text(plan: &Plan<Op>) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    view::write_plan_text(plan, true, &mut out).expect("a plan in words");
    // The Workers of this version of mizan: they change more often than plans do.
    let code: String = CloudSpec::code_of_this_version().chars().take(8).collect();
    let text = String::from_utf8(out.into_inner()).expect("text");
    text.replace(&code, "(this one)")
}

fn case(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let mut world = read("before.yaml").map(|before| deployed(&before)).unwrap_or_default();
    let version = if folder.join("new-image").exists() { 2 } else { 1 };
    if version == 2 {
        world.new_source();
    }
    if folder.join("new-secret").exists() {
        world.new_secrets();
    }
    text(&next(&world, &read("mizan.yaml").expect("mizan.yaml"), version))
}

#[test]
fn every_case_has_its_plan() {
    assert_plans("azure-plans", 11, case);
}
