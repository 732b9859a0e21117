//! The policy of the Edge and the routes of Render: the JSON of the generated module
//! `mizan-data.js`. Its shape is `MizanData` in `templates/types.d.ts`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::types::{
    AuthLevel, CacheScope, Context, Credentials, Function, FunctionKind, Param, RenderPlace, Route,
    Schema,
};

/// What the schema does not know: the deployment that the policy is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The app's name.
    pub app: String,
    /// The environment's name.
    pub environment: String,
    /// The release: part of every cache key.
    pub release: String,
    /// The static assets, if the Edge serves any.
    pub assets: Option<AssetsData>,
    /// Seconds that no cache entry outlives.
    pub window: u64,
    /// Private contexts are stored too, each visitor's apart.
    pub per_user: bool,
    /// Contexts whose changes over a WebSocket the server announces.
    pub announced: Vec<String>,
}

/// The generated module's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct MizanData {
    pub v: u8,
    pub app: String,
    pub environment: String,
    pub release: String,
    pub base: String,
    pub call_path: String,
    pub websocket_path: Option<String>,
    pub health: String,
    pub credentials: CredentialsData,
    pub contexts: Vec<ContextData>,
    pub mutations: Vec<MutationData>,
    pub routes: Vec<RouteData>,
    pub assets: Option<AssetsData>,
    pub window: u64,
    pub per_user: bool,
}

/// What marks a request as a certain user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct CredentialsData {
    pub headers: Vec<String>,
    pub cookies: Vec<String>,
    pub csrf_cookie: String,
    pub csrf_header: String,
    pub csrf_path: String,
}

/// A context, as the Edge sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct ContextData {
    pub name: String,
    pub path: String,
    pub scope: &'static str,
    pub max_age: u64,
    pub stale_while_revalidate: u64,
    pub realtime: bool,
    pub announced: bool,
    pub params: Vec<ParamData>,
    pub declared: Vec<Vec<String>>,
}

/// A parameter of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct ParamData {
    pub name: String,
    pub required: bool,
    #[serde(rename = "type")]
    pub kind: ParamType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// How the values of a parameter are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// `5`, never `05`.
    Integer,
    /// Any text, each its own value.
    String,
    /// `true` or `false`.
    Boolean,
    /// As JavaScript spells it.
    Number,
    /// Anything that may be spelled in more than one way.
    Other,
}

/// A mutation and what it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct MutationData {
    pub name: String,
    pub affects: Vec<AffectsData>,
}

/// A context that is changed, and the names of the parameters that say which entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct AffectsData {
    pub context: String,
    pub params: Vec<String>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct RouteData {
    pub path: String,
    pub component: String,
    pub render: &'static str,
    pub contexts: Vec<RouteContextData>,
}

/// A context that a page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct RouteContextData {
    pub name: String,
    pub params: BTreeMap<String, String>,
}

/// The static assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are documented in templates/types.d.ts")]
pub struct AssetsData {
    pub prefix: String,
    pub files: Vec<String>,
}

/// The policy of a checked schema. Lists without a meaning in their order are sorted, so that the
/// same app gives the same bytes.
pub fn policy(schema: &Schema, deployment: Deployment) -> MizanData {
    let facts = Facts::of(schema);
    let mut contexts: Vec<_> =
        schema.contexts.iter().map(|it| context_data(it, &facts, &deployment.announced)).collect();
    contexts.sort_by(|one, other| one.name.cmp(&other.name));
    let mut mutations: Vec<_> =
        schema.functions.iter().filter(|function| changes(function)).map(mutation_data).collect();
    mutations.sort_by(|one, other| one.name.cmp(&other.name));
    MizanData {
        v: 1,
        app: deployment.app,
        environment: deployment.environment,
        release: deployment.release,
        base: schema.base.clone(),
        call_path: format!("{}call/", schema.base),
        websocket_path: schema.websocket_path.clone(),
        health: schema.health.clone(),
        credentials: credentials_data(&schema.credentials),
        contexts,
        mutations,
        // The first route that fits is taken: their order has a meaning.
        routes: schema.routes.iter().map(route_data).collect(),
        assets: deployment.assets.map(sorted_assets),
        window: deployment.window,
        per_user: deployment.per_user,
    }
}

/// What functions say about contexts.
pub(super) struct Facts<'a> {
    /// The sets of parameters that some `affects` names, by context.
    pub(super) declared: HashMap<&'a str, BTreeSet<Vec<String>>>,
    /// Contexts that change, or are read, over a WebSocket, past the Edge's eyes.
    pub(super) realtime: HashSet<&'a str>,
    /// Contexts with a function that not everyone may call.
    guarded: HashSet<&'a str>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(schema: &'a Schema) -> Self {
        let mut facts =
            Self { declared: HashMap::new(), realtime: HashSet::new(), guarded: HashSet::new() };
        for function in &schema.functions {
            let own = function.context.as_deref();
            if function.auth != AuthLevel::None {
                facts.guarded.extend(own);
            }
            if by_websocket(function) {
                facts.realtime.extend(own);
            }
            for affects in &function.affects {
                let sets = facts.declared.entry(&affects.context).or_default();
                sets.insert(names(&affects.params));
                if by_websocket(function) {
                    facts.realtime.insert(&affects.context);
                }
            }
        }
        facts
    }
}

fn by_websocket(function: &Function) -> bool {
    function.websocket || function.kind == FunctionKind::Channel
}

/// A query that declares what it affects is taken at its word.
fn changes(function: &Function) -> bool {
    match function.kind {
        FunctionKind::Mutation => true,
        FunctionKind::Query => !function.affects.is_empty(),
        FunctionKind::Channel => false,
    }
}

fn names(params: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<String> = params.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    names
}

fn context_data(context: &Context, facts: &Facts<'_>, announced: &[String]) -> ContextData {
    let name = context.name.as_str();
    let open =
        context.auth.iter().all(|level| *level == AuthLevel::None) && !facts.guarded.contains(name);
    let public = open && context.scope == CacheScope::Public;
    let mut params: Vec<_> = context.params.iter().map(param_data).collect();
    params.sort_by(|one, other| one.name.cmp(&other.name));
    ContextData {
        name: context.name.clone(),
        path: context.path.clone(),
        scope: if public { "public" } else { "private" },
        max_age: context.max_age,
        stale_while_revalidate: context.stale_while_revalidate,
        realtime: facts.realtime.contains(name),
        announced: facts.realtime.contains(name) && announced.contains(&context.name),
        params,
        declared: facts.declared.get(name).into_iter().flatten().cloned().collect(),
    }
}

fn param_data(param: &Param) -> ParamData {
    let kind = param_type(&param.schema);
    ParamData {
        name: param.name.clone(),
        required: param.required,
        kind,
        default: default_text(kind, param.schema.get("default")),
    }
}

pub(super) fn param_type(schema: &Value) -> ParamType {
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => ParamType::Integer,
        Some("boolean") => ParamType::Boolean,
        Some("number") => ParamType::Number,
        // A UUID or a date has more than one spelling.
        Some("string") if schema.get("format").is_none() => ParamType::String,
        _ => ParamType::Other,
    }
}

/// The default as a client would spell it. Without one, the absent parameter and its default are
/// two cache entries, which is safe; with a wrong one they would be the wrong entry.
fn default_text(kind: ParamType, default: Option<&Value>) -> Option<String> {
    match (kind, default?) {
        (ParamType::Integer, Value::Number(number)) => number.as_i64().map(|n| n.to_string()),
        (ParamType::Number, Value::Number(number)) => number.as_f64().and_then(javascript_number),
        (ParamType::Boolean, Value::Bool(value)) => Some(value.to_string()),
        (ParamType::String, Value::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// A number as JavaScript spells it, where that is how Rust does.
fn javascript_number(number: f64) -> Option<String> {
    let plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    let negative_zero = number == 0.0 && number.is_sign_negative();
    (plain && !negative_zero).then(|| number.to_string())
}

fn mutation_data(function: &Function) -> MutationData {
    let affects: BTreeSet<AffectsData> = function
        .affects
        .iter()
        .map(|affects| AffectsData {
            context: affects.context.clone(),
            params: names(&affects.params),
        })
        .collect();
    MutationData { name: function.name.clone(), affects: affects.into_iter().collect() }
}

fn credentials_data(credentials: &Credentials) -> CredentialsData {
    CredentialsData {
        headers: credentials.headers.clone(),
        cookies: credentials.cookies.clone(),
        csrf_cookie: credentials.csrf_cookie.clone(),
        csrf_header: credentials.csrf_header.clone(),
        csrf_path: credentials.csrf_path.clone(),
    }
}

fn route_data(route: &Route) -> RouteData {
    RouteData {
        path: route.path.clone(),
        component: route.component.clone(),
        render: match route.render {
            RenderPlace::Edge => "edge",
            RenderPlace::Origin => "origin",
        },
        contexts: route
            .contexts
            .iter()
            .map(|shown| RouteContextData {
                name: shown.name.clone(),
                params: shown.params.iter().cloned().collect(),
            })
            .collect(),
    }
}

fn sorted_assets(mut assets: AssetsData) -> AssetsData {
    assets.files.sort();
    assets
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::schema) fn deployment() -> Deployment {
        Deployment {
            app: "board".into(),
            environment: "local".into(),
            release: "r1".into(),
            assets: None,
            window: 600,
            per_user: false,
            announced: Vec::new(),
        }
    }

    const EXAMPLE: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valid/schema.json"));

    fn example() -> Schema {
        super::super::parse("schema.json", EXAMPLE).unwrap()
    }

    #[test]
    fn the_example_gives_the_data_module() {
        insta::assert_json_snapshot!(policy(&example(), deployment()));
    }

    #[test]
    fn one_guarded_function_makes_a_public_context_private() {
        let mut schema = example();
        let post = |schema: &Schema| {
            let data = policy(schema, deployment());
            data.contexts.into_iter().find(|context| context.name == "post").unwrap().scope
        };
        assert_eq!(post(&schema), "public");
        let guarded = schema.functions.iter_mut().find(|f| f.name == "post_detail").unwrap();
        guarded.auth = AuthLevel::User;
        assert_eq!(post(&schema), "private");
    }

    #[test]
    fn what_a_websocket_changes_is_realtime() {
        let mut schema = example();
        let ticks = schema.functions.iter_mut().find(|f| f.name == "ticks").unwrap();
        ticks.affects.push(super::super::Affects { context: "posts".into(), params: Vec::new() });
        let data = policy(&schema, deployment());
        let realtime: Vec<_> = data.contexts.iter().filter(|c| c.realtime).collect();
        assert_eq!(realtime.len(), 1);
        assert_eq!((realtime[0].name.as_str(), realtime[0].announced), ("posts", false));
    }

    #[test]
    fn what_is_announced_is_what_a_websocket_changes_and_the_app_names() {
        let mut schema = example();
        let ticks = schema.functions.iter_mut().find(|f| f.name == "ticks").unwrap();
        for context in ["posts", "post"] {
            let affects = super::super::Affects { context: context.into(), params: Vec::new() };
            ticks.affects.push(affects);
        }
        let announced = vec!["posts".to_owned(), "me".to_owned()];
        let data = policy(&schema, Deployment { announced, ..deployment() });
        let announced: Vec<_> =
            data.contexts.iter().filter(|c| c.announced).map(|c| c.name.as_str()).collect();
        assert_eq!(announced, ["posts"]);
    }

    #[test]
    fn the_order_in_the_schema_does_not_show() {
        let mut schema = example();
        let before = serde_json::to_string(&policy(&schema, deployment())).unwrap();
        schema.contexts.reverse();
        schema.functions.reverse();
        assert_eq!(serde_json::to_string(&policy(&schema, deployment())).unwrap(), before);
    }

    #[test]
    fn defaults_are_spelled_as_clients_spell_them() {
        let text = |kind, default: Value| default_text(kind, Some(&default));
        assert_eq!(text(ParamType::Integer, 20.into()).as_deref(), Some("20"));
        assert_eq!(text(ParamType::Number, 1.0.into()).as_deref(), Some("1"));
        assert_eq!(text(ParamType::Number, 0.5.into()).as_deref(), Some("0.5"));
        assert_eq!(text(ParamType::Number, 1e300.into()), None);
        assert_eq!(text(ParamType::Boolean, true.into()).as_deref(), Some("true"));
        assert_eq!(text(ParamType::Other, "2020-01-01".into()), None);
        assert_eq!(text(ParamType::Integer, Value::Null), None);
    }

    #[test]
    fn a_text_with_a_format_may_be_spelled_in_two_ways() {
        let kind = |schema: Value| param_type(&schema);
        assert_eq!(kind(serde_json::json!({"type": "string"})), ParamType::String);
        assert_eq!(kind(serde_json::json!({"type": "string", "format": "uuid"})), ParamType::Other);
        assert_eq!(kind(serde_json::json!({"anyOf": []})), ParamType::Other);
    }
}
