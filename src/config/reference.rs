//! Writes the reference of mizan.yaml (`docs/config.md`) from its JSON Schema, and keeps it and
//! the checked-in schema fresh. Compiled for tests alone: nobody needs it at run time.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use super::json_schema::{json_schema, json_schema_text};

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

Unknown fields are errors. `${NAME}` is not expanded: `env: {X: {from: NAME}}` takes a value from
the caller's environment. Paths on this machine are relative to the folder of mizan.yaml.
Durations are a whole number and a unit (`500ms`, `30s`, `10m`, `72h`, `7d`), sizes likewise
(`512MiB`, `1GiB`). YAML aliases work; merge keys (`<<`) and tags do not.
";

/// The sections in the order in which a reader meets them.
const ORDER: [(&str, &str); 14] = [
    ("BuildFile", "build"),
    ("ServiceFile", "services.NAME"),
    ("ScaleFile", "services.NAME.scale"),
    ("ReleaseMap", "release"),
    ("EnvFrom", "env.NAME"),
    ("SecretMap", "secrets[]"),
    ("EdgeFile", "edge"),
    ("CheckFile", "edge.check"),
    ("RenderFile", "render"),
    ("LocalFile", "local"),
    ("EnvironmentFile", "environments.NAME"),
    ("TargetMap", "environments.NAME.target"),
    ("AwsFile", "environments.NAME.target.aws"),
    ("AzureFile", "environments.NAME.target.azure"),
];

fn order(name: &str) -> usize {
    ORDER.iter().position(|(known, _)| *known == name).unwrap_or(ORDER.len())
}

fn title(name: &str) -> String {
    let known = ORDER.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| name.to_owned(), |(_, title)| format!("`{title}`"))
}

fn section(out: &mut String, title: &str, definition: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('\n', " ");
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

/// A JSON Schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return named(reference);
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(options) = schema[union].as_array() {
            return alternatives(options.iter().filter(|option| option["type"] != "null"));
        }
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`{word}`");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let words: Vec<String> =
        types.iter().filter(|name| **name != "null").map(|name| typed(name, schema)).collect();
    words.join(" or ")
}

fn alternatives<'a>(options: impl Iterator<Item = &'a Value>) -> String {
    let mut words: Vec<String> = options.map(kind).collect();
    words.dedup();
    words.join(" or ")
}

fn typed(name: &str, schema: &Value) -> String {
    match name {
        "array" => match kind(&schema["items"]) {
            items if items.contains(" or ") => format!("list of ({items})"),
            items => format!("list of {items}"),
        },
        "object" => {
            let by_pattern = schema["patternProperties"].as_object();
            let values = by_pattern
                .and_then(|patterns| patterns.values().next())
                .unwrap_or(&schema["additionalProperties"]);
            if values.is_object() {
                format!("map of name to {}", kind(values))
            } else {
                "map".into()
            }
        }
        other => other.to_owned(),
    }
}

/// A reference to another section, or the words of a choice.
fn named(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    match ORDER.iter().find(|(known, _)| *known == name) {
        Some((_, title)) => format!("[{title}](#{})", anchor(title)),
        None => match json_schema()["$defs"].get(name) {
            Some(definition) => kind(definition),
            None => name.to_owned(),
        },
    }
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
        assert!(!has_fields || order(name) < ORDER.len(), "{name} has no title");
    }
}
