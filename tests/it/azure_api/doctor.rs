//! `mizan doctor` for Azure: every obstacle is told, and nothing is changed.

use std::{fs, process::Command};

use mizan::{
    error::ErrorKind,
    secret::SecretValue,
    targets::{
        Check, CheckState,
        azure::{
            Clients,
            api::Patience,
            doctor,
            names::Scope,
            paths::version,
            secrets::{Store, ensure_vault},
            storage,
        },
        verdict,
    },
};
use serde_json::{Value, json};

use super::{Variables, clients, scope, start, variables};
use crate::{
    azure_plans::world::app,
    support::azure::{Role, Settings},
};

const BOARD: &str = include_str!("../../fixtures/azure-plans/no-change/mizan.yaml");

async fn checks(clients: &Clients) -> Vec<Check> {
    doctor::asked(&app(BOARD), "westeurope", clients).await
}

/// All that is said under a name.
fn said<'a>(checks: &'a [Check], name: &str) -> Vec<&'a Check> {
    let found: Vec<_> = checks.iter().filter(|check| check.name == name).collect();
    assert!(!found.is_empty(), "nothing is said about {name}: {checks:#?}");
    found
}

fn one<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    let found = said(checks, name);
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0]
}

#[tokio::test]
async fn an_empty_subscription_is_enough_and_stays_empty() {
    let azure = start(Settings { cores: 20, ..Settings::default() });
    let checks = checks(&clients(&variables(&azure)).await).await;
    assert_eq!(verdict(&checks), None, "{checks:#?}");
    assert!(one(&checks, "credentials").what.contains("service principal"), "{checks:#?}");
    assert!(one(&checks, "subscription").what.contains(&azure.subscription()));
    assert!(one(&checks, "providers").what.contains("will register Microsoft.ContainerInstance"));
    assert_eq!(one(&checks, "permissions").what, "everything that a deploy needs is allowed");
    assert!(one(&checks, "location").what.contains("up to 4 cores and 16 GiB"), "{checks:#?}");
    assert_eq!(said(&checks, "quotas").len(), 2);
    assert!(one(&checks, "vault").what.contains("a deploy will make"));
    assert!(one(&checks, "ledger").what.contains("a deploy will make"));
    assert_eq!(azure.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn an_action_that_is_missing_is_named() {
    let contributor = Role {
        actions: &["*"],
        not_actions: &["Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"],
    };
    let azure = start(Settings { roles: vec![contributor], ..Settings::default() });
    let checks = checks(&clients(&variables(&azure)).await).await;
    let missing = said(&checks, "permissions");
    let actions: Vec<_> =
        missing.iter().map(|it| it.what.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(
        actions,
        [
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete"
        ]
    );
    assert!(missing.iter().all(|it| it.hint.as_deref().unwrap().contains("azure-role")));
    assert_eq!(verdict(&checks), Some(ErrorKind::Denied));
}

#[tokio::test]
async fn too_few_cores_are_an_obstacle() {
    let azure = start(Settings { cores: 1, ..Settings::default() });
    let checks = checks(&clients(&variables(&azure)).await).await;
    let quotas = said(&checks, "quotas");
    let failed: Vec<_> = quotas.iter().filter(|it| it.state == CheckState::Failed).collect();
    assert_eq!(failed.len(), 1, "{quotas:#?}");
    assert!(failed[0].what.contains("0 of 1 are used"), "{failed:#?}");
}

#[tokio::test]
async fn the_vault_opens_or_says_why_it_does_not() {
    let azure = start(Settings::default());
    let clients = clients(&variables(&azure)).await;
    let scope: Scope = scope(&clients);
    ensure_vault(&clients, &scope, &|_| {}).await.unwrap();
    let mut store = Store::open(&clients, &scope).await.unwrap();
    store.set("SECRET_KEY", SecretValue::new("canary".to_owned())).await.unwrap();
    let told = checks(&clients).await;
    assert!(one(&told, "vault").what.contains("opens, with 1 secret"), "{told:#?}");

    let path = scope.vault_path(&scope.vault());
    let mut vault = clients.arm.get(&path, version::VAULTS).await.unwrap().unwrap();
    vault["properties"].as_object_mut().unwrap().remove("provisioningState");
    let body = json!({"location": "westeurope", "properties": vault["properties"], "tags": {}});
    clients.arm.put(&path, version::VAULTS, &body, Patience::USUAL).await.unwrap();
    let told = checks(&clients).await;
    assert!(one(&told, "vault").what.contains("was not made for this app"), "{told:#?}");
}

#[tokio::test]
async fn the_ledgers_are_read() {
    let azure = start(Settings::default());
    let clients = clients(&variables(&azure)).await;
    storage::ensure(&clients, &scope(&clients), &|_| {}).await.unwrap();
    let told = checks(&clients).await;
    assert!(one(&told, "ledger").what.contains("opens, with 0 environments"), "{told:#?}");
}

#[tokio::test]
async fn without_credentials_or_subscription_nothing_else_is_asked() {
    let azure = start(Settings::default());
    let with = |name: &'static str, value: &str| {
        let mut variables: Variables = variables(&azure);
        variables.insert(name, value.to_owned());
        variables
    };
    let told = checks(&clients(&with("AZURE_CLIENT_SECRET", "canary-wrong")).await).await;
    assert_eq!(one(&told, "credentials").kind, Some(ErrorKind::Denied));
    assert!(told.len() == 1 && !format!("{told:?}").contains("canary"), "{told:#?}");

    let other = "00000000-0000-0000-0000-00000000dead";
    let told = checks(&clients(&with("AZURE_SUBSCRIPTION_ID", other)).await).await;
    let subscription = one(&told, "subscription");
    assert!(subscription.what.contains(other), "{told:#?}");
    assert!(told.len() == 2 && subscription.kind == Some(ErrorKind::Denied), "{told:#?}");
}

/// What Azure has is all right; that there is no token for Cloudflare decides the exit code.
#[test]
fn the_command_tells_all_of_it_and_no_secret() {
    let azure = start(Settings { cores: 20, ..Settings::default() });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mizan.yaml"), BOARD).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mizan"))
        .args(["doctor", "--env", "production", "--format", "json"])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .envs(azure.environment())
        .output()
        .unwrap();
    let (told, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(!told.contains("canary") && !errors.contains("canary"), "{told}{errors}");
    let report: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{errors}"));
    let failed = report["checks"].as_array().unwrap().iter();
    let failed = failed.filter(|check| check["state"] == "failed");
    let failed: Vec<_> = failed.map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(failed, ["cloudflare"], "{told}");
    assert_eq!(output.status.code(), Some(77));
}
