//! Writes the reference of mizan.yaml (`docs/config.md`) from its JSON Schema, and keeps it and
//! the checked-in schema fresh. Compiled for tests alone: nobody needs it at run time.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use super::{
    json_schema::{json_schema, json_schema_text},
    words::{SECTIONS, Words, parted, text},
};

/// The reference as Markdown.
fn markdown() -> String {
    let schema = json_schema();
    let mut out = format!("{HEAD}\n## A whole file\n\n```yaml\n{EXAMPLE}```\n");
    section(&mut out, "The top level", &schema);
    let no_definitions = Map::new();
    let definitions = schema["$defs"].as_object().unwrap_or(&no_definitions);
    let mut sections: Vec<(&str, &Value)> = definitions
        .iter()
        .filter(|(_, definition)| definition.get("properties").is_some())
        .map(|(name, definition)| (name.as_str(), definition))
        .collect();
    sections.sort_by_key(|(name, _)| order(name));
    for (name, definition) in sections {
        section(&mut out, &title(name), definition);
    }
    out
}

const EXAMPLE: &str = include_str!("../../tests/fixtures/valid/reference/mizan.yaml");

const HEAD: &str = "\
# Reference of mizan.yaml

Made from the types in `src/config/file.rs` by `UPDATE=1 cargo test reference`; do not edit.
Editors complete and check the file with `docs/mizan.schema.json`:

    # yaml-language-server: $schema=docs/mizan.schema.json

`mizan config explain PATH` tells the same of one key, e.g. of `services.web.drain`, and what is in force
in an environment.

Unknown fields are errors. `${NAME}` is not expanded: `env: {X: {from: NAME}}` takes a value from
the caller's environment. Paths on this machine are relative to the folder of mizan.yaml.
Durations are a whole number and a unit (`500ms`, `30s`, `10m`, `72h`, `7d`), sizes likewise
(`512MiB`, `1GiB`). YAML aliases work; merge keys (`<<`) and tags do not.
";

fn order(name: &str) -> usize {
    SECTIONS.iter().position(|(known, _)| *known == name).unwrap_or(SECTIONS.len())
}

fn title(name: &str) -> String {
    let known = SECTIONS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| name.to_owned(), |(_, title)| format!("`{title}`"))
}

fn section(out: &mut String, title: &str, definition: &Value) {
    *out += &format!(
        "\n## {title}\n\n{}\n\n| field | type | |\n|---|---|---|\n",
        text(&definition["description"])
    );
    let required: Vec<&str> =
        definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in definition["properties"].as_object().into_iter().flatten() {
        let needed = if required.contains(&name.as_str()) { " **Required.**" } else { "" };
        let description = text(&field["description"]);
        let kind = kind(field).replace('|', "\\|");
        *out += &format!("| `{name}` | {kind} | {description}{needed} |\n");
    }
}

/// A type in a few words, with links to the sections.
fn kind(schema: &Value) -> String {
    let section = |path: &str| format!("[{path}](#{})", anchor(path));
    Words { root: &json_schema(), section }.kind(schema)
}

/// The anchor that Markdown renderers give a heading.
fn anchor(title: &str) -> String {
    title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

/// Compares a checked-in file with what it should be; with UPDATE=1 writes it.
fn fresh(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "{path} is stale: run UPDATE=1 cargo test reference");
}

#[test]
fn the_json_schema_in_docs_is_fresh() {
    fresh("docs/mizan.schema.json", &json_schema_text());
}

#[test]
fn the_reference_in_docs_is_fresh() {
    fresh("docs/config.md", &markdown());
}

fn as_json(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn the_json_schema_takes_what_the_parser_takes() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/valid");
    for case in ["reference", "minimal", "board"] {
        let text = fs::read_to_string(folder.join(case).join("mizan.yaml")).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&as_json(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{case}: {errors:?}");
    }
}

#[test]
fn the_json_schema_refuses_what_the_parser_refuses() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for text in [
        "{version: 2, app: a}",
        "{version: 1}",
        "{version: 1, app: A}",
        "{version: 1, app: a, cpus: 1}",
        "{version: 1, app: a, services: {web: {port: 0}}}",
        "{version: 1, app: a, services: {web: {memory: 1}}}",
        "{version: 1, app: a, services: {Web: {}}}",
        "{version: 1, app: a, environments: {x: {target: mars}}}",
        "{version: 1, app: a, environments: {x: {target: {aws: {}}}}}",
    ] {
        assert!(!validator.is_valid(&as_json(text)), "{text}");
    }
}

#[test]
fn every_section_has_its_place_in_the_reference() {
    let schema = json_schema();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let has_fields = definition.get("properties").is_some();
        assert!(!has_fields || order(name) < SECTIONS.len(), "{name} has no title");
    }
}

/// Of all that has a description: `mizan config explain` tells the default apart by it.
#[test]
fn a_default_is_the_last_sentence_of_a_description() {
    let schema = json_schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    let mut defaults = 0;
    for definition in definitions.chain([&schema]) {
        for (name, field) in definition["properties"].as_object().into_iter().flatten() {
            let description = text(&field["description"]);
            let (meaning, default) = parted(&description);
            assert!(!meaning.is_empty(), "{name} has no meaning");
            if let Some(default) = default {
                assert!(
                    !default.contains(". ") && !default.contains("Default"),
                    "{name}: {default}"
                );
                defaults += 1;
            }
        }
    }
    assert!(defaults > 20, "{defaults} defaults");
}
