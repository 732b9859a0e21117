//! The JSON Schema of mizan.yaml, made from the types.

use serde_json::Value;

use super::file::File;

/// The JSON Schema of mizan.yaml (`mizan config schema`, `docs/mizan.schema.json`).
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(File).to_value();
    schema["title"] = "mizan.yaml, version 1".into();
    schema
}

/// The same as text, as it is checked in.
pub fn json_schema_text() -> String {
    format!("{:#}\n", json_schema())
}
