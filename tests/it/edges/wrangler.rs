//! What `mizan` uploads is what wrangler would upload for the same Workers.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::deployed;
use crate::{
    conformance::{Behind, Platform},
    support::cloudflare_account::Account,
};

/// In the order in which one needs the other.
const KINDS: [&str; 3] = ["hub", "render", "edge"];

/// A project of wrangler for a Worker as it is deployed now: its modules, and a configuration that
/// says what its bindings say.
fn write_project(platform: &Behind, kind: &str, folder: &Path) {
    let name = platform.script(kind);
    let modules = platform.account().modules(&name);
    for (module, text) in modules.as_object().expect("modules by name") {
        let file = folder.join(module);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text.as_str().expect("a text")).expect("a module");
    }
    let version = platform.active(kind);
    let bindings = version["bindings"].as_array().expect("a list");
    let of = |kind: &str| -> Vec<&Value> {
        bindings.iter().filter(|binding| binding["type"] == kind).collect()
    };
    let vars: serde_json::Map<String, Value> = of("plain_text")
        .iter()
        .map(|it| (it["name"].as_str().expect("a name").to_owned(), it["text"].clone()))
        .collect();
    let services: Vec<_> = of("service")
        .iter()
        .map(|it| json!({"binding": it["name"], "service": it["service"]}))
        .collect();
    let objects: Vec<_> = of("durable_object_namespace")
        .iter()
        .map(|it| json!({"name": it["name"], "class_name": it["class_name"]}))
        .collect();
    let mut config = json!({
        "name": name,
        "main": format!("{kind}.js"),
        "no_bundle": true,
        "find_additional_modules": true,
        "rules": [{"type": "ESModule", "globs": ["**/*.js"]}],
        "compatibility_date": version["compatibility_date"],
        "vars": vars,
        "services": services,
        "workers_dev": false,
    });
    if !objects.is_empty() {
        config["durable_objects"] = json!({ "bindings": objects });
        config["migrations"] = json!([{"tag": "v1", "new_sqlite_classes": ["Hub"]}]);
    }
    if let [version] = of("version_metadata")[..] {
        config["version_metadata"] = json!({ "binding": version["name"] });
    }
    if let [assets] = of("assets")[..] {
        let parts = &version["assets"]["config"];
        config["assets"] = json!({
            "directory": platform.folder().join("static"),
            "binding": assets["name"],
            "run_worker_first": parts["run_worker_first"],
            "html_handling": parts["html_handling"],
            "not_found_handling": parts["not_found_handling"],
        });
    }
    fs::write(folder.join("wrangler.json"), config.to_string()).expect("a configuration");
}

/// Deploys what is deployed now with wrangler, to another account.
fn deploy_same(platform: &Behind, kinds: &[&str], to: &Account, key: Option<&str>) {
    for kind in kinds {
        let folder = tempfile::tempdir().expect("a folder");
        write_project(platform, kind, folder.path());
        let secrets = folder.path().join("secrets.json");
        let mut arguments = vec!["deploy".to_owned()];
        if let (Some(key), "edge") = (key, *kind) {
            fs::write(&secrets, json!({"SIGNING_KEY": key}).to_string()).expect("a file");
            arguments.extend(["--secrets-file".to_owned(), secrets.display().to_string()]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        to.wrangler(folder.path(), &arguments).expect(0);
    }
}

/// Uploads without what marks ours.
fn compared(account: &Account, skip: usize) -> Vec<Value> {
    let uploads = account.uploads();
    let mut uploads = uploads.as_array().expect("a list")[skip..].to_vec();
    for upload in &mut uploads {
        upload["metadata"].as_object_mut().expect("metadata").remove("tags");
    }
    uploads
}

#[test]
fn all_three_workers_are_uploaded_as_wrangler_would() {
    let platform = Behind::default();
    let ours = platform.account();
    // What somebody else has uploaded there.
    let skip = ours.uploads().as_array().expect("a list").len();
    let theirs = Account::start();
    deployed(&platform, "1");
    let recorded = ours.recordings();
    let key = recorded
        .iter()
        .flat_map(|call| call["parts"].as_array().cloned().unwrap_or_default())
        .flat_map(|part| part["json"]["bindings"].as_array().cloned().unwrap_or_default())
        .find(|binding| binding["name"] == "SIGNING_KEY")
        .map(|binding| binding["text"].as_str().expect("a text").to_owned());
    deploy_same(&platform, &KINDS, &theirs, key.as_deref());
    deployed(&platform, "2");
    deploy_same(&platform, &["render", "edge"], &theirs, None);

    let (mizan, wrangler) = (compared(ours, skip), compared(&theirs, 0));
    let operations: Vec<_> = wrangler.iter().map(|upload| upload["operation"].clone()).collect();
    assert_eq!(operations, ["script", "script", "script", "version", "version"]);
    let pretty = |value: &[Value]| serde_json::to_string_pretty(value).expect("JSON");
    assert_eq!(pretty(&mizan), pretty(&wrangler), "ours, wrangler's");

    let scripts = |account: &Account| -> Vec<String> {
        let state = account.state();
        let scripts = state["scripts"].as_array().expect("a list").iter();
        scripts.map(|script| script["name"].to_string()).collect()
    };
    for kind in KINDS.iter().rev() {
        let folder = tempfile::tempdir().expect("a folder");
        write_project(&platform, kind, folder.path());
        theirs.wrangler(folder.path(), &["delete", "--force"]).expect(0);
    }
    platform.destroy();
    assert_eq!(scripts(&theirs), Vec::<String>::new());
    assert_eq!(scripts(ours), ["\"theirs\""]);
}
