//! `mizan config explain`: what one key of mizan.yaml means, and the value in force in an
//! environment, with the place it comes from.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    diagnostic::{Span, closest},
    json_schema::json_schema,
    load::ConfigFile,
    node::{Kind, Node, Scalar},
    show::resolved,
    words::{self, PLACEHOLDER, SECTIONS, Words},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::App,
};

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The key, without the environment it may have been asked of.
    pub path: String,
    /// What it means.
    pub description: String,
    /// Its type in a few words.
    #[serde(rename = "type")]
    pub kind: String,
    /// What holds where it is not set, in the reference's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// It must be set.
    pub required: bool,
    /// The fields below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// What holds in an environment, if there is one to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<InForce>,
}

/// What holds in an environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InForce {
    /// The environment.
    pub environment: String,
    /// The resolved value; nothing if the environment has none.
    pub value: Option<Value>,
    /// What the file says, where the environment makes something else of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<Value>,
    /// Where the value comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// Nobody set it.
    Default,
    /// It stands there for all environments.
    File(Place),
    /// The environment sets it.
    Environment(Place),
    /// The environment takes away what it would inherit.
    TakenAway(Place),
}

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as it is printed.
    pub file: String,
    /// The line; the first is 1.
    pub line: usize,
    /// The column; the first is 1.
    pub column: usize,
}

/// A key that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath {
    /// The environment that it begins with: `environments.production.…`.
    pub env: Option<String>,
    segments: Vec<String>,
}

impl KeyPath {
    /// A key as it is typed: names with dots between them.
    pub fn new(text: &str) -> Self {
        let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
        match segments.as_slice() {
            [section, env, rest @ ..] if section == "environments" && !rest.is_empty() => Self {
                env: Some(env.clone()).filter(|env| env != PLACEHOLDER),
                segments: rest.to_vec(),
            },
            _ => Self { env: None, segments },
        }
    }

    fn text(&self) -> String {
        self.segments.join(".")
    }

    /// True if it has a name that stands for any, rather than for one of the file.
    fn is_general(&self, tree: &Node) -> bool {
        let stands_for_any = |(index, segment): (usize, &String)| {
            segment == PLACEHOLDER && at(tree, &self.segments[..=index]).is_none()
        };
        self.segments.iter().enumerate().any(stands_for_any)
    }
}

/// Explains a key: its meaning, and with a file also what holds in an environment.
///
/// # Errors
/// There is no such key; the error has the closest one.
pub fn explain(key: &KeyPath, project: Option<(&ConfigFile, &App)>) -> Result<Explanation> {
    let root = with_environment_fields(json_schema());
    let tree = project.map(|(file, app)| file.tree_of(&app.env)).transpose()?;
    let mut explanation = known(&root, key, tree.as_ref())?;
    if let (Some((file, app)), Some(tree)) = (project, tree.filter(|tree| !key.is_general(tree))) {
        explanation.in_force = Some(in_force(key, file, app, &tree)?);
    }
    Ok(explanation)
}

/// What only an environment has (its target) stands in the tree of an environment beside what it
/// overrides, and is asked about in the same way.
fn with_environment_fields(mut schema: Value) -> Value {
    let own = schema["$defs"]["EnvironmentFile"]["properties"].clone();
    if let (Value::Object(own), Some(fields)) = (own, schema["properties"].as_object_mut()) {
        for (name, field) in own {
            fields.entry(name).or_insert(field);
        }
    }
    schema
}

/// What the reference knows about a key.
fn known(root: &Value, key: &KeyPath, tree: Option<&Node>) -> Result<Explanation> {
    let (mut schema, mut node, mut required) = (root, tree, false);
    let mut description = String::new();
    for (at, segment) in key.segments.iter().enumerate() {
        let child = words::child(root, schema, segment)
            .ok_or_else(|| unknown(key, at, &words::fields(root, schema)))?;
        node = node.and_then(|node| below(node, segment));
        if let Some(inside) =
            tree.filter(|_| child.free && node.is_none() && segment != PLACEHOLDER)
        {
            return Err(unknown(key, at, &names_at(inside, &key.segments[..at])));
        }
        (schema, required) = (child.schema, child.required);
        description = words::description(root, schema).unwrap_or(description);
    }
    let (meaning, default) = words::parted(&description);
    Ok(Explanation {
        path: key.text(),
        description: meaning.to_owned(),
        kind: Words { root, section: |_| "map".to_owned() }.kind(schema),
        default: default.map(str::to_owned),
        required,
        fields: words::fields(root, schema).into_iter().map(str::to_owned).collect(),
        in_force: None,
    })
}

/// There is nothing of this name; what is meant may be.
fn unknown(key: &KeyPath, at: usize, names: &[&str]) -> Error {
    let written = &key.segments[at];
    let above = key.segments[..at].join(".");
    let place = if at == 0 { "mizan.yaml".to_owned() } else { format!("`{above}`") };
    let error = Error::new(ErrorKind::Usage, format!("{place} has no `{written}`"));
    let with = |name: &str| {
        let mut segments = key.segments.clone();
        name.clone_into(&mut segments[at]);
        segments.join(".")
    };
    match (closest(written, names.iter().copied()), elsewhere(&key.segments)) {
        (Some(name), _) => error.hint(format!("did you mean `{}`?", with(name))),
        (None, Some(path)) => error.hint(format!("did you mean `{path}`?")),
        (None, None) if names.is_empty() => {
            error.hint(format!("look at it: mizan config explain {above}"))
        }
        (None, None) => error.hint(format!("there are: {}", names.join(", "))),
    }
}

/// The section that has a field of this name, for who gives the name alone.
fn elsewhere(segments: &[String]) -> Option<String> {
    let [field] = segments else { return None };
    let schema = json_schema();
    let has = |definition: &&(&str, &str)| {
        schema["$defs"][definition.0]["properties"].get(field).is_some()
    };
    SECTIONS.iter().find(has).map(|(_, path)| format!("{}.{field}", path.replace("[]", ".0")))
}

fn in_force(key: &KeyPath, file: &ConfigFile, app: &App, tree: &Node) -> Result<InForce> {
    let segments = &key.segments;
    let written = at(tree, segments).filter(|(node, _)| !node.is_null());
    let own = at(file.overrides(&app.env)?, segments);
    let place = |span: Span| Place {
        file: file.name().to_owned(),
        line: span.start.line,
        column: span.start.column,
    };
    let source = match (own, written) {
        (Some((node, span)), _) if node.is_null() => Source::TakenAway(place(span)),
        (Some((_, span)), _) => Source::Environment(place(span)),
        (None, Some((_, span))) => Source::File(place(span)),
        (None, None) => Source::Default,
    };
    let written = written.map(|(node, _)| data(node));
    let value = match found(&resolved(app), segments) {
        Found::Value(value) => Some(value),
        Found::Nothing => None,
        Found::NotBelow => written.clone(),
    };
    let differs =
        written.filter(|written| value.as_ref() != Some(written) && is_telling(written, &value));
    Ok(InForce { environment: app.env.to_string(), value, written: differs, source })
}

/// A map with defaults filled in tells nothing new; one of which nothing is left does.
fn is_telling(written: &Value, value: &Option<Value>) -> bool {
    let left = value.as_ref().and_then(Value::as_object).is_some_and(|map| !map.is_empty());
    !(written.is_object() && left)
}

/// What the resolved form has at a key.
enum Found {
    Value(Value),
    Nothing,
    /// It does not go as deep, or has another order: what is written holds.
    NotBelow,
}

fn found(resolved: &Value, segments: &[String]) -> Found {
    let [first, ..] = segments else { return Found::NotBelow };
    if ["version", "environments"].contains(&first.as_str()) {
        return Found::NotBelow;
    }
    let mut value = resolved;
    for segment in segments {
        value = match value {
            Value::Object(fields) => match fields.get(segment) {
                Some(below) => below,
                None => return Found::Nothing,
            },
            _ => return Found::NotBelow,
        };
    }
    Found::Value(value.clone())
}

/// The node at a key, and its place: of lists and maps that of the key.
fn at<'a>(tree: &'a Node, segments: &[String]) -> Option<(&'a Node, Span)> {
    let (mut node, mut span) = (tree, tree.place());
    let mut above = "";
    for segment in segments {
        let list = above;
        (node, span) = match &node.kind {
            Kind::Map(_) => {
                let entry = node.entry(segment)?;
                let scalar = matches!(entry.value.kind, Kind::Scalar { .. });
                (
                    &entry.value,
                    if scalar && !entry.value.is_null() { entry.value.place() } else { entry.span },
                )
            }
            Kind::List(items) if segment.parse::<usize>().is_ok() => {
                let item = items.get(segment.parse::<usize>().ok()?)?;
                (item, item.place())
            }
            _ if is_short_for(list, segment) => (node, node.place()),
            _ => return None,
        };
        if segment.parse::<usize>().is_err() {
            above = segment;
        }
    }
    Some((node, span))
}

/// True if the value of a section alone is short for this field of it.
fn is_short_for(section: &str, field: &str) -> bool {
    matches!((section, field), ("release", "command") | ("secrets", "name"))
}

/// What stands below a node under a name or an index.
fn below<'a>(node: &'a Node, segment: &str) -> Option<&'a Node> {
    match &node.kind {
        Kind::Map(_) => node.get(segment),
        Kind::List(items) => items.get(segment.parse::<usize>().ok()?),
        Kind::Scalar { .. } => None,
    }
}

/// The names below a key.
fn names_at<'a>(tree: &'a Node, segments: &[String]) -> Vec<&'a str> {
    match at(tree, segments).map(|(node, _)| &node.kind) {
        Some(Kind::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// A node as data, as it is written.
fn data(node: &Node) -> Value {
    match (&node.kind, node.scalar()) {
        (Kind::List(items), _) => items.iter().map(data).collect(),
        (Kind::Map(entries), _) => {
            let pairs = entries.iter().map(|entry| (entry.key.clone(), data(&entry.value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        (_, Some(Scalar::Bool(value))) => value.into(),
        (_, Some(Scalar::Int(value))) => value.into(),
        (_, Some(Scalar::Float(value))) => value.into(),
        (_, Some(Scalar::Text(text))) => text.into(),
        (_, Some(Scalar::Null) | None) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{config, model::EnvName};

    const FILE: &str = "\
version: 1
app: shop
services:
  web: {port: 8000, health_timeout: 120s, volumes: {data: /data}}
  worker: {command: work}
release: python manage.py migrate
env: {LEVEL: info, TOKEN: {from: TOKEN}}
secrets: [SECRET_KEY, {name: API_KEY, generate: true}]
edge: {on: [local], domain: shop.example.com}
environments:
  local: {target: local, env: {LEVEL: debug}}
  production:
    target: {aws: {region: eu-west-1}}
    services: {web: {health_timeout: 30s}}
    release: ~
";

    fn asked(path: &str, env: &str) -> Result<Explanation> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/app");
        let file = ConfigFile::parse("mizan.yaml", FILE, &root).unwrap();
        let app = file.resolve(&EnvName::new(env).unwrap()).unwrap();
        explain(&KeyPath::new(path), Some((&file, &app)))
    }

    /// The value in force, what is written where that differs, and where it comes from.
    fn in_force(path: &str, env: &str) -> String {
        let told = asked(path, env).unwrap().in_force.unwrap();
        let value = told.value.map_or("none".to_owned(), |value| value.to_string());
        let written = told.written.map(|written| format!(" for {written}")).unwrap_or_default();
        let source = match told.source {
            Source::Default => "default".to_owned(),
            Source::File(place) => format!("all {}:{}", place.line, place.column),
            Source::Environment(place) => format!("own {}:{}", place.line, place.column),
            Source::TakenAway(place) => format!("taken away {}:{}", place.line, place.column),
        };
        format!("{value}{written}, {source}")
    }

    fn hint(path: &str) -> String {
        let error = asked(path, "local").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Usage);
        format!("{}: {}", error.message, error.hints.join(", "))
    }

    #[test]
    fn the_meaning_is_that_of_the_reference() {
        let told = asked("services.web.health_timeout", "local").unwrap();
        assert_eq!(told.description, "How long it may take to become healthy.");
        assert_eq!((told.kind.as_str(), told.default.as_deref()), ("string", Some("`60s`")));
        assert!(!told.required);
        let told = asked("target.aws.region", "production").unwrap();
        assert!(told.required, "{told:?}");
        let told = asked("services.web.scale", "local").unwrap();
        assert_eq!(
            (told.kind.as_str(), told.fields),
            ("map", vec!["min".into(), "max".into(), "cpu".into()])
        );
    }

    #[test]
    fn the_value_in_force_has_its_place() {
        assert_eq!(
            in_force("services.web.health_timeout", "local"),
            "\"2m\" for \"120s\", all 4:37"
        );
        assert_eq!(in_force("services.web.health_timeout", "production"), "\"30s\", own 14:38");
        assert_eq!(in_force("services.web.drain", "local"), "\"10s\", default");
        assert_eq!(in_force("services.web.cpu", "local"), "none, default");
        assert_eq!(in_force("env.LEVEL", "production"), "\"info\", all 7:14");
        assert_eq!(in_force("env.LEVEL", "local"), "\"debug\", own 11:39");
        assert_eq!(in_force("target.aws.region", "production"), "\"eu-west-1\", own 13:28");
        assert_eq!(in_force("app", "local"), "\"shop\", all 2:6");
    }

    #[test]
    fn a_key_may_begin_with_its_environment() {
        let key = KeyPath::new("environments.production.services.web.drain");
        assert_eq!(
            (key.env.as_deref(), key.text().as_str()),
            (Some("production"), "services.web.drain")
        );
        let general = KeyPath::new("environments.NAME.target.aws.region");
        assert_eq!((general.env.as_deref(), general.text().as_str()), (None, "target.aws.region"));
        assert_eq!(asked("environments.production", "local").unwrap().fields[0], "target");
    }

    #[test]
    fn what_an_environment_leaves_out_is_told() {
        assert_eq!(
            in_force("services.web.volumes", "production"),
            "{} for {\"data\":\"/data\"}, all 4:43"
        );
        assert_eq!(in_force("edge.on", "production"), "[] for [\"local\"], all 9:8");
        assert_eq!(in_force("release", "production"), "none, taken away 15:5");
    }

    #[test]
    fn short_forms_and_lists_are_followed() {
        assert_eq!(
            in_force("release.command", "local"),
            "[\"python\",\"manage.py\",\"migrate\"] for \"python manage.py migrate\", all 6:10"
        );
        assert_eq!(in_force("release.timeout", "local"), "\"10m\", default");
        assert_eq!(in_force("secrets.0.name", "local"), "\"SECRET_KEY\", all 8:11");
        assert_eq!(in_force("secrets.1.generate", "local"), "true, all 8:49");
        assert_eq!(in_force("env.TOKEN.from", "local"), "\"TOKEN\", all 7:34");
    }

    #[test]
    fn the_closest_key_is_named() {
        assert_eq!(
            hint("services.web.helth_timeout"),
            "`services.web` has no `helth_timeout`: did you mean `services.web.health_timeout`?"
        );
        assert_eq!(
            hint("services.wbe.port"),
            "`services` has no `wbe`: did you mean `services.web.port`?"
        );
        assert_eq!(
            hint("health_timeout"),
            "mizan.yaml has no `health_timeout`: did you mean `services.NAME.health_timeout`?"
        );
        assert_eq!(
            hint("services.web.scale.x.y"),
            "`services.web.scale` has no `x`: there are: min, max, cpu"
        );
        assert!(hint("app.name").contains("mizan config explain app"), "{}", hint("app.name"));
        assert!(
            hint("").starts_with("mizan.yaml has no ``: there are: version, app"),
            "{}",
            hint("")
        );
    }

    #[test]
    fn without_a_file_any_name_has_a_meaning() {
        for path in ["services.NAME.port", "services.api.port"] {
            let told = explain(&KeyPath::new(path), None).unwrap();
            assert!(told.description.starts_with("The port it listens on"), "{told:?}");
            assert_eq!(told.in_force, None);
        }
        assert_eq!(asked("services.NAME.port", "local").unwrap().in_force, None);
        assert!(explain(&KeyPath::new("services.Web.port"), None).is_err());
    }

    /// Whatever the resolved form has can be asked about: nothing in it is unknown.
    #[test]
    fn every_key_of_the_resolved_form_is_explained() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/valid/reference");
        let file = config::load(&folder.join(config::FILE_NAME)).unwrap();
        let mut asked = 0;
        for env in file.environments() {
            let app = file.resolve(env).unwrap();
            let mut shown = resolved(&app);
            shown.as_object_mut().unwrap().remove("environment");
            for path in paths(&shown) {
                let told = explain(&KeyPath::new(&path), Some((&file, &app)));
                let told = told.unwrap_or_else(|error| panic!("{env}: {path}: {error:?}"));
                assert!(!told.description.is_empty() && !told.kind.is_empty(), "{told:?}");
                assert!(told.in_force.unwrap().value.is_some(), "{path}");
                asked += 1;
            }
        }
        assert!(asked > 100, "{asked} keys");
    }

    fn paths(value: &Value) -> Vec<String> {
        let mut paths = Vec::new();
        for (key, below) in value.as_object().into_iter().flatten() {
            paths.push(key.clone());
            paths.extend(self::paths(below).into_iter().map(|path| format!("{key}.{path}")));
        }
        paths
    }
}
