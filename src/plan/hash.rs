//! A hash of anything that serialises, the same whenever the content is the same.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256, in hex, of the value as JSON with sorted keys and no blanks.
///
/// Fails only for what JSON cannot hold, such as a map whose keys are no strings.
pub fn hash(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(Sha256::digest(canonical(value)?).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The value as JSON with sorted keys and no blanks: equal text for equal content.
///
/// Fails only for what JSON cannot hold, such as a map whose keys are no strings.
pub fn canonical(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(&sorted(serde_json::to_value(value)?))
}

/// The value with the keys of every object in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(entries) => {
            let mut entries: Vec<_> =
                entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().collect())
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_sha256_of_compact_json() {
        // printf '{"a":1}' | sha256sum
        let expected = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        assert_eq!(hash(&json!({"a": 1})).ok().as_deref(), Some(expected));
    }

    #[test]
    fn the_order_of_keys_does_not_matter_at_any_depth() {
        let one = json!({"a": [{"x": 1, "y": 2}], "b": null});
        let other = json!({"b": null, "a": [{"y": 2, "x": 1}]});
        assert_eq!(hash(&one).ok(), hash(&other).ok());
    }

    #[test]
    fn the_order_of_items_and_every_value_do_matter() {
        let hashes =
            [json!([1, 2]), json!([2, 1]), json!(["1", 2]), json!({})].map(|v| hash(&v).ok());
        for (at, one) in hashes.iter().enumerate() {
            assert!(hashes[at + 1..].iter().all(|other| other != one), "{hashes:?}");
        }
    }
}
