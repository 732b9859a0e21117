//! The values of secrets reach the app and nobody else.

use std::{fs, process::Output};

use super::{expect_no_canary, left};
use crate::{
    conformance::{App, HOST, Instances, Platform},
    support::azure::Azure,
};

/// What must be found in the app's container and nowhere else.
const CANARY: &str = "canary-7c1f93-in-the-coal-mine";
/// Where the fixture gives it away to whoever asks.
const TOLD: &str = "/secret/DATABASE_URL";

#[test]
fn no_value_of_a_secret_is_in_any_output_record_or_answer() {
    let platform = Instances::default();
    platform.lighten();
    let app = |version: u32| {
        App::version(version).with_edit(
            "secrets: [{name: SECRET_KEY, generate: true}]",
            "secrets: [{name: SECRET_KEY, generate: true}, {name: DATABASE_URL}]",
        )
    };
    platform.write(&app(1));
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), CANARY).expect("a file");
    let path = file.path().to_string_lossy().into_owned();
    let mut said = run_all(
        &platform,
        &[
            &["secrets", "set", "DATABASE_URL", "--file", &path],
            &["secrets", "list"],
            &["deploy", "--plan"],
            &["deploy", "--plan", "--format", "json"],
            &["deploy", "--plan", "--format", "markdown"],
            &["deploy", "--yes", "--json"],
            &["deploy", "--yes"],
            &["config", "show"],
            &["status"],
            &["releases", "--json"],
            &["logs"],
            &["doctor"],
            &["run", "--", "sh", "-c", "echo it runs"],
        ],
    );
    platform.write(&app(2));
    said += &run_all(&platform, &[&["deploy", "--yes"], &["rollback", "--yes", "--json"]]);
    assert!(said.contains("DATABASE_URL"), "it is named: {said}");
    assert_eq!(platform.account().visit(HOST, TOLD), (200, CANARY.to_owned()));

    let azure = platform.azure();
    let canaries = azure.canaries();
    let named: Vec<_> = canaries.iter().map(|(what, _)| what.as_str()).collect();
    for secret in ["secret env-DATABASE-URL", "secret env-SECRET-KEY", "secret edge-origin-secret"]
    {
        assert!(named.contains(&secret), "{named:?}");
    }
    nothing_is_told_to_who_looks(azure);
    let destroyed = run_all(&platform, &[&["destroy", "--yes", "--volumes", "--shared", "--json"]]);
    for text in [said, destroyed] {
        // By now everything that there was is known.
        let told = canaries.iter().find(|(_, value)| text.contains(value));
        assert!(told.is_none(), "a command tells {told:?}: {text}");
    }
    assert_eq!(left(azure), (Vec::new(), serde_json::json!([])));
}

/// Runs commands and has them say everything that they could say.
fn run_all(platform: &Instances, commands: &[&[&str]]) -> String {
    let mut said = String::new();
    for command in commands {
        let output: Output =
            platform.mizan(command).env("MIZAN_LOG", "trace").output().expect("it");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{command:?}: {text}");
        expect_no_canary(platform.azure(), &format!("{command:?}"), &text);
        said += &text;
    }
    said
}

/// In the ledger, and in what ARM answers.
fn nothing_is_told_to_who_looks(azure: &Azure) {
    let mut records = 0;
    for blobs in azure.blobs() {
        for name in blobs.names() {
            let text = blobs.read(&name).expect("a blob");
            expect_no_canary(azure, &name, &text);
            records += 1;
        }
    }
    assert!(records > 2, "{records}");
    let answers = azure.take_answers();
    assert!(answers.iter().any(|answer| answer.contains("DATABASE_URL")), "it is named");
    answers.iter().for_each(|answer| expect_no_canary(azure, "ARM", answer));
    expect_no_canary(azure, "the subscription", &format!("{:?}", azure.seen()));
}
