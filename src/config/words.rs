//! mizan.yaml in words, taken from its JSON Schema: sections, fields, types, defaults. The reference
//! and `mizan config explain` ask here, so that they say the same.

use serde_json::Value;

/// The sections in the order in which a reader meets them: the definition, and its path.
pub(super) const SECTIONS: [(&str, &str); 14] = [
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

/// The path of a section.
fn section(definition: &str) -> Option<&'static str> {
    SECTIONS.iter().find(|(known, _)| *known == definition).map(|(_, path)| *path)
}

/// The definition that a reference names.
fn definition_name(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// A JSON Schema, and how a section is named where a type is one.
pub(super) struct Words<'a> {
    /// The whole schema.
    pub(super) root: &'a Value,
    /// Names a section by its path.
    pub(super) section: fn(&str) -> String,
}

impl Words<'_> {
    /// A type in a few words.
    pub(super) fn kind(&self, schema: &Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.named(definition_name(reference));
        }
        for union in ["anyOf", "oneOf"] {
            if let Some(options) = schema[union].as_array() {
                return self.alternatives(options.iter().filter(|option| option["type"] != "null"));
            }
        }
        if let Some(word) = schema["const"].as_str() {
            return format!("`{word}`");
        }
        let words: Vec<String> = types(schema)
            .filter(|name| *name != "null")
            .map(|name| self.typed(name, schema))
            .collect();
        words.join(" or ")
    }

    fn alternatives<'a>(&self, options: impl Iterator<Item = &'a Value>) -> String {
        let mut words: Vec<String> = options.map(|option| self.kind(option)).collect();
        words.dedup();
        words.join(" or ")
    }

    fn typed(&self, name: &str, schema: &Value) -> String {
        match name {
            "array" => match self.kind(&schema["items"]) {
                items if items.contains(" or ") => format!("list of ({items})"),
                items => format!("list of {items}"),
            },
            "object" => match free_value(schema) {
                Some((_, value)) => format!("map of name to {}", self.kind(value)),
                None => "map".into(),
            },
            other => other.to_owned(),
        }
    }

    /// A section, or the words of a choice.
    fn named(&self, name: &str) -> String {
        match (section(name), self.root["$defs"].get(name)) {
            (Some(path), _) => (self.section)(path),
            (None, Some(definition)) => self.kind(definition),
            (None, None) => name.to_owned(),
        }
    }
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let named = match &schema["type"] {
        Value::Array(names) => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    named.iter().filter_map(Value::as_str)
}

/// What stands below free names, with the pattern of those names.
fn free_value(schema: &Value) -> Option<(Option<&str>, &Value)> {
    let by_pattern = schema["patternProperties"].as_object();
    let (pattern, value) = match by_pattern.and_then(|patterns| patterns.iter().next()) {
        Some((pattern, value)) => (Some(pattern.as_str()), value),
        None => (None, &schema["additionalProperties"]),
    };
    value.is_object().then_some((pattern, value))
}

/// A text of the schema, on one line.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('\n', " ")
}

/// A description, parted from the default that its last sentence names.
pub(super) fn parted(description: &str) -> (&str, Option<&str>) {
    match description.find("Default") {
        Some(at) => {
            let (meaning, default) = description.split_at(at);
            let default = default.trim_start_matches("Default").trim_start_matches(':').trim();
            (meaning.trim_end(), Some(default.trim_end_matches('.')))
        }
        None => (description, None),
    }
}

/// What stands at a key, and how the key is known.
pub(super) struct Child<'a> {
    /// The schema of the value.
    pub(super) schema: &'a Value,
    /// A name or index that the file's author chooses, rather than a field.
    pub(super) free: bool,
    /// The field must be there.
    pub(super) required: bool,
}

/// What stands at `key` below `schema`, if anything may.
pub(super) fn child<'a>(root: &'a Value, schema: &'a Value, key: &str) -> Option<Child<'a>> {
    let options = options(root, schema);
    let field = options.iter().find_map(|option| {
        let required =
            option["required"].as_array().is_some_and(|names| names.iter().any(|name| name == key));
        Some(Child { schema: option["properties"].get(key)?, free: false, required })
    });
    field.or_else(|| {
        let free = |schema| Child { schema, free: true, required: false };
        options.iter().find_map(|option| match free_value(option) {
            Some((pattern, value)) => fits(pattern, key).then(|| free(value)),
            None => {
                let is_item =
                    types(option).any(|name| name == "array") && key.parse::<usize>().is_ok();
                is_item.then(|| free(&option["items"]))
            }
        })
    })
}

/// True if a free name may be this one, or stands for any, as in the reference.
fn fits(pattern: Option<&str>, key: &str) -> bool {
    let matches = |pattern| regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(key));
    key == PLACEHOLDER || pattern.is_none_or(matches)
}

/// Any name, as the reference writes it.
pub(super) const PLACEHOLDER: &str = "NAME";

/// The fields that may stand below `schema`.
pub(super) fn fields<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let options = options(root, schema).into_iter();
    let maps = options.filter_map(|option| option["properties"].as_object());
    maps.flat_map(|fields| fields.keys().map(String::as_str)).collect()
}

/// What a schema says about itself, or the definition it refers to.
pub(super) fn description(root: &Value, schema: &Value) -> Option<String> {
    if schema["description"].is_string() {
        return Some(text(&schema["description"]));
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return description(root, &root["$defs"][definition_name(reference)]);
    }
    let options = schema["anyOf"].as_array()?;
    let mut referring = options.iter().filter(|option| option["$ref"].is_string());
    referring.next().and_then(|option| description(root, option))
}

/// The alternatives of a schema, with references followed.
fn options<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return options(root, &root["$defs"][definition_name(reference)]);
    }
    let union = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
    match union {
        Some(union) => union.iter().flat_map(|option| options(root, option)).collect(),
        None => vec![schema],
    }
}
