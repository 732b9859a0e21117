//! A new release behind the edge is checked before visitors are sent there.

use serde_json::json;

use super::workers::Site;
use crate::{
    conformance::{App, Fargate, Platform, assert_same},
    support::{
        Ended,
        aws::{At, Aws, Fault, Moment, Options},
    },
};

/// What the app answers, and what it answers when it breaks a rule: caches would mix up visitors.
const VARY: [&str; 2] = [r#""Vary": "Authorization, Cookie""#, r#""Vary": "Authorization""#];

/// The call that makes a task known to the load balancer: by then the check is half done.
const REGISTER: (&str, usize) = ("elasticloadbalancing:RegisterTargets", 1);

/// Source whose check does this with broken rules.
fn write(site: &Site, version: &str, on_error: &str) {
    let environment = format!("edge: {{on: [cloudflare], check: {{on_error: {on_error}}}}}}}");
    let edits = [("edge: {on: [cloudflare]}}", environment.as_str())];
    site.write_with(&App::version(version), &edits);
}

/// Nothing of a check is there but the way for the next one.
fn assert_nothing_left(platform: &Fargate) {
    let client = platform.aws().client();
    let ours = format!("mizan-{}-aws", platform.app());
    let wanted = json!({"cluster": ours, "startedBy": format!("{ours}-check")});
    let tasks = client.json("ecs", "ListTasks", &wanted).expect("the tasks");
    assert_eq!(tasks["taskArns"], json!([]), "tasks of checks");
    assert_eq!(targets(platform), 0, "targets of checks");
}

/// What there is for checks: target group and rule, which has its name in a tag.
fn things_of_checks(platform: &Fargate) -> Vec<String> {
    let is_for_checks = |name: &String| name.ends_with("-check");
    let all = platform.aws().account().resources.into_iter();
    let names = all.map(|it| it.tags.get("Name").cloned().unwrap_or(it.name));
    names.filter(is_for_checks).collect()
}

/// How many tasks the target group of checks has.
fn targets(platform: &Fargate) -> usize {
    let client = platform.aws().client();
    let name = format!("mizan-{}-aws-check", platform.app());
    let by_name = [("Names.member.1", name.as_str())];
    let groups = client.query("elasticloadbalancing", "DescribeTargetGroups", &by_name);
    let groups = groups.expect("the target groups");
    let group = groups["TargetGroups"][0]["TargetGroupArn"].as_str().expect("the target group");
    let by_arn = [("TargetGroupArn", group)];
    let health = client.query("elasticloadbalancing", "DescribeTargetHealth", &by_arn);
    let health = health.expect("the targets")["TargetHealthDescriptions"].clone();
    health.as_array().map_or(0, Vec::len)
}

/// Deploys, and a check begins and is struck dead when it has done this call.
fn deploy_killed_after(platform: &Fargate, (call, nth): (&'static str, usize)) -> Ended {
    let proxy = platform.proxy();
    proxy.clear();
    proxy.kill(At::Action(call, nth), Moment::After);
    let mut mizan = platform.mizan(&["deploy", "--yes"]);
    let child = mizan.spawn().expect("mizan runs");
    proxy.victim(child.id());
    let ended = child.wait_with_output().expect("it ends").into();
    proxy.clear();
    ended
}

#[tokio::test]
async fn a_broken_release_gets_no_visitors() {
    let aws = Aws::with(Options { health_checks: true, ..Options::default() });
    let site = Site::on(aws).await;
    let platform = &site.platform;
    // Without a check there is nothing of it, and nobody asks for it.
    write(&site, "1", "off");
    platform.deploy().expect(0).says(&["r1 is live"]);
    assert_eq!(things_of_checks(platform), Vec::<String>::new());
    platform.proxy().clear();
    platform.deploy().expect(0).says(&["Nothing to change."]);
    assert_eq!(platform.proxy().count("ecs:ListTasks"), 2, "those of the release step");

    for version in ["2", "3"] {
        write(&site, version, "block");
        let done = [format!("check r{version} done"), format!("r{version} is live")];
        platform.deploy().expect(0).says(&[&done[0], &done[1]]);
        assert_eq!(site.page().await, version);
        assert_nothing_left(platform);
        assert_eq!(things_of_checks(platform).len(), 2, "target group and rule");
    }
    platform.deploy().expect(0).says(&["Nothing to change."]);

    platform.edit("manage.py", VARY[0], VARY[1]);
    write(&site, "4", "block");
    let before = platform.world().shape();
    platform.proxy().clear();
    let refused = platform.deploy().expect(70);
    refused.says(&["a rule of the protocol is broken", "C5 context release", "on_error: warn"]);
    assert_eq!(platform.proxy().count("ecs:UpdateService"), 0, "the service was touched");
    assert_eq!(site.page().await, "3");
    assert_same("a refused deploy", &before, &platform.world().shape());
    assert_nothing_left(platform);

    write(&site, "4", "warn");
    platform.deploy().expect(0).says(&["C5 context release", "r4 is live"]);
    assert_eq!(site.page().await, "4");
    assert_nothing_left(platform);

    write(&site, "5", "off");
    platform.deploy().expect(0).says(&["r5 is live"]);
    assert_eq!(things_of_checks(platform), Vec::<String>::new());
    platform.run(&["destroy", "--yes", "--volumes"]).expect(0);
}

#[tokio::test]
async fn a_check_that_was_killed_leaves_nothing() {
    let site = Site::on(Aws::shared()).await;
    let platform = &site.platform;
    write(&site, "1", "block");
    platform.deploy().expect(0).says(&["check r1 done", "r1 is live"]);
    let mut version = 1;
    // The first task is the release step's.
    for call in [("ecs:RunTask", 2), REGISTER, ("ecs:StopTask", 1)] {
        version += 1;
        let (old, new) = ((version - 1).to_string(), version.to_string());
        write(&site, &new, "block");
        assert_eq!(deploy_killed_after(platform, call).code, None, "not killed at {call:?}");
        assert_eq!(site.page().await, old, "killed at {call:?}");
        platform.deploy().expect(0).says(&[&format!("r{new} is live")]);
        assert_eq!(site.page().await, new, "after a kill at {call:?} and a deploy");
        assert_nothing_left(platform);
    }
    // A change of mind: nothing is to be deployed, and yet something was left.
    write(&site, "9", "block");
    let killed = deploy_killed_after(platform, REGISTER);
    assert_eq!((killed.code, targets(platform)), (None, 1));
    write(&site, &version.to_string(), "block");
    platform.deploy().expect(0).says(&["an interrupted check left it"]);
    assert_nothing_left(platform);
    platform.deploy().expect(0).says(&["Nothing to change."]);

    // And a teardown takes what a kill has left.
    write(&site, "9", "block");
    deploy_killed_after(platform, REGISTER);
    platform.run(&["destroy", "--yes", "--volumes"]).expect(0);
    let left = platform.world();
    assert!(left.facts.is_empty(), "{:?}", left.facts);
}

#[tokio::test]
async fn a_call_that_fails_takes_the_check_back() {
    let site = Site::on(Aws::shared()).await;
    let platform = &site.platform;
    write(&site, "1", "block");
    platform.deploy().expect(0);
    write(&site, "2", "block");
    platform.proxy().clear();
    let at = At::Action("elasticloadbalancing:RegisterTargets", 1);
    platform.proxy().strike(at, Fault::Denied);
    platform.deploy().expect(70).says(&["cannot register a task"]);
    assert_eq!(site.page().await, "1");
    assert_nothing_left(platform);
    platform.run(&["destroy", "--yes", "--volumes"]).expect(0);
}
