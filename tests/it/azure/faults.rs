//! What Azure does to a deploy: it is slow, it is busy, it fails, it never ends, it has no room.

use crate::{
    conformance::{App, Instances, Platform, assert_same},
    support::{
        Ended,
        azure::{Fault, Settings},
        server::Answer,
    },
};

/// What makes a container group.
const MAKE: &str = "ContainerGroups_CreateOrUpdate";
/// What stops one.
const STOP: &str = "ContainerGroups_Stop";
/// What the fixture's release step is, so that the web service's group is the first.
const RELEASE: &str = "release: {command: python manage.py release, timeout: 60s}\n";

fn light(settings: Settings) -> Instances {
    let platform = Instances::on(Settings { cores: 20, ..settings });
    platform.lighten();
    platform
}

fn app(version: u32) -> App {
    App::version(version).with_edit(RELEASE, "")
}

/// A change of the group is under way.
fn busy() -> Fault {
    let headers = vec![("content-type", "application/json".to_owned())];
    let body = r#"{"error": {"code": "ContainerGroupTransitioning",
        "message": "The container group is still transitioning, please retry later."}}"#;
    Fault::Instead(Answer { status: 409, headers, body: body.to_owned() })
}

/// How often a call of this method and end of path was made.
fn count(log: &[String], method: &str, end: &str) -> usize {
    let path = |line: &String| line.split('?').next().unwrap_or_default().to_owned();
    log.iter().filter(|line| line.starts_with(method) && path(line).ends_with(end)).count()
}

#[test]
fn roles_that_are_slow_and_calls_that_are_put_off_only_delay_a_deploy() {
    let platform = light(Settings { propagation: 1, ..Settings::default() });
    platform.azure().strike(MAKE, Fault::throttled(1));
    platform.azure().strike(MAKE, busy());
    platform.write(&app(1));
    let deployed = platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    // Throttled, busy, not allowed to pull yet, made.
    let log = platform.azure().take_log();
    assert_eq!(count(&log, "PUT", "-azure-r1"), 4, "{}\n{log:#?}", deployed.stderr);

    platform.azure().strike(STOP, busy());
    platform.write(&app(2));
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
    let log = platform.azure().take_log();
    assert_eq!(count(&log, "POST", "-azure-r1/stop"), 2, "{log:#?}");
    assert_eq!(platform.world().services, ["web"], "the old one has stopped");
}

#[test]
fn an_operation_that_fails_or_never_ends_is_taken_back_and_told() {
    let platform = light(Settings::default());
    platform.write(&app(1));
    platform.deploy().expect(0);
    let before = platform.world();
    platform.write(&app(2));
    let untouched = |what: &str| {
        assert_eq!(platform.serving().as_deref(), Ok("1"), "{what}");
        let (before, now) = (before.lasting().identity(), platform.world().lasting().identity());
        assert_same(what, &before, &now);
    };

    let message =
        "The requested resource is not available in the location 'westeurope' at this moment.";
    platform.azure().strike(MAKE, Fault::Fails { code: "ServiceUnavailable", message });
    let group = format!("{}-azure-r2", platform.app_name());
    let failed = platform.deploy().expect(70);
    failed.says(&[&group, "ServiceUnavailable", message]);
    untouched("after an operation that failed");

    platform.azure().strike(MAKE, Fault::NeverEnds);
    let mut deploy = platform.mizan(&["deploy", "--yes"]);
    let ended = deploy.env("MIZAN_AZURE_PATIENCE", "2").output().expect("mizan runs");
    let ended = Ended::from(ended).expect(70);
    ended.says(&[&group, "did not end within 2 s", "InProgress"]);
    untouched("after an operation that did not end");

    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("2"));
}

/// Before anything is made, with the line of mizan.yaml.
#[test]
fn a_subscription_without_room_is_told_before_anything_is_made() {
    let platform = Instances::on(Settings { cores: 1, ..Settings::default() });
    platform.write(&App::version(1));
    let words = ["mizan.yaml:", "cores", "westeurope"];
    platform.deploy().expect(65).says(&words);
    platform.run(&["deploy", "--plan"]).expect(65).says(&words);
    assert_eq!(platform.azure().ids(), Vec::<String>::new());
}
