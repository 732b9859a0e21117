//! Any text as mizan.yaml: it is an app or it has problems that can be printed.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mizan::config::{ConfigError, ConfigFile, show};

fuzz_target!(|text: &str| {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/app"));
    match ConfigFile::parse("mizan.yaml", text, root) {
        Ok(file) => resolve_all(&file),
        Err(error) => print(&error),
    }
});

fn resolve_all(file: &ConfigFile) {
    for env in file.environments() {
        match file.resolve(env) {
            Ok(app) => drop(show(&app).expect("an app can be shown")),
            Err(error) => print(&error),
        }
    }
}

fn print(error: &ConfigError) {
    let diagnostics = error.diagnostics().expect("a problem of the file");
    assert!(!diagnostics.render("error", true).is_empty());
}
