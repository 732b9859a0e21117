//! A schema of a spec, made strict: what it does not name, what only the service may set, and what
//! the service never gives away are errors.

use serde_json::{Map, Value, json};

use super::documents::{Documents, Node};

/// Which way a body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Request,
    Answer,
}

/// Keywords that mean the same in a spec and in a JSON Schema.
const SHARED: [&str; 10] = [
    "type",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "uniqueItems",
];

/// Formats that are checked; the others tell how a number or bytes are written.
const FORMATS: [&str; 2] = ["date-time", "uuid"];

/// What is wrong with a value.
pub fn problems(
    documents: &Documents,
    schema: Node<'_>,
    direction: Direction,
    value: &Value,
) -> Vec<String> {
    let mut strict = Strict { documents, direction, definitions: Map::new() };
    let top = strict.convert(schema);
    let root = json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "definitions": strict.definitions,
        "allOf": [top],
    });
    let validator = jsonschema::options().should_validate_formats(true).build(&root);
    let validator = validator.expect("a schema of a spec is a valid schema");
    validator
        .iter_errors(value)
        .map(|error| format!("{error} at `{}`", error.instance_path()))
        .collect()
}

struct Strict<'a> {
    documents: &'a Documents,
    direction: Direction,
    /// The targets of `$ref`s: some contain themselves.
    definitions: Map<String, Value>,
}

impl<'a> Strict<'a> {
    fn convert(&mut self, node: Node<'a>) -> Value {
        let Some(name) = self.documents.name_of(node) else { return self.convert_here(node) };
        if !self.definitions.contains_key(&name) {
            self.definitions.insert(name.clone(), Value::Null);
            let converted = self.convert_here(self.documents.follow(node));
            self.definitions.insert(name.clone(), converted);
        }
        json!({"$ref": format!("#/definitions/{name}")})
    }

    fn convert_here(&mut self, node: Node<'a>) -> Value {
        let mut parts = Vec::new();
        self.flatten(node, &mut parts);
        let mut schema = Map::new();
        for part in parts.iter().rev() {
            schema.extend(shared_keywords(*part));
        }
        if let Some(items) = node.get("items") {
            schema.insert("items".to_owned(), self.convert(items));
        }
        if parts.iter().any(|part| part.value.get("properties").is_some()) {
            schema.insert("type".to_owned(), "object".into());
            schema.insert("properties".to_owned(), self.properties(&parts));
            schema.insert("additionalProperties".to_owned(), false.into());
            // In draft 4 the list must not be empty.
            let required = self.required(&parts);
            schema.extend(
                (!required.is_empty()).then(|| ("required".to_owned(), Value::Array(required))),
            );
        }
        if let Some(others) = parts.iter().find_map(|part| part.get("additionalProperties")) {
            let others = match others.value {
                Value::Bool(open) => (*open).into(),
                _ => self.convert(others),
            };
            schema.insert("additionalProperties".to_owned(), others);
        }
        Value::Object(schema)
    }

    /// A schema and all that it inherits from, the most special one first.
    fn flatten(&self, node: Node<'a>, parts: &mut Vec<Node<'a>>) {
        let node = self.documents.follow(node);
        parts.push(node);
        for base in node.list("allOf") {
            self.flatten(base, parts);
        }
    }

    fn properties(&mut self, parts: &[Node<'a>]) -> Value {
        let mut properties = Map::new();
        for (name, property) in parts.iter().rev().flat_map(|part| part.members("properties")) {
            let schema = match self.is_forbidden(property) {
                true => json!({"not": {}}),
                false => self.convert(property),
            };
            properties.insert(name.to_owned(), schema);
        }
        Value::Object(properties)
    }

    fn required(&self, parts: &[Node<'a>]) -> Vec<Value> {
        let mut required: Vec<Value> = Vec::new();
        for name in parts.iter().flat_map(|part| part.list("required")).map(|name| name.value) {
            let property =
                parts.iter().find_map(|part| part.get("properties")?.get(name.as_str()?));
            let forbidden = property.is_some_and(|property| self.is_forbidden(property));
            if !forbidden && !required.contains(name) {
                required.push(name.clone());
            }
        }
        required
    }

    /// A client sets nothing that only the service sets; the service gives no secret away.
    fn is_forbidden(&self, property: Node<'a>) -> bool {
        match self.direction {
            Direction::Request => {
                property.is("readOnly")
                    || self.documents.follow(property).is("readOnly")
                    || property
                        .get("x-ms-mutability")
                        .is_some_and(|it| *it.value == json!(["read"]))
            }
            Direction::Answer => property.is("x-ms-secret"),
        }
    }
}

fn shared_keywords(node: Node<'_>) -> Map<String, Value> {
    let mut keywords = Map::new();
    for keyword in SHARED {
        keywords.extend(node.get(keyword).map(|it| (keyword.to_owned(), it.value.clone())));
    }
    if let Some(format) = node.text("format").filter(|format| FORMATS.contains(format)) {
        keywords.insert("format".to_owned(), format.into());
    }
    keywords
}
