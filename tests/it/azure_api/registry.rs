//! The registry: tokens for each scope, digests, and images that are deleted.

use mizan::{error::ErrorKind, targets::azure::registry::Registry};
use serde_json::json;

use super::{
    clients,
    little::{Heard, Little, say, silence, token},
    principal,
};
use crate::support::{azure::USER, server::Answer};

const ENTRA: &str = "/tenant/oauth2/v2.0/token";
const OURS: &str = "https://containerregistry.azure.net/.default";
const SCOPE: &str = "repository:board:pull";

/// What every registry says about tokens.
fn tokens(heard: &Heard, before: usize) -> Answer {
    match heard.path.as_str() {
        ENTRA => token(&heard.field("scope").unwrap()),
        "/oauth2/exchange" => {
            say(200, &json!({"refresh_token": format!("canary-refresh-{before}")}))
        }
        "/oauth2/token" => {
            let refresh = heard.field("refresh_token").unwrap();
            let token = format!("canary-access {} {refresh}", heard.field("scope").unwrap());
            say(200, &json!({"access_token": token}))
        }
        path => panic!("nobody asks for {path}"),
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    say(status, &json!({"errors": [{"code": code, "message": message}]}))
}

fn is_manifest(heard: &Heard) -> bool {
    heard.path.starts_with("/v2/")
}

async fn registry(little: &Little) -> Registry {
    Registry::new(&clients(&principal(&little.url())).await, &little.host())
}

#[tokio::test]
async fn a_tag_has_a_digest_or_is_not_there() {
    let little = Little::start(|heard, before| match heard.path.as_str() {
        "/v2/board/manifests/there" => silence(200).with("docker-content-digest", "sha256:ab"),
        path if path.starts_with("/v2/") => silence(404),
        _ => tokens(heard, before),
    });
    let registry = registry(&little).await;
    assert_eq!(registry.digest("board", "there").await, Ok(Some("sha256:ab".to_owned())));
    assert_eq!(registry.digest("board", "gone").await, Ok(None));
    let all = little.all();
    let asked: Vec<_> = all.iter().filter(|it| !is_manifest(it)).map(Heard::line).collect();
    let once =
        [format!("POST {ENTRA}"), "POST /oauth2/exchange".into(), "POST /oauth2/token".into()];
    assert_eq!(asked, once, "a token for a scope is kept");
    let exchange = all.iter().find(|it| it.path == "/oauth2/exchange").unwrap();
    assert_eq!(exchange.field("tenant").as_deref(), Some("tenant"));
    assert_eq!(exchange.field("service"), Some(little.host()));
    assert_eq!(exchange.field("grant_type").as_deref(), Some("access_token"));
    let head = all.iter().find(|it| is_manifest(it)).unwrap();
    assert_eq!(
        head.header("authorization"),
        format!("Bearer canary-access {SCOPE} canary-refresh-0")
    );
}

#[tokio::test]
async fn deleting_needs_a_token_of_its_own_and_finds_its_work_done() {
    let little = Little::start(|heard, before| match heard.line().as_str() {
        "DELETE /v2/board/manifests/sha256:ab" if before == 0 => silence(202),
        "DELETE /v2/board/manifests/sha256:ab" => {
            refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
        }
        _ => tokens(heard, before),
    });
    let registry = registry(&little).await;
    registry.delete("board", "sha256:ab").await.unwrap();
    registry.delete("board", "sha256:ab").await.unwrap();
    let all = little.all();
    let opened = all.iter().find(|it| it.path == "/oauth2/token").unwrap();
    assert_eq!(opened.field("scope").as_deref(), Some("repository:board:delete"));
}

#[tokio::test]
async fn a_tenant_without_tokens_for_registries_has_those_for_resource_manager() {
    let little = Little::start(|heard, before| match heard.path.as_str() {
        ENTRA if heard.field("scope").as_deref() == Some(OURS) => {
            let told = "AADSTS500011: The resource principal was not found in the tenant.";
            say(400, &json!({"error": "invalid_resource", "error_description": told}))
        }
        _ => tokens(heard, before),
    });
    let credentials = registry(&little).await.credentials().await.unwrap();
    assert_eq!(credentials.username.as_deref(), Some(USER));
    assert_eq!(credentials.password.as_deref(), Some("canary-refresh-0"));
    assert_eq!(credentials.serveraddress, Some(little.host()));
    let scopes: Vec<_> = little
        .all()
        .iter()
        .filter(|it| it.path == ENTRA)
        .map(|it| it.field("scope").unwrap())
        .collect();
    assert_eq!(scopes, [OURS, "https://management.azure.com/.default"]);
}

#[tokio::test]
async fn a_registry_that_refuses_its_own_audience_is_given_the_other() {
    let little = Little::start(|heard, before| match heard.path.as_str() {
        "/oauth2/exchange" if before == 0 => refusal(401, "UNAUTHORIZED", "wrong audience"),
        _ => tokens(heard, before),
    });
    let credentials = registry(&little).await.credentials().await.unwrap();
    assert_eq!(credentials.password.as_deref(), Some("canary-refresh-1"));
}

#[tokio::test]
async fn a_token_that_has_ended_is_replaced_once() {
    let little = Little::start(|heard, before| match heard.path.as_str() {
        "/v2/board/manifests/tag" if heard.header("authorization").ends_with("refresh-0") => {
            silence(401)
        }
        "/v2/board/manifests/tag" => silence(200).with("docker-content-digest", "sha256:ab"),
        "/v2/board/manifests/never" => silence(401),
        _ => tokens(heard, before),
    });
    let registry = registry(&little).await;
    assert_eq!(registry.digest("board", "tag").await, Ok(Some("sha256:ab".to_owned())));
    let error = registry.digest("board", "never").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let tries = little.all().iter().filter(|it| it.path.ends_with("never")).count();
    assert_eq!(tries, 2);
}

#[tokio::test]
async fn a_registry_that_is_busy_is_asked_again() {
    let little = Little::start(|heard, before| match heard.path.as_str() {
        "/v2/board/manifests/tag" if before == 0 => silence(503).with("retry-after", "0"),
        "/v2/board/manifests/tag" => silence(200).with("docker-content-digest", "sha256:ab"),
        "/oauth2/token" if before == 0 => silence(429).with("retry-after", "0"),
        _ => tokens(heard, before),
    });
    let digest = registry(&little).await.digest("board", "tag").await;
    assert_eq!(digest, Ok(Some("sha256:ab".to_owned())));
}

#[tokio::test]
async fn who_may_not_enter_learns_why_and_no_token_is_told() {
    let little = Little::start(|heard, before| match heard.path.as_str() {
        "/oauth2/exchange" => refusal(401, "UNAUTHORIZED", "authentication required"),
        _ => tokens(heard, before),
    });
    let error = registry(&little).await.digest("board", "tag").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let told = format!("{error:?}");
    assert!(told.contains("UNAUTHORIZED: authentication required"), "{told}");
    assert!(told.contains("AcrPush"), "{told}");
    assert!(!told.contains("canary"), "{told}");
}
