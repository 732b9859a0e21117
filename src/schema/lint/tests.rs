//! One schema with everything wrong, and the example, which has nothing.

use serde_json::{Value, json};

use super::*;

const EXAMPLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valid/schema.json"));

/// Seconds that no entry outlives in these tests.
const LONGEST: u64 = 3600;

fn lints(document: &Value) -> Vec<Lint> {
    lints_with(document, &[])
}

/// The lints where the changes of these contexts are announced.
fn lints_with(document: &Value, announced: &[String]) -> Vec<Lint> {
    let text = serde_json::to_string_pretty(document).unwrap();
    let schema = crate::schema::parse("schema.json", &text).unwrap();
    lint(&schema, &text, LONGEST, announced)
}

/// The codes that a change of the example brings.
fn codes(change: impl FnOnce(&mut Value)) -> Vec<&'static str> {
    let mut document: Value = serde_json::from_str(EXAMPLE).unwrap();
    change(&mut document);
    lints(&document).iter().map(|lint| lint.code).collect()
}

fn named<'a>(document: &'a mut Value, list: &str, name: &str) -> &'a mut Value {
    let items = document[list].as_array_mut().unwrap();
    items.iter_mut().find(|item| item["name"] == name).unwrap()
}

fn context<'a>(document: &'a mut Value, name: &str) -> &'a mut Value {
    named(document, "x-mizan-contexts", name)
}

fn function<'a>(document: &'a mut Value, name: &str) -> &'a mut Value {
    named(document, "x-mizan-functions", name)
}

#[test]
fn the_example_has_nothing_to_remark() {
    assert_eq!(codes(|_| {}), Vec::<&str>::new());
}

#[test]
fn everything_is_told_with_its_place() {
    let mut document: Value = serde_json::from_str(EXAMPLE).unwrap();
    let it = &mut document;
    function(it, "site_stats")["auth"]["level"] = "staff".into();
    context(it, "me")["cache"]["scope"] = "public".into();
    context(it, "post")["cache"]["maxAge"] = 7200.into();
    context(it, "post")["cache"]["vary"] = json!(["Cookie", "Accept-Language"]);
    context(it, "post")["params"][0]["required"] = true.into();
    it["x-mizan-routes"] = json!([]);
    context(it, "post")["params"][1]["schema"] = json!({"type": "string", "format": "uuid"});
    function(it, "create_post")["affects"] = json!([]);
    let told = lints(&document).into_iter().map(|lint| {
        let at = lint.position.unwrap();
        let Lint { severity, code, pointer, message, hint, .. } = lint;
        format!("{severity}[{code}] {}:{} {pointer}\n  {message}\n  {hint}", at.line, at.column)
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
    warning[guarded-public] 258:18 /x-mizan-contexts/0/cache/scope
      the context `me` is public and guarded: `profile` user
      a guarded answer is never shared between visitors; make the scope private, or take the guard away
    warning[beyond-window] 277:19 /x-mizan-contexts/1/cache/maxAge
      the context `post` is meant to be fresh for 7200 s
      no entry lives longer than 3600 s at the Edge
    warning[uncached-vary] 280:17 /x-mizan-contexts/1/cache/vary
      the context `post` varies by Accept-Language: it is never stored
      make what it depends on a parameter
    warning[unshared-param] 291:9 /x-mizan-contexts/1/params/0
      the parameter `limit` of `post` has no default, and not every function takes it
      without it no function of the context answers; give it a default, or make every function take it
    note[many-spellings] 311:21 /x-mizan-contexts/1/params/1/schema
      values of `post_id` of `post` have more than one spelling: a mutation that names one purges all of the context
      integers, booleans, numbers and texts without a format have one spelling
    warning[mixed-auth] 320:15 /x-mizan-contexts/2/auth
      the context `posts` mixes who may call its functions: `post_list` none, `site_stats` staff
      who may not call one gets none of them, and nothing is shared between visitors; move what everyone may see to a context of its own
    note[affects-nothing] 383:18 /x-mizan-functions/1/affects
      the mutation `create_post` affects no context
      if it changes what a context shows, name that under `affects`
    ");
}

#[test]
fn levels_that_differ_are_mixed_even_where_all_are_guarded() {
    let mixed = codes(|it| {
        context(it, "me")["functions"] = json!(["profile", "mark_read"]);
        function(it, "mark_read")["context"] = "me".into();
        function(it, "mark_read")["auth"]["level"] = "staff".into();
    });
    assert_eq!(mixed, ["mixed-auth"]);
}

#[test]
fn a_parameter_that_every_function_takes_needs_no_default() {
    assert_eq!(
        codes(|it| {
            context(it, "post")["params"][0]["required"] = true.into();
            context(it, "post")["params"][0]["elevated"] = true.into();
            it["x-mizan-routes"] = json!([]);
        }),
        Vec::<&str>::new()
    );
    // A schema that does not say whether they do is taken at its word.
    let silent = codes(|it| {
        context(it, "post")["params"][0]["required"] = true.into();
        context(it, "post")["params"][0].as_object_mut().unwrap().remove("elevated");
        it["x-mizan-routes"] = json!([]);
    });
    assert_eq!(silent, Vec::<&str>::new());
}

#[test]
fn a_lifetime_beyond_the_window_is_told_once() {
    let stale =
        |it: &mut Value| context(it, "posts")["cache"]["staleWhileRevalidate"] = 7200.into();
    assert_eq!(codes(stale), ["beyond-window"]);
    let both = |it: &mut Value| {
        context(it, "posts")["cache"]["maxAge"] = 7200.into();
        context(it, "posts")["cache"]["staleWhileRevalidate"] = 7200.into();
    };
    assert_eq!(codes(both), ["beyond-window"]);
    // What is never stored has no lifetime at the Edge.
    assert_eq!(codes(|it| context(it, "me")["cache"]["maxAge"] = 7200.into()), Vec::<&str>::new());
}

#[test]
fn a_context_whose_changes_nobody_hears_of_is_noted() {
    let silent = |it: &mut Value| {
        function(it, "create_post")["affects"] = json!([{"context": "me", "params": {}}]);
        function(it, "add_comment")["affects"][0] = json!({"context": "me", "params": {}});
    };
    assert_eq!(codes(silent), ["never-purged"]);
    let by_websocket = |it: &mut Value| {
        function(it, "ticks")["affects"] = json!([{"context": "posts", "params": {}}]);
    };
    assert_eq!(codes(by_websocket), ["uncached-realtime"]);
    // What is never used again need not be purged.
    let short = |it: &mut Value| {
        silent(it);
        context(it, "posts")["cache"]["staleWhileRevalidate"] = 0.into();
    };
    assert_eq!(codes(short), Vec::<&str>::new());
}

#[test]
fn what_is_announced_need_not_be_purged_by_a_mutation() {
    let mut document: Value = serde_json::from_str(EXAMPLE).unwrap();
    let it = &mut document;
    function(it, "create_post")["affects"] = json!([{"context": "me", "params": {}}]);
    function(it, "add_comment")["affects"] = json!([{"context": "me", "params": {}}]);
    for name in ["posts", "post"] {
        let affects = json!({"context": name, "params": {}});
        function(it, "ticks")["affects"].as_array_mut().unwrap().push(affects);
    }
    let told: Vec<_> = lints_with(it, &["posts".to_owned()])
        .into_iter()
        .map(|lint| format!("{}: {}; {}", lint.code, lint.message, lint.hint))
        .collect();
    assert_eq!(
        told,
        [
            "uncached-realtime: the context `post` changes over a WebSocket: it is never stored; let \
          a mutation change it: of its calls the Edge hears; or announce its changes, and name it \
          under `edge.announced`"
        ]
    );
}

#[test]
fn headers_that_the_edge_heeds_may_vary() {
    let heeded = |it: &mut Value| {
        context(it, "posts")["cache"]["vary"] = json!(["authorization", "Accept-Encoding"]);
    };
    assert_eq!(codes(heeded), Vec::<&str>::new());
}
