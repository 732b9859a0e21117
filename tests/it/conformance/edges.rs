//! What only Workers before an app can do wrong, or right.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    App, Platform,
    behind::{Behind, HOST, Origin},
    deploys::{assert_untouched, deploy_version},
    platform::Cloud,
    world::assert_same,
};
use crate::support::strikes::Striker;

/// As many calls as there are things to look at.
const CALLS: usize = 6;

pub fn nothing_to_change_costs_six_calls_and_no_upload(platform: &Behind) {
    deploy_version(platform, 1);
    platform.account().clear();
    platform.deploy().expect(0).says(&["Nothing to change."]);
    let calls = platform.account().names();
    assert!(calls.len() <= CALLS, "{} calls: {calls:#?}", calls.len());
    assert_eq!(platform.account().changes(), Vec::<String>::new());
}

/// The new version is refused before a visitor meets it, and says why; the old one serves on.
#[track_caller]
fn is_refused(platform: &Behind, app: &App, why: &[&str]) {
    let before = platform.world();
    platform.write(app);
    platform.deploy().expect(70).says(why);
    assert_untouched(platform, "after a failed deploy", &before, "1");
}

pub fn a_page_that_does_not_render(platform: &Behind) {
    deploy_version(platform, 1);
    let app = App::version(2).with_fault("page");
    is_refused(platform, &app, &["does not answer for the page /", "no such component"]);
    deploy_version(platform, 3);
}

pub fn a_bundle_that_does_not_start(platform: &Behind) {
    deploy_version(platform, 1);
    let app = App::version(2).with_fault("crash");
    is_refused(platform, &app, &["cannot upload", "window is not defined"]);
    deploy_version(platform, 3);
}

/// The check asks the app itself; where it is off, the new version of the Edge is asked.
pub fn an_origin_that_is_not_healthy(platform: &Behind) {
    let by_check = ["H1 site", "/healthz", "500"];
    let by_edge = ["does not answer for /healthz", "500", "the database is on fire"];
    let unchecked = |version: u32| {
        let off = "edge: {check: {on_error: off}, on: [cloudflare]";
        App::version(version).with_edit("edge: {on: [cloudflare]", off)
    };
    platform.origin().set_ill(true);
    for (app, why) in [(App::version(1), by_check), (unchecked(1), by_edge)] {
        platform.write(&app);
        platform.deploy().expect(70).says(&why);
        let left = platform.world().identity();
        let left: Vec<_> = left.into_iter().filter(|fact| !fact.starts_with("folder ")).collect();
        assert_same("after a first deploy that failed", &[], &left);
    }
    platform.origin().set_ill(false);
    deploy_version(platform, 1);
    platform.origin().set_ill(true);
    is_refused(platform, &App::version(2), &by_check);
    is_refused(platform, &unchecked(2), &by_edge);
    platform.origin().set_ill(false);
}

pub fn another_origin_is_no_new_version(platform: &Behind) {
    let before = deploy_version(platform, 1);
    assert_eq!(platform.get("/who").as_deref(), Ok("the origin"));
    let other = Origin::start("another origin");
    platform.write_before(&App::version(1), &other.url());
    let steps: Vec<_> = platform.steps(&["deploy"]).into_iter().map(|step| step.id).collect();
    assert_eq!(steps, [format!("hub/{}", platform.app())]);
    let edge = platform.active("edge")["id"].clone();
    platform.deploy().expect(0);
    assert_eq!(platform.active("edge")["id"], edge);
    assert_eq!(platform.world().live, before.live);
    // Within five seconds every Edge has asked the Hub.
    while platform.get("/who").as_deref() != Ok("another origin") {
        assert_eq!(platform.serving().as_deref(), Ok("1"));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    platform.deploy().expect(0).says(&["Nothing to change."]);
    // The next version, and an earlier one, are asked with the origin of now.
    platform.write_before(&App::version(2), &other.url());
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
}

/// The new version of the Hub is the newest, and takes no request: that must not look like done.
pub fn a_kill_between_the_hubs_version_and_its_deployment(platform: &Behind) {
    deploy_version(platform, 1);
    let other = Origin::start("another origin");
    platform.write_before(&App::version(1), &other.url());
    let account = platform.account();
    account.clear();
    account.ask(
        Method::POST,
        "faults",
        &json!({"kind": "hang", "match": "^POST .*-hub/deployments$"}),
    );
    let child = platform.mizan(&["deploy", "--yes"]).spawn().expect("mizan starts");
    account.kill_where_it_hangs(child.id());
    assert_eq!(child.wait_with_output().expect("its end").status.code(), None);
    account.clear();
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    platform.deploy().expect(0);
    while platform.get("/who").as_deref() != Ok("another origin") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

pub fn a_host_name_of_another_worker(platform: &Behind) {
    let domain = json!({"hostname": HOST, "service": "theirs",
        "zone_id": platform.account().zone(), "environment": "production"});
    let domain =
        platform.by_somebody(|account| account.by_hand(Method::PUT, "workers/domains", &domain));
    platform.write(&App::version(1));
    let said = ["leads to another Worker already", "custom domain of the Worker theirs"];
    platform.deploy().expect(1).says(&said);
    let id = domain["id"].as_str().expect("an id");
    let path = format!("workers/domains/{id}");
    platform.by_somebody(|account| account.by_hand(Method::DELETE, &path, &Value::Null));
    deploy_version(platform, 1);
}

pub fn a_record_of_somebody_at_the_host_name(platform: &Behind) {
    let record = json!({"zone": platform.account().zone(), "type": "A", "name": HOST,
        "content": "192.0.2.7", "proxied": false});
    platform.by_somebody(|account| account.ask(Method::POST, "dns", &record));
    platform.write(&App::version(1));
    let hint = format!("remove the A, AAAA and CNAME records of {HOST}");
    platform.deploy().expect(70).says(&["already has externally managed DNS records", &hint]);
    let left = platform.world().identity();
    let left: Vec<_> = left.into_iter().filter(|fact| !fact.starts_with("folder ")).collect();
    assert_same("after a refusal", &[], &left);
}

/// A variable and a secret of our Edge that are not ours stay, whatever is deployed; with them, the
/// version that somebody made by adding them is no drift that would have to go.
pub fn what_somebody_set_on_our_edge(platform: &Behind) {
    deploy_version(platform, 1);
    let edge = platform.script("edge");
    let secret = json!({"name": "SENTRY_DSN", "text": "somebody's secret", "type": "secret_text"});
    platform.account().by_hand(Method::PUT, &format!("workers/scripts/{edge}/secrets"), &secret);
    let foreign = |what: &str| {
        let bindings = platform.active("edge")["bindings"].clone();
        let of = |binding: &Value| binding["name"] == "SENTRY_DSN" || binding["name"] == "LEVEL";
        let bindings = bindings.as_array().expect("a list");
        let found: Vec<_> = bindings.iter().filter(|it| of(it)).cloned().collect();
        assert!(!found.is_empty(), "{what}: {bindings:#?}");
        found
    };
    let before = foreign("just set");
    // Nothing else has changed.
    platform.deploy().expect(0).says(&["SENTRY_DSN"]);
    assert_eq!(foreign("after a deploy without a change"), before);
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    platform.deploy().expect(0).says(&["Nothing to change."]);

    platform.account().set_variable(&edge, "LEVEL", "warn");
    let before = foreign("a variable");
    assert_eq!(before.len(), 2);
    for version in [2, 3] {
        deploy_version(platform, version);
        assert_eq!(foreign("after a new version"), before);
    }
    platform.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
    assert_eq!(foreign("after a rollback"), before);
    // Another value of a secret is what somebody wanted: going on does not bring the old one back.
    // (Cloudflare takes none while an earlier version is the deployed one.)
    deploy_version(platform, 4);
    let secret = json!({"name": "SENTRY_DSN", "text": "another one", "type": "secret_text"});
    platform.account().by_hand(Method::PUT, &format!("workers/scripts/{edge}/secrets"), &secret);
    let after = foreign("changed");
    assert_ne!(after, before);
    platform.deploy().expect(0);
    assert_eq!(foreign("after a deploy without a change"), after);
    deploy_version(platform, 5);
    assert_eq!(foreign("after a deploy"), after);
}
