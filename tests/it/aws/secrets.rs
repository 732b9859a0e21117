//! The values of secrets reach the app and nobody else.

use std::{fs, process::Output};

use super::light;
use crate::{
    conformance::{App, Platform},
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
