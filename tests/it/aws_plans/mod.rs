//! The planner of the AWS target: each folder of `tests/fixtures/aws-plans` has what is deployed
//! (`before.yaml`, absent for nothing), what is wanted (`mizan.yaml`) and the plan (`plan.txt`).
//! A file `new-image` says that the source has changed too. A case is added by adding a folder and
//! running with UPDATE=1.

mod check;
mod drift;
mod interrupted;
mod properties;
mod purge_key;
mod refusals;
mod rollback;
mod teardown;
mod validation;
mod world;

use std::{fs, path::Path};

use mizan::{
    plan::Plan,
    targets::aws::{
        Desired, Op,
        diff::{self, Purpose},
    },
    view,
    workers::cloud::CloudSpec,
};
use world::{World, app};

use crate::support::plan_cases::assert_plans;

const BOARD: &str = include_str!("../../fixtures/aws-plans/no-change/mizan.yaml");

fn plan(desired: &Desired, world: &World) -> Plan<Op> {
    diff::plan(desired, &world.seen, Purpose::Deploy).expect("a plan")
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

fn text(plan: &Plan<Op>) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    view::write_plan_text(plan, true, &mut out).expect("a plan in words");
    String::from_utf8(out.into_inner()).expect("text")
}

fn case(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let mut world = read("before.yaml").map(|before| deployed(&before)).unwrap_or_default();
    let version = if folder.join("new-image").exists() { 2 } else { 1 };
    if version == 2 {
        world.new_source();
    }
    let app = app(&read("mizan.yaml").expect("mizan.yaml"));
    // The Workers of this version of mizan: they change more often than plans do.
    let code: String = CloudSpec::code_of_this_version().chars().take(8).collect();
    text(&plan(&world.desired(&app, version), &world)).replace(&code, "(this one)")
}

#[test]
fn every_case_has_its_plan() {
    assert_plans("aws-plans", 20, case);
}
