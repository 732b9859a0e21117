//! Requests are held against the vendor's schemas. The vendor ignores a field that it does not
//! know; here it is an error, since it would be a mistake of ours.

use std::{env, fs, path::PathBuf};

use serde_json::Value;

use super::Answer;

/// Checks a body against the schema of this name.
pub fn check(name: &str, body: &Value) -> Result<(), Answer> {
    let mut schema = load(name);
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let told: Vec<_> = validator
        .iter_errors(body)
        .map(|error| format!("{} at {:?}", error, error.instance_path().to_string()))
        .collect();
    match told.is_empty() {
        true => Ok(()),
        false => Err(Answer::error(400, 9005, &format!("{name}: {}", told.join("; ")))),
    }
}

/// The vendor's, from the test data, or one written from the vendor's reference.
fn load(name: &str) -> Value {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/cloudflare/schemas");
    let data = env::var("MIZAN_TEST_DATA").unwrap_or_else(|_| "../shared/data".to_owned());
    let vendor = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(data).join("cloudflare");
    let file = format!("{name}.schema.json");
    let text = [own, vendor].iter().find_map(|folder| fs::read_to_string(folder.join(&file)).ok());
    let text = text.unwrap_or_else(|| {
        panic!("the schema {file} is missing: MIZAN_TEST_DATA must name the test data")
    });
    serde_json::from_str(&text).expect("a schema is JSON")
}

/// Forbids what a schema does not name, at every level.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let open = map.get("additionalProperties").is_none_or(|value| value == true);
            if map.contains_key("properties") && open {
                map.insert("additionalProperties".into(), false.into());
            }
            map.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
