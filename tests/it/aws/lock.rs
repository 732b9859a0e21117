//! Two deployers, a lock that is lost, and a deployer that dies while the release step runs.

use rustix::process::Signal;
use serde_json::Value;

use super::{deployed, light, migrations};
use crate::{
    conformance::{App, Platform},
    support::{Running, aws::Aws},
};

#[test]
fn the_second_deployer_waits_if_it_is_told_to() {
    let platform = light(Aws::shared());
    deployed(&platform, "1");
    platform.write(&App::version(2));
    let mut first = platform.begin("hang:before:service/web");
    first.wait_for_step("service/web");
    platform.deploy().expect(75).says(&["is locked"]);
    let second = platform.mizan(&["deploy", "--yes", "--wait", "--json"]).spawn().expect("mizan");
    first.signal(Signal::INT);
    first.end().expect(130);
    let second: crate::support::Ended = second.wait_with_output().expect("its end").into();
    second.expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
}

#[test]
fn a_deploy_that_loses_its_lock_writes_nothing_more() {
    let platform = light(Aws::shared());
    deployed(&platform, "1");
    platform.write(&App::version(2));
    let lock = format!("/{}/{}/aws/lock.json", platform.aws().bucket(), platform.app());
    platform.proxy().clear();
    let mut run = platform.begin("hang:before:service/web");
    run.wait_for_step("service/web");
    // Somebody takes the lock away by force; the next renewal tells.
    platform.aws().client().s3("DELETE", &lock).expect("the lock is gone");
    let ended = run.end().expect(75);
    assert!(ended.stdout.contains("lock"), "{}", ended.stdout);
    assert_eq!(platform.proxy().count("ecs:UpdateService"), 0);
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

#[test]
fn a_release_step_whose_deployer_was_killed_is_adopted_and_runs_once() {
    let platform = light(Aws::shared());
    deployed(&platform, "1");
    assert_eq!(migrations(&platform, "1"), 1);
    platform.write(&App::version(2).with_fault("migration-takes-long"));
    let mut first: Running = platform.begin("");
    first.wait_for(|event: &Value| event["event"] == "step_log" && event["line"] == "at work");
    first.signal(Signal::KILL);
    assert_eq!(first.end().code, None);
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
    assert_eq!(migrations(&platform, "2"), 1);
    platform.deploy().expect(0).says(&["Nothing to change."]);
}
