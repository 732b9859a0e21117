//! The values of secrets reach the app and nobody else.

use std::{fs, process::Output};

use super::light;
use crate::{
    conformance::{App, Fargate, Platform},
    support::aws::Aws,
};

/// What must be found in the app's container and nowhere else.
const CANARY: &str = "canary-7c1f93-in-the-coal-mine";

#[test]
fn the_value_of_a_secret_is_in_no_output_and_in_no_record() {
    let platform = light(Aws::shared());
    let app = App::version(1).with_edit(
        "secrets: [{name: SECRET_KEY, generate: true}]",
        "secrets: [{name: SECRET_KEY, generate: true}, {name: DATABASE_URL}]",
    );
    platform.write(&app);
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), CANARY).expect("a file");
    let path = file.path().to_string_lossy().into_owned();
    let mut said = Vec::new();
    for command in [
        &["secrets", "set", "DATABASE_URL", "--file", &path][..],
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
    ] {
        let output: Output =
            platform.mizan(command).env("MIZAN_LOG", "trace").output().expect("it");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{command:?}: {text}");
        assert!(!text.contains(CANARY), "{command:?} tells it: {text}");
        said.push(text);
    }
    let has = "DATABASE_URL";
    assert!(said.iter().any(|text| text.contains(has)), "it is named: {said:?}");
    assert_eq!(platform.get("/secret/DATABASE_URL").as_deref(), Ok(CANARY));

    let account = platform.aws().account_of(|name| name.contains(&platform.app()));
    let client = platform.aws().client();
    for object in account.kind("s3 object") {
        let text = client.s3_text(&format!("/{}", object.name)).expect("an object");
        assert!(!text.contains(CANARY), "{}: {text}", object.name);
    }
    let told = format!("{:?}", account.resources);
    assert!(!told.contains(CANARY), "somebody who may look at the account finds it: {told}");
}

/// A rollback brings the values that secrets have now, starts anew what runs with others, and records
/// them: the next deploy of the same has nothing to do.
#[test]
fn a_rollback_takes_the_values_of_today_and_the_next_deploy_has_nothing_to_do() {
    let platform = Fargate::on(Aws::shared());
    let app = || {
        let secrets = "secrets: [{name: SECRET_KEY, generate: true}";
        let more = "secrets: [{name: SECRET_KEY, generate: true}, {name: TOKEN}";
        let beat = "  beat: {command: python manage.py beat, singleton: true, stop_timeout: 5s}\n";
        App::version(1).with_edit(secrets, more).with_edit(beat, "")
    };
    let set = |value: &str| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), value).expect("a file");
        let path = file.path().to_string_lossy().into_owned();
        platform.run(&["secrets", "set", "TOKEN", "--file", &path]).expect(0);
    };
    platform.write(&app());
    set("old");
    platform.deploy().expect(0);
    // The second release has another worker; web stays as it is.
    platform.write(&app().with_edit("manage.py worker", "manage.py beat"));
    platform.deploy().expect(0);
    assert_eq!(platform.get("/secret/TOKEN").as_deref(), Ok("old"));
    set("new");
    platform.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(platform.get("/secret/TOKEN").as_deref(), Ok("new"));
    platform.write(&app());
    platform.deploy().expect(0).says(&["Nothing to change."]);
}
