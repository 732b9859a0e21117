//! Deploys to an AWS account, seen from outside: drift, foreign things, locks, secrets, visitors.

mod board;
mod check;
mod drift;
mod foreign;
mod images;
mod lock;
mod secrets;
mod traffic;
mod workers;

use serde_json::{Value, json};

use crate::{
    conformance::{App, Fargate, Platform},
    support::aws::Aws,
};

/// Deployed, and found to answer.
fn deployed(platform: &Fargate, version: &str) {
    platform.write(&App::version(version));
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok(version));
}

/// A platform whose app has but its web service.
fn light(aws: Aws) -> Fargate {
    let platform = Fargate::on(aws);
    platform.without_beside();
    platform
}

/// The plan of a deploy, as programs see it.
fn plan(platform: &Fargate) -> Value {
    let plan = platform.run(&["deploy", "--plan", "--format", "json"]).expect(0);
    serde_json::from_str(&plan.stdout).expect("a plan")
}

/// `mizan-<app>-aws`: how everything of the platform's app begins.
fn prefix(platform: &Fargate) -> String {
    format!("mizan-{}-aws", platform.app())
}

/// How often the app's release step ran to its end, as its own log tells it.
fn migrations(platform: &Fargate, version: &str) -> usize {
    let group = format!("/mizan/{}/aws", platform.app());
    let wanted = json!({"logGroupName": group, "limit": 10_000});
    let found = platform.aws().client().json("logs", "FilterLogEvents", &wanted);
    let line = format!("migrated to {version}");
    let found = found.expect("the log")["events"].clone();
    let events = found.as_array().expect("events").iter();
    events.filter(|event| event["message"].as_str().is_some_and(|it| it.trim() == line)).count()
}

#[test]
fn destroy_leaves_an_empty_account() {
    let platform = Fargate::on(Aws::start());
    deployed(&platform, "1");
    deployed(&platform, "2");
    platform.run(&["destroy", "--yes", "--volumes", "--shared"]).expect(0);
    // Secrets can be brought back for some days; nothing else is there any more.
    platform.aws().account().expect_only(&["secret pending deletion"]);
    // And from there it goes on.
    deployed(&platform, "3");
}
