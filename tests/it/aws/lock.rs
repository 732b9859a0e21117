//! Two deployers, a lock that is lost, and a deployer that dies while the release step runs.

use std::{thread, time::Duration};

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

/// Somebody takes the lock from a deploy that hangs: it takes nothing back and names who did it, the
/// lock is free only when it has stopped, and the next deploy goes on from there.
#[test]
fn a_deploy_whose_lock_is_taken_by_force_stops_where_it_is() {
    let platform = light(Aws::shared());
    deployed(&platform, "1");
    platform.run(&["unlock"]).expect(0);
    platform.write(&App::version(2));
    let mut run = platform.begin("hang:after:service/web");
    run.wait_for_step("service/web");
    while platform.serving().as_deref() != Ok("2") {
        thread::sleep(Duration::from_millis(100));
    }
    platform.run(&["unlock"]).expect(75).says(&["is locked by mizan deploy", "--force"]);
    platform.proxy().clear();
    let unlocked = platform.run(&["unlock", "--force"]).expect(0);
    assert!(unlocked.stdout.contains("is unlocked"), "{}", unlocked.stdout);
    // It has noticed by the time that the lock is free.
    let ended = run.end().expect(75);
    let told = ended.stdout.lines().last().expect("a result");
    let told: Value = serde_json::from_str(told).expect("JSON");
    let error = &told["error"];
    assert_eq!(error["kind"], "locked", "{told}");
    assert!(error.to_string().contains("mizan unlock"), "who took it: {error}");
    assert!(error.to_string().contains("service web"), "what was begun: {error}");
    for call in ["ecs:UpdateService", "ecs:DeleteService", "ecs:DeregisterTaskDefinition"] {
        assert_eq!(platform.proxy().count(call), 0, "{call} after the lock was lost");
    }
    assert_eq!(platform.serving().as_deref(), Ok("2"));
    let status = platform.run(&["status"]).expect(0).stdout;
    assert!(status.contains(": r1\n"), "nothing was recorded: {status}");

    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
    assert_eq!(migrations(&platform, "2"), 1);
    platform.deploy().expect(0).says(&["Nothing to change."]);
    let free = platform.run(&["unlock"]).expect(0);
    assert!(free.stdout.contains("is not locked"), "{}", free.stdout);
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

#[test]
fn a_ledger_in_a_bucket_of_somebody_else_goes_and_the_bucket_stays() {
    let platform = light(Aws::shared());
    let bucket = format!("ledgers-of-{}", platform.app());
    let client = platform.aws().client();
    let here = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>\
                </CreateBucketConfiguration>";
    client.s3_put(&format!("/{bucket}"), here).expect("a bucket");
    client.s3_put(&format!("/{bucket}/theirs"), "theirs").expect("something of theirs");
    let usual = "aws: {target: {aws: {region: eu-west-1}}";
    let ledger = format!("{usual}, ledger: 's3://{bucket}/x'");
    platform.write_as(&App::version(1), &[(usual, &ledger)]);
    platform.deploy().expect(0);
    let kept = || client.s3_text(&format!("/{bucket}?list-type=2")).expect("a list");
    assert!(kept().contains("current.json"));
    platform.destroy();
    assert_eq!(kept().matches("<Key>").count(), 1, "{}", kept());
    assert!(kept().contains("<Key>theirs</Key>"));
    let nothing = platform.run(&["destroy", "--yes", "--volumes"]).expect(0);
    assert!(!nothing.stderr.contains("ledger"), "{}", nothing.stderr);
}
