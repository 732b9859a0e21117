//! From JSON to the typed schema. Every structural problem is collected.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    Issue, Pointer, results,
    types::{
        Affects, AuthLevel, CacheScope, Context, Credentials, Function, FunctionKind, Param,
        RenderPlace, Route, RouteContext, Schema,
    },
};
use crate::config::suggestion;

/// The version of the format that this tool reads.
const SCHEMA_VERSION: u64 = 1;

/// The longest lifetime that means anything: a year.
const MAX_SECONDS: u64 = 366 * 24 * 3600;

/// The parts of the document that are used; the rest, OpenAPI's own, is skipped unread.
#[derive(Deserialize)]
struct Document {
    #[serde(default, deserialize_with = "present")]
    info: Option<Value>,
    #[serde(rename = "x-mizan", default, deserialize_with = "present")]
    about: Option<Value>,
    #[serde(rename = "x-mizan-functions", default, deserialize_with = "present")]
    functions: Option<Value>,
    #[serde(rename = "x-mizan-contexts", default, deserialize_with = "present")]
    contexts: Option<Value>,
    #[serde(rename = "x-mizan-routes", default, deserialize_with = "present")]
    routes: Option<Value>,
}

/// Tells `null` from absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads the text of an exported schema.
pub(super) fn read(text: &str) -> Result<Schema, Vec<Issue>> {
    // serde would take a list for a struct, field by field.
    if text.trim_start().starts_with('[') {
        let message = "expected an object, found a list".to_owned();
        return Err(vec![Issue { code: None, pointer: Pointer::Place(1, 1), message, hint: None }]);
    }
    let document: Document = serde_json::from_str(text).map_err(|error| vec![no_json(&error)])?;
    let mut issues = Vec::new();
    let about = part(document.about.as_ref(), "x-mizan", &mut issues);
    if let Some(about) = &about {
        check_version(about, &mut issues);
    }
    // What follows is only meant for this version.
    if !issues.is_empty() {
        return Err(issues);
    }
    let mut schema = schema(&document, &mut issues).filter(|_| issues.is_empty()).ok_or(issues)?;
    results::fill(&mut schema, document.functions.as_ref(), text);
    Ok(schema)
}

fn no_json(error: &serde_json::Error) -> Issue {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    let pointer = Pointer::Place(error.line(), error.column());
    let hint = "the schema is what `python manage.py mizan_schema` prints, and nothing else";
    let message = format!("this is not a JSON object: {reason}");
    Issue { code: None, pointer, message, hint: Some(hint.to_owned()) }
}

fn check_version(about: &At<'_>, issues: &mut Vec<Issue>) {
    let Some(version) = about.field("schemaVersion", issues) else { return };
    if version.value.as_u64() != Some(SCHEMA_VERSION) {
        let message = format!("schema version {} is not known", version.value);
        let hint = format!("this mizan reads version {SCHEMA_VERSION}; update mizan or the app");
        issues.push(version.issue(message).hint(hint));
    }
}

fn schema(document: &Document, issues: &mut Vec<Issue>) -> Option<Schema> {
    let info = part(document.info.as_ref(), "info", issues);
    let version = info.and_then(|info| info.text("version", issues));
    let about = part(document.about.as_ref(), "x-mizan", issues)?;
    let base = about.text("base", issues);
    let websocket_path = about.optional_text("websocketPath", issues);
    let health = about.text("health", issues);
    let credentials =
        about.field("credentials", issues).and_then(|value| credentials(&value, issues));
    let functions = list(document.functions.as_ref(), "x-mizan-functions", function, issues);
    let contexts = list(document.contexts.as_ref(), "x-mizan-contexts", context, issues);
    // An app without pages for Render may leave them out.
    let routes = match &document.routes {
        None => Some(Vec::new()),
        routes => list(routes.as_ref(), "x-mizan-routes", route, issues),
    };
    Some(Schema {
        version: version?,
        base: base?,
        websocket_path: websocket_path?,
        health: health?,
        credentials: credentials?,
        functions: functions?,
        contexts: contexts?,
        routes: routes?,
    })
}

/// A part at the top of the document.
fn part<'a>(
    value: Option<&'a Value>,
    name: &'static str,
    issues: &mut Vec<Issue>,
) -> Option<At<'a>> {
    if value.is_none() {
        let hint = "the schema is what `python manage.py mizan_schema` prints";
        issues.push(Issue::new("", format!("`{name}` is missing")).hint(hint));
    }
    value.map(|value| At { value, path: Path::Top(name) })
}

fn list<T>(
    value: Option<&Value>,
    name: &'static str,
    item: fn(&At<'_>, &mut Vec<Issue>) -> Option<T>,
    issues: &mut Vec<Issue>,
) -> Option<Vec<T>> {
    part(value, name, issues)?.each(item, issues)
}

fn credentials(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<Credentials> {
    let headers = at.texts("headers", issues);
    let cookies = at.texts("cookies", issues);
    let csrf_cookie = at.text("csrfCookie", issues);
    let csrf_header = at.text("csrfHeader", issues);
    let csrf_path = at.text("csrfPath", issues);
    Some(Credentials {
        headers: headers?,
        cookies: cookies?,
        csrf_cookie: csrf_cookie?,
        csrf_header: csrf_header?,
        csrf_path: csrf_path?,
    })
}

fn function(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<Function> {
    const KINDS: &[(&str, FunctionKind)] = &[
        ("query", FunctionKind::Query),
        ("mutation", FunctionKind::Mutation),
        ("channel", FunctionKind::Channel),
    ];
    let name = at.text("name", issues);
    let kind = at.field("kind", issues).and_then(|kind| kind.word(KINDS, issues));
    let context = at.optional_text("context", issues);
    let websocket = at.flag("websocket", issues);
    let auth =
        at.field("auth", issues).and_then(|auth| level(&auth.field("level", issues)?, issues));
    let affects = at.field("affects", issues).and_then(|list| list.each(affects, issues));
    let params = at.field("params", issues).and_then(|list| list.each(param, issues));
    Some(Function {
        name: name?,
        kind: kind?,
        context: context?,
        websocket: websocket?,
        auth: auth?,
        affects: affects?,
        params: params?,
        result: None,
    })
}

fn level(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<AuthLevel> {
    const LEVELS: &[(&str, AuthLevel)] = &[
        ("none", AuthLevel::None),
        ("user", AuthLevel::User),
        ("staff", AuthLevel::Staff),
        ("superuser", AuthLevel::Superuser),
        ("custom", AuthLevel::Custom),
    ];
    at.word(LEVELS, issues)
}

fn affects(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<Affects> {
    let context = at.text("context", issues);
    let params = at.field("params", issues).and_then(|params| params.pairs(issues));
    Some(Affects { context: context?, params: params? })
}

fn context(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<Context> {
    const SCOPES: &[(&str, CacheScope)] =
        &[("public", CacheScope::Public), ("private", CacheScope::Private)];
    let name = at.text("name", issues);
    let path = at.text("path", issues);
    let functions = at.texts("functions", issues);
    let auth = at.field("auth", issues).and_then(|levels| levels.each(level, issues));
    let params = at.field("params", issues).and_then(|params| params.each(param, issues));
    let cache = at.field("cache", issues)?;
    let scope = cache.field("scope", issues).and_then(|scope| scope.word(SCOPES, issues));
    let max_age = cache.seconds("maxAge", issues);
    let stale_while_revalidate = cache.seconds("staleWhileRevalidate", issues);
    let vary = cache.optional_texts("vary", issues);
    Some(Context {
        name: name?,
        path: path?,
        functions: functions?,
        auth: auth?,
        params: params?,
        scope: scope?,
        max_age: max_age?,
        stale_while_revalidate: stale_while_revalidate?,
        vary: vary?,
    })
}

fn param(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<Param> {
    let name = at.text("name", issues);
    let required = at.flag("required", issues);
    let elevated = at.optional_flag("elevated", issues);
    let schema = at.field("schema", issues).map(|schema| schema.value.clone());
    Some(Param { name: name?, required: required?, elevated: elevated?, schema: schema? })
}

fn route(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<Route> {
    const PLACES: &[(&str, RenderPlace)] =
        &[("edge", RenderPlace::Edge), ("origin", RenderPlace::Origin)];
    let path = at.text("path", issues);
    let component = at.text("component", issues);
    let contexts = at.field("contexts", issues).and_then(|uses| uses.each(route_context, issues));
    let render = at.field("render", issues).and_then(|place| place.word(PLACES, issues));
    Some(Route { path: path?, component: component?, contexts: contexts?, render: render? })
}

fn route_context(at: &At<'_>, issues: &mut Vec<Issue>) -> Option<RouteContext> {
    let name = at.text("name", issues);
    let params = at.field("params", issues).and_then(|params| params.pairs(issues));
    Some(RouteContext { name: name?, params: params? })
}

/// A value and the way to it; the way becomes a pointer only when there is a problem.
#[derive(Clone, Copy)]
struct At<'a> {
    value: &'a Value,
    path: Path<'a>,
}

#[derive(Clone, Copy)]
enum Path<'a> {
    Top(&'static str),
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Top(name) => format!("/{name}"),
            Self::Field(parent, name) => {
                format!("{}/{}", parent.pointer(), super::locate::escape(name))
            }
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

impl<'a> At<'a> {
    fn issue(&self, message: impl Into<String>) -> Issue {
        Issue::new(self.path.pointer(), message)
    }

    fn expected<T>(&self, what: &str, issues: &mut Vec<Issue>) -> Option<T> {
        issues.push(self.issue(format!("expected {what}, found {}", describe(self.value))));
        None
    }

    /// A field that must be there.
    fn field<'b>(&'b self, name: &'b str, issues: &mut Vec<Issue>) -> Option<At<'b>> {
        let Some(object) = self.value.as_object() else {
            return self.expected("an object", issues);
        };
        let Some(value) = object.get(name) else {
            issues.push(self.issue(format!("the field `{name}` is missing")));
            return None;
        };
        Some(At { value, path: Path::Field(&self.path, name) })
    }

    fn text(&self, name: &str, issues: &mut Vec<Issue>) -> Option<String> {
        let field = self.field(name, issues)?;
        match field.value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => field.expected("a text", issues),
        }
    }

    /// A text, or nothing (`null` or absent).
    fn optional_text(&self, name: &str, issues: &mut Vec<Issue>) -> Option<Option<String>> {
        match self.value.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(_) => self.text(name, issues).map(Some),
        }
    }

    fn flag(&self, name: &str, issues: &mut Vec<Issue>) -> Option<bool> {
        let field = self.field(name, issues)?;
        field.value.as_bool().or_else(|| field.expected("true or false", issues))
    }

    /// True, false, or nothing (`null` or absent).
    fn optional_flag(&self, name: &str, issues: &mut Vec<Issue>) -> Option<Option<bool>> {
        match self.value.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(_) => self.flag(name, issues).map(Some),
        }
    }

    fn seconds(&self, name: &str, issues: &mut Vec<Issue>) -> Option<u64> {
        let field = self.field(name, issues)?;
        match field.value.as_u64() {
            Some(seconds) if seconds <= MAX_SECONDS => Some(seconds),
            _ => field.expected("seconds, at most a year of them", issues),
        }
    }

    fn word<T: Copy>(&self, words: &[(&'static str, T)], issues: &mut Vec<Issue>) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let Some(written) = self.value.as_str() else {
            return self.expected(&names.join(" or "), issues);
        };
        let found = words.iter().find(|(name, _)| *name == written);
        if found.is_none() {
            let hint = suggestion(written, &names, "one of");
            issues.push(self.issue(format!("unknown value {written:?}")).hint(hint));
        }
        found.map(|(_, value)| *value)
    }

    /// Every item of a list; all are read before a failure counts.
    fn each<T>(
        &self,
        item: fn(&At<'_>, &mut Vec<Issue>) -> Option<T>,
        issues: &mut Vec<Issue>,
    ) -> Option<Vec<T>> {
        let Some(values) = self.value.as_array() else {
            return self.expected("a list", issues);
        };
        let mut items = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            items.extend(item(&At { value, path: Path::Item(&self.path, index) }, issues));
        }
        (items.len() == values.len()).then_some(items)
    }

    fn texts(&self, name: &str, issues: &mut Vec<Issue>) -> Option<Vec<String>> {
        let text = |at: &At<'_>, issues: &mut Vec<Issue>| match at.value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => at.expected("a text", issues),
        };
        self.field(name, issues)?.each(text, issues)
    }

    /// A list of texts, or none (`null` or absent).
    fn optional_texts(&self, name: &str, issues: &mut Vec<Issue>) -> Option<Vec<String>> {
        match self.value.get(name) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(_) => self.texts(name, issues),
        }
    }

    /// An object whose values are texts.
    fn pairs(&self, issues: &mut Vec<Issue>) -> Option<Vec<(String, String)>> {
        let Some(object) = self.value.as_object() else {
            return self.expected("an object", issues);
        };
        let mut pairs = Vec::with_capacity(object.len());
        for name in object.keys() {
            pairs.extend(self.text(name, issues).map(|text| (name.clone(), text)));
        }
        (pairs.len() == object.len()).then_some(pairs)
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".into(),
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            format!("the text {short:?}")
        }
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
