//! Values to call contexts and functions with: those that were given, else those that the schema
//! itself offers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::exchange::Asked;
use crate::{
    config::suggestion,
    error::{Error, ErrorKind, Result},
    schema::{Param, Schema},
};

/// A value that no object has, and no parameter of another type than text.
pub const NONSENSE: &str = "mizan-check";
/// A number that no object has; it fits the integers of every database.
const ABSENT: i64 = 2_147_483_646;

/// The values that were given: context or function, parameter, value.
#[derive(Debug, Clone, Default)]
pub struct Samples(BTreeMap<String, BTreeMap<String, Value>>);

impl Samples {
    /// Those of `edge.check.params`.
    pub fn new(given: BTreeMap<String, BTreeMap<String, Value>>) -> Self {
        Self(given)
    }

    /// Adds `name.parameter=value`, as it is typed.
    ///
    /// # Errors
    /// It is something else.
    pub fn add(&mut self, typed: &str) -> Result<()> {
        let parts = typed.split_once('=').and_then(|(left, value)| {
            // Names may have dots, parameters of Python functions have none.
            let (name, param) = left.rsplit_once('.')?;
            (!name.is_empty() && !param.is_empty()).then_some((name, param, value))
        });
        let Some((name, param, value)) = parts else {
            let message = format!("{typed:?} is no parameter");
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("--param CONTEXT.NAME=VALUE, e.g. --param post.post_id=3"));
        };
        self.set(name, param, Value::from(value));
        Ok(())
    }

    /// Sets a value.
    pub fn set(&mut self, owner: &str, param: &str, value: Value) {
        self.0.entry(owner.to_owned()).or_default().insert(param.to_owned(), value);
    }

    /// Values for what the schema does not have: they would be given to nobody, without a word.
    ///
    /// # Errors
    /// There is such a value.
    pub fn must_fit(&self, schema: &Schema) -> Result<()> {
        let contexts = schema.contexts.iter().map(|it| (it.name.as_str(), &it.params));
        let functions = schema.functions.iter().map(|it| (it.name.as_str(), &it.params));
        let owners: Vec<(&str, &Vec<Param>)> = contexts.chain(functions).collect();
        for (owner, values) in &self.0 {
            let named = owners.iter().filter(|(name, _)| name == owner);
            let params: Vec<&str> =
                named.clone().flat_map(|(_, params)| params.iter().map(|it| &*it.name)).collect();
            if named.count() == 0 {
                let names: Vec<&str> = owners.iter().map(|(name, _)| *name).collect();
                let message = format!("no context and no function is called `{owner}`");
                return Err(mistaken(message, &suggestion(owner, &names, "contexts")));
            }
            if let Some(unknown) = values.keys().find(|name| !params.contains(&name.as_str())) {
                let message = format!("`{owner}` has no parameter `{unknown}`");
                return Err(mistaken(message, &suggestion(unknown, &params, "parameters")));
            }
        }
        Ok(())
    }

    /// The value for a parameter, if one was given.
    fn given(&self, owner: &str, param: &Param) -> Option<Value> {
        let value = self.0.get(owner)?.get(&param.name)?;
        Some(typed_as(value, &param.schema))
    }

    /// Values for the required parameters of `owner`, and for others those that were given.
    ///
    /// # Errors
    /// A required one has no example.
    pub fn of(&self, owner: &str, params: &[Param]) -> Asked<Vec<(String, Value)>> {
        let mut values = Vec::with_capacity(params.len());
        for param in params {
            let given = self.given(owner, param);
            let value = match param.required {
                true => given.or_else(|| example(&param.schema)),
                false => given,
            };
            match value {
                Some(value) => values.push((param.name.clone(), value)),
                None if param.required => {
                    let name = format!("{owner}.{}", param.name);
                    return Err(format!("no example for {name}: --param {name}=…"));
                }
                None => {}
            }
        }
        Ok(values)
    }
}

fn mistaken(message: String, hint: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
        .cause("a value for a check names it, in `edge.check.params` of mizan.yaml or by --param")
        .hint(hint)
}

/// What the schema of a parameter offers as an example.
fn example(schema: &Value) -> Option<Value> {
    let first = |name: &str| schema[name].as_array().and_then(|list| list.first());
    let offered = [schema.get("example"), first("examples"), schema.get("const"), first("enum")];
    let mut offered = offered.into_iter().chain([schema.get("default")]);
    offered.find_map(|value| value.filter(|value| is_scalar(value)).cloned())
}

fn is_scalar(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

/// A value as the parameter's type has it: what was typed is text, and YAML reads `5` as a number.
fn typed_as(value: &Value, schema: &Value) -> Value {
    let text = in_query(value);
    let parsed = || serde_json::from_str::<Value>(&text).ok();
    let fitting = match schema["type"].as_str() {
        Some("string") => Some(Value::from(text.clone())),
        Some("integer") => parsed().filter(|value| value.is_i64() || value.is_u64()),
        Some("number") => parsed().filter(Value::is_number),
        Some("boolean") => parsed().filter(Value::is_boolean),
        _ => None,
    };
    fitting.unwrap_or_else(|| value.clone())
}

/// A value as it stands in a query.
pub fn in_query(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A path with these parameters.
pub fn target(path: &str, params: &[(String, Value)]) -> String {
    if params.is_empty() {
        return path.to_owned();
    }
    let mut query = String::new();
    for (name, value) in params {
        query.push(if query.is_empty() { '?' } else { '&' });
        query += &encoded(&[(name.as_str(), in_query(value).as_str())]);
    }
    format!("{path}{query}")
}

fn encoded(pair: &[(&str, &str)]) -> String {
    // Pairs of texts can always be encoded.
    serde_urlencoded::to_string(pair).unwrap_or_default()
}

/// The default that the schema names for a parameter.
pub fn default_of(param: &Param) -> Option<Value> {
    param.schema.get("default").filter(|value| is_scalar(value)).cloned()
}

/// A value of another type than the parameter's, if there is one.
pub fn wrong(param: &Param) -> Option<Value> {
    let kind = param.schema["type"].as_str()?;
    matches!(kind, "integer" | "number" | "boolean").then(|| NONSENSE.into())
}

/// A value of a required parameter that belongs to no object, as far as its type tells.
pub fn absent(param: &Param) -> Option<Value> {
    const BOUNDS: [&str; 6] = ["enum", "const", "format", "maximum", "pattern", "maxLength"];
    if !param.required || BOUNDS.iter().any(|bound| param.schema.get(bound).is_some()) {
        return None;
    }
    match param.schema["type"].as_str()? {
        "integer" => Some(ABSENT.into()),
        "string" => Some(NONSENSE.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn param(name: &str, required: bool, schema: Value) -> Param {
        Param { name: name.into(), required, elevated: None, schema }
    }

    #[test]
    fn what_was_given_counts_before_what_the_schema_offers() {
        let params = [
            param("id", true, json!({"type": "integer", "example": 7})),
            param("kind", true, json!({"enum": ["a", "b"]})),
            param("limit", false, json!({"type": "integer", "default": 20})),
        ];
        let mut samples = Samples::default();
        let values = |samples: &Samples| target("/p/", &samples.of("post", &params).unwrap());
        assert_eq!(values(&samples), "/p/?id=7&kind=a");
        samples.add("post.id=3").unwrap();
        samples.add("post.limit=5").unwrap();
        assert_eq!(values(&samples), "/p/?id=3&kind=a&limit=5");
    }

    #[test]
    fn a_value_that_nobody_takes_is_told_with_the_name_that_was_meant() {
        const EXAMPLE: &str =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valid/schema.json"));
        let schema = crate::schema::parse("schema.json", EXAMPLE).unwrap();
        let told = |typed: &str| {
            let mut samples = Samples::default();
            samples.add(typed).unwrap();
            samples
                .must_fit(&schema)
                .map_err(|error| format!("{}; {}", error.message, error.hints[0]))
        };
        assert_eq!(told("post.post_id=1"), Ok(()));
        let context = "no context and no function is called `pst`; did you mean `post`?";
        assert_eq!(told("pst.post_id=1"), Err(context.to_owned()));
        let param = "`post` has no parameter `postid`; did you mean `post_id`?";
        assert_eq!(told("post.postid=1"), Err(param.to_owned()));
    }

    #[test]
    fn values_have_the_type_of_their_parameter() {
        let params = [
            param("a", true, json!({"type": "string"})),
            param("b", true, json!({"type": "integer"})),
        ];
        let mut samples = Samples::default();
        samples.add("f.a=5").unwrap();
        samples.add("f.b=5").unwrap();
        let values = samples.of("f", &params).unwrap();
        assert_eq!(values, [("a".into(), json!("5")), ("b".into(), json!(5))]);
    }

    #[test]
    fn a_missing_example_is_named() {
        let params = [param("id", true, json!({"type": "integer"}))];
        let reason = Samples::default().of("my.post", &params).unwrap_err();
        assert_eq!(reason, "no example for my.post.id: --param my.post.id=…");
    }

    #[test]
    fn what_is_typed_wrongly_is_a_usage_error() {
        for typed in ["post", "post=3", ".id=3", "post.=3", "=3"] {
            assert!(Samples::default().add(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_query_is_encoded() {
        let params = [("q".to_owned(), json!("a&b=ü"))];
        assert_eq!(target("/p/", &params), "/p/?q=a%26b%3D%C3%BC");
    }
}
