//! Deploys to an Azure subscription, seen from outside: the example app behind the Edge, what Azure
//! does to a deploy, secrets.

mod board;
mod faults;
mod secrets;
mod tls;

use serde_json::Value;

use crate::support::azure::{Azure, Client};

/// The version of the API of vaults.
const VAULTS: &str = "2023-07-01";

/// Fails the test if there is the value of a secret in a text.
#[track_caller]
fn expect_no_canary(azure: &Azure, whose: &str, text: &str) {
    let canaries = azure.canaries();
    let told = canaries.iter().find(|(_, value)| text.contains(value));
    assert!(told.is_none(), "{whose} tells {told:?}: {text}");
}

/// Everything that is there, and the vaults that could be brought back.
fn left(azure: &Azure) -> (Vec<String>, Value) {
    let path = format!(
        "/subscriptions/{}/providers/Microsoft.KeyVault/deletedVaults?api-version={VAULTS}",
        azure.subscription()
    );
    let deleted = Client::new(azure).ask("GET", &path, &Value::Null);
    (azure.ids(), deleted.body["value"].clone())
}
