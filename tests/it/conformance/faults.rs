//! A fault at every step: the steps are those that the plan names, whatever they are.
//!
//! After a kill the next run ends where an uninterrupted one would have; after a failure the world
//! is as before.

use rustix::process::Signal;

use super::{
    App, Platform,
    deploys::{assert_untouched, deploy_version},
    platform::Step,
    table::{Table, is_every_step, is_full},
    world::{World, assert_same},
};

/// Where a kill strikes: the fault points, and while the step is at work.
const KILLS: [&str; 3] = ["before", "during", "after"];
const FAILURES: [&str; 2] = ["before", "after"];

/// The points at which to strike the step at this place of the plan: all, or one in turn.
fn points<'a>(all: &[&'a str], at: usize) -> Vec<&'a str> {
    match is_full() {
        true => all.to_vec(),
        false => vec![all[at % all.len()]],
    }
}

/// Every strike of a plan, in order: place of the step, point.
fn strikes<'a, P: Platform>(all: &[&'a str], steps: usize) -> Vec<(usize, &'a str)> {
    let stride = if is_every_step() { 1 } else { P::STRIDE };
    (0..steps)
        .step_by(stride)
        .flat_map(|at| points(all, at).into_iter().map(move |point| (at, point)))
        .collect()
}

/// Runs a command and kills it at this point of a step.
fn kill<P: Platform>(platform: &P, command: &[&str], point: &str, step: &str) {
    let arguments = [command, &["--yes", "--json"]].concat();
    let mut mizan = platform.mizan(&arguments);
    if point == "during" {
        let mut run = crate::support::Running::start(&mut mizan);
        run.wait_for_step(step);
        run.signal(Signal::KILL);
        // It may have been quicker than the signal; then it ended well.
        let code = run.end().code;
        assert!(matches!(code, None | Some(0)), "killed while {step}: {code:?}");
        return;
    }
    mizan.env("MIZAN_FAULT", format!("kill:{point}:{step}"));
    let code = mizan.output().expect("mizan runs").status.code();
    assert_eq!(code, None, "not killed {point} {step}");
}

pub fn a_kill_at_every_step_of_a_first_deploy<P: Platform>(platform: &P) {
    platform.lighten_a_sample();
    let expected = deploy_version(platform, 1).shape();
    platform.destroy();
    let mut table = Table::new::<P>("kill in a first deploy");
    for (at, point) in strikes::<P>(&KILLS, platform.steps(&["deploy"]).len()) {
        let step = platform.steps(&["deploy"])[at].id.clone();
        kill(platform, &["deploy"], point, &step);
        platform.deploy().expect(0);
        assert_eq!(platform.serving(), Ok("1".to_owned()), "after a kill {point} {step}");
        let what = format!("after a kill {point} {step} and a deploy");
        assert_same(&what, &expected, &platform.world().shape());
        platform.deploy().expect(0).says(&["Nothing to change."]);
        table.add(&format!("kill {point}"), &step, "the next deploy converges");
        platform.destroy();
    }
    table.write();
}

/// Deploys until every deploy also forgets a release, as it does from then on for ever.
fn settle<P: Platform>(platform: &P) -> World {
    (1..=3).map(|version| deploy_version(platform, version)).last().expect("a deploy")
}

pub fn a_kill_at_every_step_of_an_update<P: Platform>(platform: &P) {
    platform.lighten_a_sample();
    settle(platform);
    let expected = deploy_version(platform, 4).shape();
    platform.write(&App::version(5));
    let count = platform.steps(&["deploy"]).len();
    let mut table = Table::new::<P>("kill in an update");
    for (version, (at, point)) in (5..).zip(strikes::<P>(&KILLS, count)) {
        platform.write(&App::version(version));
        let steps = platform.steps(&["deploy"]);
        assert_eq!(steps.len(), count, "the plan is another one: {steps:?}");
        let step = steps[at].id.clone();
        kill(platform, &["deploy"], point, &step);
        let what = format!("after a kill {point} {step}");
        let serving = platform.serving().unwrap_or_else(|error| panic!("{what}: {error}"));
        let (old, new) = ((version - 1).to_string(), version.to_string());
        assert!(serving == old || serving == new, "{what}: {serving} answers");
        platform.deploy().expect(0);
        assert_eq!(platform.serving(), Ok(new), "{what}");
        assert_same(&format!("{what} and a deploy"), &expected, &platform.world().shape());
        platform.deploy().expect(0).says(&["Nothing to change."]);
        let seen = if serving == old { "the old one" } else { "the new one" };
        let seen = format!("{seen} serves, the next deploy converges");
        table.add(&format!("kill {point}"), &step, &seen);
    }
    table.write();
}

pub fn a_kill_at_every_step_of_a_destroy<P: Platform>(platform: &P) {
    const DESTROY: [&str; 2] = ["destroy", "--volumes"];
    platform.lighten_a_sample();
    deploy_version(platform, 1);
    let mut table = Table::new::<P>("kill in a destroy");
    for (at, point) in strikes::<P>(&KILLS, platform.steps(&DESTROY).len()) {
        let step = platform.steps(&DESTROY)[at].id.clone();
        kill(platform, &DESTROY, point, &step);
        platform.destroy();
        let what = format!("after a kill {point} {step} and a destroy");
        assert_same(&what, &[], &platform.world().identity());
        table.add(&format!("kill {point}"), &step, "the next destroy leaves nothing");
        deploy_version(platform, 1);
    }
    table.write();
}

pub fn a_failure_at_every_step_of_a_first_deploy<P: Platform>(platform: &P) {
    platform.lighten_a_sample();
    platform.write(&App::version(1));
    let mut table = Table::new::<P>("failure in a first deploy");
    for (at, point) in strikes::<P>(&FAILURES, platform.steps(&["deploy"]).len()) {
        // What was built stays, so a plan is shorter than the first one; and what comes after the
        // record is not taken back.
        let steps = platform.steps(&["deploy"]);
        let recorded = steps.iter().position(|step| step.id.starts_with("release/"));
        let step = steps.get(at).filter(|_| recorded.is_none_or(|recorded| at <= recorded));
        let Some(step) = step.map(|step| step.id.clone()) else { continue };
        platform.deploy_with(&format!("fail:{point}:{step}")).expect(70);
        let left = platform.world().lasting().identity();
        let left: Vec<_> = left
            .into_iter()
            .filter(|fact| !P::RESTS.iter().any(|rest| fact.starts_with(rest)))
            .collect();
        assert_same(&format!("after a failure {point} {step}"), &[], &left);
        table.add(&format!("failure {point}"), &step, "exit code 70, nothing is left");
    }
    deploy_version(platform, 1);
    table.write();
}

pub fn a_failure_at_every_step_of_an_update<P: Platform>(platform: &P) {
    platform.lighten_a_sample();
    let mut before = settle(platform);
    let mut version = 3;
    let count = {
        platform.write(&App::version(version + 1));
        platform.steps(&["deploy"]).len()
    };
    let mut table = Table::new::<P>("failure in an update");
    for (at, point) in strikes::<P>(&FAILURES, count) {
        // The image of the one before is in the cache: another version has all steps again.
        platform.write(&App::version(format!("{}-{at}-{point}", version + 1)));
        let steps = platform.steps(&["deploy"]);
        assert_eq!(steps.len(), count, "the plan is another one: {steps:?}");
        let Step { id, after_commit, .. } = &steps[at];
        let ended = platform.deploy_with(&format!("fail:{point}:{id}"));
        let what = format!("after a failure {point} {id}");
        let seen = if *after_commit {
            ended.expect(71).says(&["left over", "the new release is live"]);
            version += 1;
            platform.write(&App::version(version));
            before = deploy_version(platform, version);
            "exit code 71, the new one serves"
        } else {
            ended.expect(70);
            assert_untouched(platform, &what, &before, &version.to_string());
            "exit code 70, everything as before"
        };
        table.add(&format!("failure {point}"), id, seen);
    }
    table.write();
}

pub fn a_failure_of_every_undo<P: Platform>(platform: &P) {
    platform.lighten_a_sample();
    settle(platform);
    let expected = deploy_version(platform, 4).shape();
    platform.write(&App::version(5));
    let undoable = |step: &&Step| step.has_undo && !step.after_commit;
    let count = platform.steps(&["deploy"]).iter().filter(undoable).count();
    let mut table = Table::new::<P>("failure of an undo");
    for (version, (at, kind)) in (5..).zip(strikes::<P>(&["fail", "kill"], count)) {
        platform.write(&App::version(version));
        let steps = platform.steps(&["deploy"]);
        let step = steps.iter().filter(undoable).nth(at).expect("the step").id.clone();
        // The last step before the commit point fails, so that all before it are taken back.
        let last = steps.iter().rfind(|step| !step.after_commit).expect("a step");
        let fault = format!("fail:before:{},{kind}:during-undo:{step}", last.id);
        let ended = platform.deploy_with(&fault);
        let what = format!("after {fault}");
        match kind {
            "fail" => drop(ended.expect(71).says(&["left over"])),
            _ => assert_eq!(ended.code, None, "{what}"),
        }
        platform.serving().unwrap_or_else(|error| panic!("{what}: {error}"));
        platform.deploy().expect(0);
        assert_eq!(platform.serving(), Ok(version.to_string()), "{what}");
        assert_same(&format!("{what} and a deploy"), &expected, &platform.world().shape());
        table.add(&format!("{kind} during undo"), &step, "the next deploy converges");
    }
    table.write();
}
