//! The values of secrets reach Cloudflare and nobody else.

use std::{fs, path::Path, process::Output};

use hyper::Method;
use serde_json::json;

use super::deployed;
use crate::{
    conformance::{App, Behind, Platform},
    support::cloudflare_fake::TOKEN,
};

/// What somebody else has set on our Edge.
const THEIRS: &str = "canary-of-somebody-51ab";

/// The key by which the Edge knows its own cookies, as it was sent.
fn signing_key(platform: &Behind) -> String {
    let calls = platform.account().recordings();
    let parts = calls.iter().flat_map(|call| call["parts"].as_array().cloned().unwrap_or_default());
    let bindings =
        parts.flat_map(|part| part["json"]["bindings"].as_array().cloned().unwrap_or_default());
    let mut keys = bindings.filter(|binding| binding["name"] == "SIGNING_KEY");
    let key = keys.next().expect("a key");
    assert_eq!(keys.next(), None, "it is made once");
    key["text"].as_str().expect("a text").to_owned()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = entries.flat_map(|entry| match entry.path() {
        path if path.is_dir() => files(&path),
        path => {
            let text = fs::read(&path).expect("a file");
            vec![format!("{}: {}", path.display(), String::from_utf8_lossy(&text))]
        }
    });
    texts.collect()
}

#[test]
fn no_secret_is_in_any_output_plan_or_record() {
    let platform = Behind::default();
    let mut said: Vec<String> = Vec::new();
    let mut say = |arguments: &[&str], code: i32| {
        let output: Output =
            platform.mizan(arguments).env("MIZAN_LOG", "trace").output().expect("mizan runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let text = format!("{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{text}");
        said.push(text);
    };
    platform.write(&App::version(1));
    say(&["deploy", "--plan"], 0);
    say(&["deploy", "--yes", "--json"], 0);
    let secret = json!({"name": "THEIRS", "text": THEIRS, "type": "secret_text"});
    let path = format!("workers/scripts/{}/secrets", platform.script("edge"));
    platform.account().by_hand(Method::PUT, &path, &secret);
    for arguments in [
        &["deploy", "--plan"][..],
        &["deploy", "--plan", "--format", "json"],
        &["deploy", "--plan", "--format", "markdown"],
        &["deploy", "--yes"],
        &["doctor"],
        &["config", "show"],
        &["status"],
        &["status", "--json"],
        &["releases"],
        &["releases", "--json"],
    ] {
        say(arguments, 0);
    }
    platform.write(&App::version(2).with_fault("page"));
    say(&["deploy", "--yes"], 70);
    platform.write(&App::version(2));
    say(&["deploy", "--yes", "--json"], 0);
    say(&["rollback", "--yes"], 0);
    let records = files(&platform.data());
    let state = platform.account().state().to_string();
    let key = signing_key(&platform);
    say(&["destroy", "--yes", "--json"], 0);
    said.extend(records);

    assert!(said.iter().any(|text| text.contains("THEIRS")), "it is named");
    for canary in [TOKEN, THEIRS, key.as_str()] {
        let told: Vec<_> = said.iter().filter(|text| text.contains(canary)).collect();
        assert!(told.is_empty(), "{canary} is told: {told:#?}");
        assert!(!state.contains(canary), "{canary} can be read at Cloudflare");
    }
}

/// A wrong token is told as such, and not itself.
#[test]
fn a_token_that_is_refused_is_not_repeated() {
    let platform = Behind::default();
    deployed(&platform, "1");
    let canary = "canary-token-nobody-knows";
    for arguments in [&["deploy", "--yes"][..], &["doctor"], &["destroy", "--yes"]] {
        let mut mizan = platform.mizan(arguments);
        mizan.env("CLOUDFLARE_API_TOKEN", canary).env("MIZAN_LOG", "trace");
        let output = mizan.output().expect("mizan runs");
        let text = format!("{output:?}");
        assert!(!output.status.success(), "{text}");
        assert!(text.contains("CLOUDFLARE_API_TOKEN") && !text.contains(canary), "{text}");
    }
    assert_eq!(platform.serving().as_deref(), Ok("1"));
}
