//! What is sent again, what is not, and how a failure is told.

use std::time::{Duration, Instant};

use mizan::{
    cloudflare::{Cloudflare, VersionId},
    error::ErrorKind,
    http::{Http, Timeouts},
    secret::SecretValue,
};
use serde_json::json;

use super::{QUICK, client, client_with, worker};
use crate::support::cloudflare_fake::{ACCOUNT, Fake, TOKEN};

const SCRIPT: &str = "board-edge";
const VERSIONS: &str = "POST /workers/scripts/board-edge/versions";

/// A script with one version, and that version.
async fn deployed(fake: &Fake) -> VersionId {
    let cloudflare = client(fake);
    cloudflare.put_script(ACCOUNT, SCRIPT, &worker("one")).await.unwrap();
    let id = cloudflare.versions(ACCOUNT, SCRIPT).await.unwrap()[0].id.clone();
    fake.take_calls().await;
    id
}

#[tokio::test]
async fn a_request_that_is_one_too_many_is_sent_again_when_it_was_asked_for() {
    let fake = Fake::start();
    deployed(&fake).await;
    fake.fault(&json!({"kind": "429", "retryAfter": 1, "match": "versions$"})).await;
    let begin = Instant::now();
    client(&fake).upload_version(ACCOUNT, SCRIPT, &worker("two")).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1), "Retry-After was not heard");
    assert_eq!(fake.take_calls().await, [VERSIONS, VERSIONS]);
}

#[tokio::test]
async fn an_upload_that_may_have_been_carried_out_is_not_sent_again() {
    let fake = Fake::start();
    deployed(&fake).await;
    for kind in ["500", "cut-before", "cut-after"] {
        fake.fault(&json!({"kind": kind, "match": "versions$"})).await;
        let error = client(&fake).upload_version(ACCOUNT, SCRIPT, &worker("two")).await;
        assert_eq!(error.unwrap_err().kind, ErrorKind::Unavailable, "{kind}");
        assert_eq!(fake.take_calls().await, [VERSIONS], "{kind}");
    }
    assert_eq!(client(&fake).versions(ACCOUNT, SCRIPT).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_deployment_whose_answer_was_lost_is_found_and_not_made_twice() {
    let fake = Fake::start();
    let id = deployed(&fake).await;
    fake.fault(&json!({"kind": "cut-after", "match": "POST .*/deployments$"})).await;
    client(&fake).deploy(ACCOUNT, SCRIPT, &[(id.clone(), 100.0)], "again").await.unwrap();
    let deployments = client(&fake).deployments(ACCOUNT, SCRIPT).await.unwrap().unwrap();
    assert_eq!(deployments.len(), 2);

    fake.fault(&json!({"kind": "cut-before", "match": "POST .*/deployments$"})).await;
    let error = client(&fake).deploy(ACCOUNT, SCRIPT, &[(id, 100.0)], "once more").await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_route_whose_answer_was_lost_is_found() {
    let fake = Fake::start();
    deployed(&fake).await;
    let zone = fake.add_zone("example.org").await;
    fake.fault(&json!({"kind": "cut-after", "match": "POST .*/routes$"})).await;
    let route = client(&fake).create_route(&zone, "example.org/*", SCRIPT).await.unwrap();
    assert_eq!(client(&fake).routes(&zone).await.unwrap(), [route]);
}

#[tokio::test]
async fn what_may_be_repeated_is_until_it_is_enough() {
    let fake = Fake::start();
    deployed(&fake).await;
    fake.fault(&json!({"kind": "500", "match": "settings$"})).await;
    client(&fake).set_tags(ACCOUNT, SCRIPT, &["a".to_owned()]).await.unwrap();
    fake.fault(&json!({"kind": "cut-before", "match": "PUT .*/board-edge$"})).await;
    client(&fake).put_script(ACCOUNT, SCRIPT, &worker("two")).await.unwrap();
    fake.take_calls().await;

    fake.fault(&json!({"kind": "500", "from": 1, "match": "deployments$"})).await;
    let error = client(&fake).deployments(ACCOUNT, SCRIPT).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().ends_with("(code 10002)"), "{error}");
    assert_eq!(fake.take_calls().await.len(), 3);
}

#[tokio::test]
async fn silence_ends() {
    let fake = Fake::start();
    deployed(&fake).await;
    fake.fault(&json!({"kind": "hang", "from": 1, "match": "settings$"})).await;
    let timeouts = Timeouts { connect: Duration::from_secs(5), read: Duration::from_millis(200) };
    let http = Http::with_timeouts(timeouts).unwrap();
    let token = SecretValue::new(TOKEN.to_owned());
    let cloudflare = Cloudflare::new(http, fake.api(), token, QUICK);
    let error = cloudflare.settings(ACCOUNT, SCRIPT).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("did not answer"), "{error}");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let fake = Fake::start();
    deployed(&fake).await;
    let zone = fake.add_zone("example.org").await;
    let token = fake.token(&["Zone Read"]).await;
    let cloudflare = client_with(&fake, &token);
    let denied = |error: mizan::error::Error, permission: &str| {
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(error.hints[0].contains(permission), "{:?}", error.hints);
    };
    denied(cloudflare.scripts(ACCOUNT).await.unwrap_err(), "Workers Scripts Edit for the account");
    denied(cloudflare.routes(&zone).await.unwrap_err(), "Workers Routes Edit for the zone");
    denied(cloudflare.start_tail(ACCOUNT, SCRIPT).await.unwrap_err(), "Workers Tail Read");
    let zone = cloudflare.zone_of("example.org").await.unwrap();
    let error = cloudflare.records_of_name(&zone, "a").await.unwrap_err();
    denied(error, "Zone Read and DNS Edit for the zone");
}

#[tokio::test]
async fn an_account_that_is_none_does_not_look_empty() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    cloudflare.settings("nobody", SCRIPT).await.unwrap_err();
    cloudflare.deployments("nobody", SCRIPT).await.unwrap_err();
    cloudflare.delete_script("nobody", SCRIPT, false).await.unwrap_err();
}
