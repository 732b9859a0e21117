//! What somebody changes by hand is told by field, and repaired by the next deploy.

use hyper::Method;
use serde_json::{Value, json};

use super::deployed;
use crate::conformance::{App, Behind, HOST, Platform, World};

struct Drift {
    what: &'static str,
    change: fn(&Behind),
    /// How the step that repairs it begins.
    step: &'static str,
    /// What the plan says of it.
    told: &'static str,
}

const DRIFTS: [Drift; 6] = [
    Drift {
        what: "another version of the Edge",
        change: |platform| earlier_version(platform, "edge"),
        step: "edge/",
        told: "version",
    },
    Drift {
        what: "another version of Render",
        change: |platform| earlier_version(platform, "render"),
        step: "render/",
        told: "version",
    },
    Drift {
        what: "another origin in the Hub",
        change: |platform| {
            let hub = platform.script("hub");
            platform.account().set_variable(&hub, "ORIGIN", "http://127.0.0.1:9");
        },
        step: "hub/",
        told: "http://127.0.0.1:9",
    },
    Drift {
        what: "no host name",
        change: |platform| {
            let domains = platform.account().state()["domains"].clone();
            let domains = domains.as_array().expect("a list");
            let ours = domains.iter().find(|domain| domain["hostname"] == HOST).expect("ours");
            let path = format!("workers/domains/{}", ours["id"].as_str().expect("an id"));
            platform.account().by_hand(Method::DELETE, &path, &Value::Null);
        },
        step: "domain/",
        told: "create",
    },
    Drift {
        what: "visitors below workers.dev",
        change: |platform| subdomain(platform, true, true),
        step: "subdomain/",
        told: "workers.dev",
    },
    Drift {
        what: "no previews",
        change: |platform| subdomain(platform, false, false),
        step: "subdomain/",
        told: "previews",
    },
];

/// The version of the release before takes all requests.
fn earlier_version(platform: &Behind, kind: &str) {
    let now = platform.active(kind)["id"].clone();
    let script = platform.seen(kind).expect("the script");
    let mut versions = script["versions"].as_array().expect("a list").iter();
    let other = versions.find(|version| version["id"] != now).expect("an earlier one");
    let body = json!({"strategy": "percentage",
        "versions": [{"version_id": other["id"], "percentage": 100}]});
    let path = format!("workers/scripts/{}/deployments", platform.script(kind));
    platform.account().by_hand(Method::POST, &path, &body);
}

fn subdomain(platform: &Behind, enabled: bool, previews: bool) {
    let body = json!({"enabled": enabled, "previews_enabled": previews});
    let path = format!("workers/scripts/{}/subdomain", platform.script("edge"));
    platform.account().by_hand(Method::POST, &path, &body);
}

#[test]
fn every_field_that_was_changed_by_hand_is_told_and_repaired() {
    let platform = Behind::default();
    deployed(&platform, "1");
    deployed(&platform, "2");
    let before = platform.world();
    let problems: Vec<String> = DRIFTS
        .iter()
        .filter_map(|drift| {
            (drift.change)(&platform);
            let problem = is_repaired(&platform, drift, &before).err()?;
            Some(format!("{}: {problem}", drift.what))
        })
        .collect();
    assert_eq!(problems, Vec::<String>::new());
}

fn is_repaired(platform: &Behind, drift: &Drift, before: &World) -> Result<(), String> {
    let plan = platform.run(&["deploy", "--plan", "--format", "json"]).expect(0).stdout;
    let plan: Value = serde_json::from_str(&plan).expect("a plan");
    let steps = plan["steps"].as_array().expect("its steps");
    let is_told = steps.iter().any(|step| {
        let id = step["id"].as_str().unwrap_or_default();
        id.starts_with(drift.step) && step["change"].to_string().contains(drift.told)
    });
    let is_release =
        steps.iter().any(|step| step["id"].as_str().unwrap_or_default().starts_with("release/"));
    let ended = platform.deploy();
    match () {
        () if !is_told => Err(format!("not in the plan: {plan:#}")),
        () if is_release => Err(format!("a repair is no release: {plan:#}")),
        () if ended.code != Some(0) => Err(format!("{:?}: {}", ended.code, ended.stderr)),
        () if platform.world().shape() != before.shape() => {
            Err(format!("{:#?} was {:#?}", platform.world().shape(), before.shape()))
        }
        () if platform.serving().as_deref() != Ok("2") => Err(format!("{:?}", platform.serving())),
        () if !platform.deploy().stderr.contains("Nothing to change.") => {
            Err("the next deploy finds more to do".to_owned())
        }
        () => Ok(()),
    }
}

#[test]
fn a_script_that_was_deleted_by_hand_is_made_again() {
    let platform = Behind::default();
    deployed(&platform, "1");
    for kind in ["hub", "render", "edge"] {
        let path = format!("workers/scripts/{}?force=true", platform.script(kind));
        platform.account().by_hand(Method::DELETE, &path, &Value::Null);
        platform.deploy().expect(0);
        assert_eq!(platform.serving().as_deref(), Ok("1"), "{kind}");
        platform.deploy().expect(0).says(&["Nothing to change."]);
    }
    // An earlier release may need a version that went with its script: that is said.
    platform.write(&App::version(1));
    platform.run(&["rollback", "--yes"]).expect(1).says(&["version of edge is gone"]);
}

/// A rollback asks the earlier version before visitors meet it, so it repairs what that needs.
#[test]
fn a_rollback_gets_over_previews_that_were_switched_off() {
    let platform = Behind::default();
    deployed(&platform, "1");
    deployed(&platform, "2");
    subdomain(&platform, false, false);
    platform.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("1"));
}

#[test]
fn what_is_taken_is_part_of_a_release() {
    let platform = Behind::default();
    deployed(&platform, "1");
    platform.write(&App::version(1).with_edit("assets: /app/static", "assets: /app/other"));
    let plan = platform.run(&["deploy", "--plan"]).expect(0).stdout;
    assert!(plan.contains("taken: "), "{plan}");
}

#[test]
fn another_account_is_refused_while_a_release_is_live() {
    let platform = Behind::default();
    deployed(&platform, "1");
    for command in [&["deploy", "--plan"][..], &["destroy", "--yes"]] {
        let mut mizan = platform.mizan(command);
        let ended = mizan.env("CLOUDFLARE_ACCOUNT_ID", "b".repeat(32)).output().expect("mizan");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(65), "{said}");
        assert!(said.contains("is in another Cloudflare account"), "{said}");
    }
    assert_eq!(platform.serving().as_deref(), Ok("1"));
}

#[test]
fn an_edge_that_is_made_again_brings_its_render_along() {
    let platform = Behind::default();
    deployed(&platform, "1");
    let path = format!("workers/scripts/{}?force=true", platform.script("edge"));
    platform.account().by_hand(Method::DELETE, &path, &Value::Null);
    deployed(&platform, "2");
    platform.deploy().expect(0).says(&["Nothing to change."]);
}
