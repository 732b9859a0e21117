//! `mizan doctor` before an origin: the engine is asked only where something is built, and the app
//! is asked as a deploy would. Cloudflare is not: without a token that check fails by itself.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Project;
use crate::support::{
    free_port,
    server::{Answer, Server},
};

/// What doctor says of an app before this origin, by check: state, what was seen and the hint.
fn told(url: &str, more: &str) -> BTreeMap<String, String> {
    let project = Project::new();
    let text = format!(
        "version: 1\napp: board\nschema: schema.json\nservices: {{web: {{port: 8000}}}}\n{more}\n\
         environments:\n  elsewhere: {{target: {{origin: '{url}'}}, ledger: 'file:///nonexistent'}}\n"
    );
    project.write("mizan.yaml", &text);
    let ended = project.run(&["doctor", "--format", "json"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let told = |check: &Value| {
        let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
        (text("name"), format!("{}: {} {}", text("state"), text("what"), text("hint")))
    };
    report["checks"].as_array().unwrap().iter().map(told).collect()
}

/// An app whose health path answers so.
fn app(status: u16) -> Server {
    Server::start(move |request| Answer {
        status: if request.uri().path() == "/healthz" { status } else { 200 },
        headers: Vec::new(),
        body: "the database is on fire".to_owned(),
    })
}

const EDGE: &str = "edge: {on: [cloudflare]}";

#[test]
fn an_origin_that_answers_is_as_it_should_be_and_needs_no_engine() {
    let server = app(200);
    let told = told(&format!("http://{}", server.address), EDGE);
    let address = server.address;
    assert_eq!(told["origin"], format!("ok: http://{address}/healthz answers 200 OK "));
    assert!(told["engine"].starts_with("skipped: nothing is built"), "{told:#?}");
    assert!(told["schema"].starts_with("ok: version "), "{told:#?}");
    assert!(told["hydration"].starts_with("skipped: no page is rendered"), "{told:#?}");
}

#[test]
fn a_page_needs_an_image_and_so_an_engine() {
    let server = app(200);
    let told = told(
        &format!("http://{}", server.address),
        &format!("{EDGE}\nrender: {{bundle: /app/b.js}}"),
    );
    assert!(told["engine"].starts_with("failed: "), "{told:#?}");
    assert!(told["hydration"].contains("on the target `local` alone"), "{told:#?}");
}

#[test]
fn an_origin_that_is_not_healthy_or_not_there_stands_in_the_way() {
    let ill = app(500);
    let seen = told(&format!("http://{}", ill.address), EDGE);
    assert!(seen["origin"].starts_with("failed: "), "{seen:#?}");
    assert!(seen["origin"].contains("500") && seen["origin"].contains("the database is on fire"));

    let nobody = format!("http://127.0.0.1:{}", free_port());
    let seen = told(&nobody, EDGE);
    let begin = format!("failed: {nobody} does not answer");
    assert!(seen["origin"].starts_with(&begin), "{seen:#?}");

    // Without its check a deploy asks through the Edge alone.
    let seen = told(&nobody, "edge: {on: [cloudflare], check: {on_error: off}}");
    assert!(seen["origin"].starts_with("warning: "), "{seen:#?}");
}

#[test]
fn what_is_announced_and_is_no_context_is_told_at_its_place() {
    let server = app(200);
    let more = "secrets: [MIZAN_PURGE_KEY]\nedge: {on: [cloudflare], announced: [psots]}";
    let told = told(&format!("http://{}", server.address), more);
    assert!(told["schema"].starts_with("failed: "), "{told:#?}");
    assert!(
        told["schema"].contains("mizan.yaml:6:38: the schema has no context `psots` to announce"),
        "{told:#?}"
    );
    assert!(told["schema"].contains("did you mean `posts`?"), "{told:#?}");
}
