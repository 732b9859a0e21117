//! A fault at every call to a cloud: refused, failed, cut off, with credentials that have expired,
//! or with the caller dead. Then the same command again, and all is as if nothing had happened.

use super::{
    App, Platform,
    deploys::deploy_version,
    platform::Cloud,
    table::{Table, is_full},
    world::assert_same,
};
use crate::support::{
    Ended,
    aws::{Fault, Moment},
    strikes::{Strike, Striker},
};

const STRIKES: [(Strike, &str); 7] = [
    (Strike::Once(Fault::Throttled), "throttled"),
    (Strike::Kill(Moment::Before), "kill -9 before"),
    (Strike::Once(Fault::CutAfter), "cut after the effect"),
    (Strike::FromHere(Fault::Expired), "credentials expired"),
    (Strike::Once(Fault::Internal), "500"),
    (Strike::Kill(Moment::After), "kill -9 after"),
    (Strike::Once(Fault::CutBefore), "cut before the effect"),
];

/// Which call is struck how, of so many.
fn strikes<P: Cloud>(calls: usize) -> Vec<(usize, Strike, &'static str)> {
    let at = |at: usize, (strike, name)| (at + 1, strike, name);
    if is_full() {
        return (0..calls).flat_map(|call| STRIKES.map(|strike| at(call, strike))).collect();
    }
    let sample = (0..calls).step_by(P::CALLS).enumerate();
    sample.map(|(turn, call)| at(call, STRIKES[turn % STRIKES.len()])).collect()
}

/// Runs a command whose calls are struck; answers also the name of the call.
fn struck<P: Cloud>(platform: &P, command: &[&str], at: usize, how: Strike) -> (Ended, String) {
    let striker = platform.striker();
    striker.clear();
    striker.strike(at, how);
    let child = platform.mizan(command).spawn().expect("mizan starts");
    striker.victim(child.id());
    let ended = child.wait_with_output().expect("its end").into();
    // How often a deploy asks whether it is done yet is not the same each time.
    let name = striker.names().get(at - 1).cloned().unwrap_or_else(|| "none".to_owned());
    striker.clear();
    (ended, name)
}

/// What a struck command may end with: the fault was got over, or it was told, and nothing hung.
#[track_caller]
fn assert_told(ended: &Ended, how: Strike, what: &str) -> String {
    let fine = match (how, ended.code) {
        (Strike::Kill(_), code) => matches!(code, None | Some(0)),
        (_, Some(0)) => true,
        (_, Some(70 | 71 | 75 | 77 | 78)) => ended.stderr.contains("error: "),
        _ => false,
    };
    assert!(fine, "{what}: {:?}\n{}", ended.code, ended.stderr);
    match ended.code {
        None => "killed".to_owned(),
        Some(code) => format!("exit code {code}"),
    }
}

/// How many calls a command makes; it is run for that.
fn calls_of<P: Cloud>(platform: &P, command: &[&str]) -> usize {
    platform.striker().clear();
    platform.run(command).expect(0);
    platform.striker().names().len()
}

const DEPLOY: [&str; 2] = ["deploy", "--yes"];
const DESTROY: [&str; 3] = ["destroy", "--yes", "--volumes"];

pub fn a_fault_at_every_call_of_a_first_deploy<P: Cloud>(platform: &P) {
    platform.lighten();
    platform.write(&App::version(1));
    let calls = calls_of(platform, &DEPLOY);
    let expected = platform.world().shape();
    platform.destroy();
    let mut table = Table::new::<P>("faults at calls of a first deploy");
    for (at, how, name) in strikes::<P>(calls) {
        let (ended, call) = struck(platform, &DEPLOY, at, how);
        let what = format!("{name} at call {at}, {call}");
        let told = assert_told(&ended, how, &what);
        converges(platform, "1", &what, &expected);
        table.add(name, &format!("{at} {call}"), &format!("{told}, the next deploy converges"));
        platform.destroy();
        assert_same(&format!("{what}, after destroy"), &[], &platform.world().identity());
    }
    table.write();
}

pub fn a_fault_at_every_call_of_an_update<P: Cloud>(platform: &P) {
    platform.lighten();
    for version in 1..=3 {
        deploy_version(platform, version);
    }
    platform.write(&App::version(4));
    let calls = calls_of(platform, &DEPLOY);
    let expected = platform.world().shape();
    let mut table = Table::new::<P>("faults at calls of an update");
    for (version, (at, how, name)) in (5..).zip(strikes::<P>(calls)) {
        platform.write(&App::version(version));
        let (ended, call) = struck(platform, &DEPLOY, at, how);
        let what = format!("{name} at call {at}, {call}");
        let told = assert_told(&ended, how, &what);
        let serving = platform.serving().unwrap_or_else(|error| panic!("{what}: {error}"));
        let (old, new) = ((version - 1).to_string(), version.to_string());
        assert!(serving == old || serving == new, "{what}: {serving} answers");
        converges(platform, &new, &what, &expected);
        table.add(name, &format!("{at} {call}"), &format!("{told}, the next deploy converges"));
    }
    table.write();
}

pub fn a_fault_at_every_call_of_a_destroy<P: Cloud>(platform: &P) {
    platform.lighten();
    deploy_version(platform, 1);
    let calls = calls_of(platform, &DESTROY);
    let mut table = Table::new::<P>("faults at calls of a destroy");
    for (at, how, name) in strikes::<P>(calls) {
        deploy_version(platform, 1);
        let (ended, call) = struck(platform, &DESTROY, at, how);
        let what = format!("{name} at call {at}, {call}");
        let told = assert_told(&ended, how, &what);
        platform.destroy();
        assert_same(&what, &[], &platform.world().identity());
        let seen = format!("{told}, the next destroy leaves nothing");
        table.add(name, &format!("{at} {call}"), &seen);
    }
    table.write();
}

/// The next deploy ends where one without a fault would have, and finds nothing more to do.
#[track_caller]
fn converges<P: Platform>(platform: &P, version: &str, what: &str, expected: &[String]) {
    let again = platform.deploy();
    assert_eq!(again.code, Some(0), "{what}, the next deploy:\n{}", again.stderr);
    assert_eq!(platform.serving().as_deref(), Ok(version), "{what}");
    assert_same(what, expected, &platform.world().shape());
    platform.deploy().expect(0).says(&["Nothing to change."]);
}
