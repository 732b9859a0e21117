//! What a deploy that was killed around its record has left is found by the next one.

use std::fs;

use super::deployed;
use crate::conformance::{App, Behind, HOST, Platform};

const OTHER_HOST: &str = "other.example.com";

/// The host names that lead to our Edge.
fn host_names(platform: &Behind) -> Vec<String> {
    let domains = platform.account().state()["domains"].clone();
    let edge = platform.script("edge");
    let ours = domains.as_array().expect("a list").iter();
    let ours = ours.filter(|domain| domain["service"] == edge.as_str());
    let mut names: Vec<_> =
        ours.map(|domain| domain["hostname"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_host_name_that_a_killed_deploy_left_goes_with_the_next_one() {
    let platform = Behind::default();
    deployed(&platform, "1");
    let moved = |version: &str| {
        App::version(version).with_edit("domain: app.example.com", "domain: other.example.com")
    };
    platform.write(&moved("2"));
    assert_eq!(platform.deploy_with("kill:after:release/r2").code, None);
    assert_eq!(host_names(&platform), [HOST, OTHER_HOST]);
    // It is not forgotten when the next one is killed there, too.
    platform.write(&moved("3"));
    assert_eq!(platform.deploy_with("kill:after:release/r3").code, None);
    assert_eq!(host_names(&platform), [HOST, OTHER_HOST]);
    platform.deploy().expect(0).says(&[HOST]);
    assert_eq!(host_names(&platform), [OTHER_HOST]);
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

#[test]
fn a_record_without_a_pointer_is_written_anew_under_its_number() {
    let platform = Behind::default();
    deployed(&platform, "1");
    let current = fs::read_dir(platform.data()).expect("state").map(|it| it.expect("it").path());
    let current: Vec<_> = current.map(|it| it.join("ledger/current.json")).collect();
    let [current] = &current[..] else { panic!("one environment: {current:?}") };
    let pointer = fs::read(current).expect("a pointer");
    deployed(&platform, "2");
    fs::write(current, pointer).expect("as if it had been killed before it");
    deployed(&platform, "3");
    assert_eq!(platform.world().live, Some(2));
    deployed(&platform, "4");
    platform.run(&["rollback", "r2", "--yes"]).expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("3"));
}
