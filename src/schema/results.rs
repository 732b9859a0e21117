//! Which fields the results of functions have. They are read only where some `affects` takes a value
//! from one: the schemas of all results are most of the document.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::types::{Function, Schema};

/// Where references to named schemas point.
const NAMED: &str = "#/components/schemas/";

/// The named schemas of the document.
#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    components: Components,
}

#[derive(Default, Deserialize)]
struct Components {
    #[serde(default)]
    schemas: Map<String, Value>,
}

/// Fills in the fields of the results that are asked for. `functions` is the list that the schema's
/// functions were read from.
pub(super) fn fill(schema: &mut Schema, functions: Option<&Value>, text: &str) {
    if !schema.functions.iter().any(asks_for_result) {
        return;
    }
    // Without them, no field is known to be missing.
    let named: Document = serde_json::from_str(text).unwrap_or_default();
    for (index, function) in schema.functions.iter_mut().enumerate() {
        if asks_for_result(function) {
            let result = functions.and_then(|list| list.get(index)?.get("result"));
            function.result = result.and_then(|it| fields(it, &named.components.schemas));
        }
    }
}

fn asks_for_result(function: &Function) -> bool {
    let mut sources = function.affects.iter().flat_map(|affects| &affects.params);
    sources.any(|(_, source)| source.starts_with("result."))
}

/// The fields of an object; nothing where they cannot be told with certainty.
fn fields(result: &Value, named: &Map<String, Value>) -> Option<BTreeSet<String>> {
    let schema = match result.get("$ref").and_then(Value::as_str) {
        Some(reference) => named.get(reference.strip_prefix(NAMED)?)?,
        None => result,
    };
    match schema.get("additionalProperties") {
        None | Some(Value::Bool(false)) => {}
        Some(_) => return None,
    }
    match schema.get("type").and_then(Value::as_str)? {
        "object" => Some(schema.get("properties")?.as_object()?.keys().cloned().collect()),
        // A number or a list has no fields at all.
        "null" | "boolean" | "integer" | "number" | "string" | "array" => Some(BTreeSet::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(result: Value) -> Option<Vec<String>> {
        let named = json!({"Row": {"type": "object", "properties": {"id": {}, "text": {}}}});
        let named = named.as_object().unwrap();
        fields(&result, named).map(|fields| fields.into_iter().collect())
    }

    #[test]
    fn only_what_is_certain_is_told() {
        let row = Some(vec!["id".to_owned(), "text".to_owned()]);
        assert_eq!(of(json!({"$ref": "#/components/schemas/Row"})), row);
        assert_eq!(of(json!({"type": "object", "properties": {"id": {}, "text": {}}})), row);
        assert_eq!(of(json!({"type": "integer"})), Some(Vec::new()));
        assert_eq!(of(json!({"type": "object", "additionalProperties": true})), None);
        assert_eq!(of(json!({"anyOf": [{"$ref": "#/components/schemas/Row"}]})), None);
        assert_eq!(of(json!({"$ref": "#/components/schemas/Gone"})), None);
    }
}
