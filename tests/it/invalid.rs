//! Broken mizan.yaml and schema files: each folder of `tests/fixtures/invalid` has one, and beside
//! it the whole message. A case is added by adding a folder and running with UPDATE=1.

use std::{fs, path::Path};

use mizan::{
    config::{ConfigError, ConfigFile},
    schema,
};

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

/// What is wrong with a mizan.yaml: with the file, else with each of its environments.
fn config_report(text: &str) -> String {
    let file = match ConfigFile::parse("mizan.yaml", text, &fixtures().join("app")) {
        Ok(file) => file,
        Err(error) => return report(&error),
    };
    let mut reports: Vec<String> =
        file.environments().filter_map(|env| file.resolve(env).err()).map(|e| report(&e)).collect();
    reports.dedup();
    reports.join("\n")
}

fn report(error: &ConfigError) -> String {
    let diagnostics = error.diagnostics().expect("a problem of the file");
    format!("{}\n{diagnostics}\n", diagnostics.render("error", false))
}

fn schema_report(text: &str) -> String {
    match schema::parse("schema.json", text) {
        Ok(_) => String::new(),
        Err(diagnostics) => format!("{}\n{diagnostics}\n", diagnostics.render("error", false)),
    }
}

/// The report of a case; a file that is not there has nothing wrong with it.
fn case_report(folder: &Path) -> String {
    let config = fs::read_to_string(folder.join("mizan.yaml"));
    let schema = fs::read_to_string(folder.join("schema.json"));
    match (config, schema) {
        (Ok(text), _) => config_report(&text),
        (_, Ok(text)) => schema_report(&text),
        _ => String::new(),
    }
}

#[test]
fn every_broken_file_gets_its_message() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut stale = Vec::new();
    let mut cases = 0;
    for folder in fs::read_dir(fixtures().join("invalid")).expect("the fixtures") {
        let folder = folder.expect("a folder").path();
        let found = case_report(&folder);
        assert!(!found.is_empty(), "nothing is wrong with {}", folder.display());
        assert!(!found.contains(env!("CARGO_MANIFEST_DIR")), "an absolute path: {found}");
        let expected = folder.join("expected.txt");
        if update {
            fs::write(&expected, &found).expect("the message is written");
        }
        if fs::read_to_string(&expected).unwrap_or_default() != found {
            stale.push(format!("{}:\n{found}", folder.display()));
        }
        cases += 1;
    }
    assert!(stale.is_empty(), "other messages than expected:\n{}", stale.join("\n"));
    assert!(cases >= 40, "only {cases} cases");
}
