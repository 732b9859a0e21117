//! Microsoft's own SDK for Python drives the stand-in: a client that knows nothing of us.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::Desk;
use crate::support::azure::{Azure, Settings, engine::Paper};

/// Where `scripts/tools.sh azure-sdk` puts it.
fn python() -> PathBuf {
    let cache = env::var("MIZAN_DEV_CACHE").map(PathBuf::from);
    let cache = cache
        .unwrap_or_else(|_| Path::new(&env::var("HOME").expect("a home")).join(".cache/mizan-dev"));
    cache.join("azure-sdk-venv/bin/python")
}

#[test]
fn the_sdk_of_microsoft_makes_reads_stops_starts_and_deletes_a_group() {
    let paper = Paper::default().says("web", &["one", "two", "three"]);
    let azure = Azure::start(Settings::default(), paper);
    Desk::new(&azure).prepare();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/azure-sdk/drive.py");
    let ran = Command::new(python())
        .arg(script)
        .envs(azure.environment())
        .env("RESOURCE_GROUP", "demo")
        .output()
        .expect("the SDK; `scripts/tools.sh azure-sdk` installs it");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let expected = json!({
        "made": "Succeeded", "listed": ["sdk"], "secret": null, "log": "two\nthree\n",
        "stopped": "Stopped", "started": "Running", "refused": "InvalidContainerGroupUpdate",
        "gone": "ResourceNotFound",
    });
    assert_eq!(seen, expected);
}
