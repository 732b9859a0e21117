//! The key for purges: from the variable of whoever deploys to the Edge, and away again.

use hyper::Method;
use serde_json::{Value, json};

use crate::{
    conformance::{App, Behind, Platform},
    support::Ended,
};

const VARIABLE: &str = "MIZAN_PURGE_KEY";
const ONE: &str = "canary-of-one-key-8c1f0d52";
const OTHER: &str = "canary-of-another-key-77ab3e";

/// The app with the key among its secrets.
fn keyed(version: &str) -> App {
    App::version(version)
        .with_edit("keep_releases: 2", "keep_releases: 2\nsecrets: [MIZAN_PURGE_KEY]")
}

fn deploy(platform: &Behind, key: Option<&str>) -> Ended {
    let mut deploy = platform.mizan(&["deploy", "--yes"]);
    match key {
        Some(key) => deploy.env(VARIABLE, key),
        None => deploy.env_remove(VARIABLE),
    };
    deploy.output().expect("mizan runs").into()
}

/// The names of the bindings of the Edge that takes requests.
fn bindings(platform: &Behind) -> Vec<String> {
    let bindings = platform.active("edge")["bindings"].clone();
    let bindings = bindings.as_array().expect("a list");
    bindings.iter().filter_map(|it| it["name"].as_str().map(str::to_owned)).collect()
}

fn has(platform: &Behind, name: &str) -> bool {
    bindings(platform).iter().any(|binding| binding == name)
}

/// The values that were sent for the key, one after the other.
fn sent(platform: &Behind) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let calls = platform.account().recordings();
    let parts = calls.iter().flat_map(|call| list(&call["parts"]));
    let bindings = parts.flat_map(|part| list(&part["json"]["bindings"]));
    let keys = bindings.filter(|binding| binding["name"] == "PURGE_KEY");
    keys.map(|key| key["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_key_is_another_version_of_the_edge_and_stays_without_the_variable() {
    let platform = Behind::default();
    platform.write(&keyed("1"));
    deploy(&platform, Some(ONE)).expect(0);
    assert!(has(&platform, "PURGE_KEY"));
    deploy(&platform, Some(ONE)).expect(0).says(&["Nothing to change."]);
    deploy(&platform, None).expect(0).says(&["Nothing to change."]);
    platform.write(&keyed("2"));
    deploy(&platform, None).expect(0);
    assert!(has(&platform, "PURGE_KEY"), "a deploy without the variable keeps it");
    let rotated = deploy(&platform, Some(OTHER)).expect(0);
    assert!(!rotated.stderr.contains("Nothing to change."), "{}", rotated.stderr);
    assert_eq!(sent(&platform), [ONE, OTHER]);
    assert!(!rotated.stderr.contains(OTHER) && !rotated.stdout.contains(OTHER));
}

#[test]
fn a_key_that_is_no_longer_in_the_file_opens_nothing_and_what_others_set_stays() {
    let platform = Behind::default();
    platform.write(&keyed("1"));
    deploy(&platform, Some(ONE)).expect(0);
    let secret = json!({"name": "THEIRS", "text": "somebody's", "type": "secret_text"});
    let path = format!("workers/scripts/{}/secrets", platform.script("edge"));
    platform.account().by_hand(Method::PUT, &path, &secret);
    platform.write(&App::version("1"));
    deploy(&platform, Some(ONE)).expect(0);
    assert!(!has(&platform, "PURGE_KEY"), "{:?}", bindings(&platform));
    assert!(has(&platform, "SIGNING_KEY") && has(&platform, "THEIRS"), "{:?}", bindings(&platform));
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    deploy(&platform, Some(ONE)).expect(0).says(&["Nothing to change."]);
}

#[test]
fn a_key_without_a_value_is_told_by_the_plan() {
    let platform = Behind::default();
    platform.write(&keyed("1"));
    let mut plan = platform.mizan(&["deploy", "--plan"]);
    let plan: Ended = plan.env_remove(VARIABLE).output().expect("mizan runs").into();
    let words = "MIZAN_PURGE_KEY is not set: the edge takes no purges from outside";
    assert!(plan.expect(0).stdout.contains(words));
    deploy(&platform, None).expect(0);
    assert!(!has(&platform, "PURGE_KEY"));
}

/// The plan of the source whose artifacts are here says what the Edge will do, and says nothing of
/// it where nothing changes.
#[test]
fn a_plan_tells_the_policy_when_it_changes() {
    let platform = Behind::default();
    platform.write(&App::version("1"));
    platform.deploy().expect(0);
    let plan = |arguments: &[&str]| {
        let all: Vec<_> = ["deploy", "--plan"].iter().chain(arguments).copied().collect();
        platform.run(&all).expect(0).stdout
    };
    assert!(!plan(&[]).contains("What the edge does:"), "{}", plan(&[]));
    assert!(plan(&["-v"]).contains("release: public"), "{}", plan(&["-v"]));
    let document: Value = serde_json::from_str(&plan(&["--format", "json"])).expect("a plan");
    assert_eq!(document["policy"]["since"], "r1");
    assert_eq!(document["policy"]["changes"], json!([]));
    assert_eq!(document["policy"]["contexts"][0]["name"], "release");
}
