//! What people and machines do to an app on Azure that nobody wished for: odd values, changes by hand,
//! commands that end in every way. Each test has a subscription of its own.

mod bench;
mod commands;
mod hands;
mod refusals;
mod values;

use std::{io::Write, process::Stdio};

use crate::{
    conformance::{App, Instances, Platform},
    support::{Ended, azure::Client},
};

/// Where `mizan.yaml` of the fixture has room for more.
const RELEASE: &str = "release: {command: python manage.py release, timeout: 60s}";

/// An environment with nothing but what every deploy needs.
fn light() -> Instances {
    let platform = Instances::default();
    platform.lighten();
    platform
}

/// `mizan`, with this on its standard input.
fn fed(platform: &Instances, arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = platform.mizan(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // It may refuse before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

/// What is there of a kind, by id.
fn ids(platform: &Instances, kind: &str) -> Vec<String> {
    let part = format!("/{}/", kind.to_lowercase());
    let mut ids = platform.azure().ids();
    ids.retain(|id| id.to_lowercase().contains(&part));
    ids
}

/// Somebody deletes something, and waits until it is gone.
fn delete(platform: &Instances, id: &str, version: &str) {
    let path = format!("{id}?api-version={version}");
    let client = Client::new(platform.azure());
    let deleted = client.ask("DELETE", &path, &serde_json::Value::Null);
    assert!(matches!(deleted.status, 200 | 202 | 204), "{deleted:?}");
    let gone = || client.ask("GET", &path, &serde_json::Value::Null).status == 404;
    assert!((0..20).any(|_| gone()), "{id} stays");
}

/// Deploys this app and sees it answer.
#[track_caller]
fn deploy(platform: &Instances, app: &App) -> Ended {
    platform.write(app);
    let ended = platform.deploy().expect(0);
    assert_eq!(platform.serving().as_ref(), Ok(&app.version));
    ended
}
