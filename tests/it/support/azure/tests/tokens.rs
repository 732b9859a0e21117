//! Tokens of Entra and of the registry.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::start;
use crate::support::azure::{ARM, ASSERTION, CLIENT_SECRET, Client, REGISTRY, USER, client};

#[test]
fn tokens_are_for_one_audience() {
    let azure = start();
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let assertion = [("client_assertion_type", kind), ("client_assertion", ASSERTION)];
    assert_eq!(Client::token(&azure, ARM, &assertion).status, 200);
    let wrong = Client::token(&azure, ARM, &[("client_secret", "wrong")]);
    assert_eq!((wrong.status, &wrong.body["error"]), (401, &json!("invalid_client")));

    let secret = [("client_secret", CLIENT_SECRET)];
    let other = Client::token(&azure, REGISTRY, &secret).body["access_token"].clone();
    let bearer = format!("Bearer {}", other.as_str().unwrap());
    let path = "/subscriptions/x/resourcegroups?api-version=2021-04-01";
    let refused = client::send(&azure, "GET", path, &[("authorization", bearer)], "");
    assert_eq!(refused.code(), "InvalidAuthenticationTokenAudience");
    assert_eq!(client::send(&azure, "GET", path, &[], "").status, 401);
}

#[test]
fn a_registry_takes_tokens_that_were_exchanged() {
    let azure = start();
    let server = azure.endpoint().trim_start_matches("http://").to_owned();
    let challenge = client::send(&azure, "GET", "/v2/", &[], "");
    assert!(challenge.header("www-authenticate").unwrap().contains("/oauth2/token"));
    let secret = [("client_secret", CLIENT_SECRET)];
    let token = Client::token(&azure, REGISTRY, &secret).body["access_token"].clone();
    let exchange = |token: &str| {
        let form = [("grant_type", "access_token"), ("service", &server), ("access_token", token)];
        Client::post_form(&azure, "/oauth2/exchange", &form)
    };
    assert_eq!(exchange("nonsense").status, 401);
    let refresh = exchange(token.as_str().unwrap()).body["refresh_token"].clone();
    let basic = BASE64_STANDARD.encode(format!("{USER}:{}", refresh.as_str().unwrap()));
    let path = format!("/oauth2/token?service={server}&scope=repository:app:pull");
    let authorization = ("authorization", format!("Basic {basic}"));
    let opened = client::send(&azure, "GET", &path, &[authorization], "");
    let bearer = format!("Bearer {}", opened.body["access_token"].as_str().unwrap());
    assert_eq!(client::send(&azure, "GET", "/v2/", &[("authorization", bearer)], "").status, 200);
}
