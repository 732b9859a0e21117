//! Resource Manager: what is repeated, what is waited for, and how an operation ends.

use std::time::{Duration, Instant};

use mizan::{
    error::{Error, ErrorKind},
    targets::azure::{
        Clients,
        api::{ApiError, Patience},
        names::Scope,
        paths::version,
        surroundings::{ensure_group, ensure_provider},
    },
};
use serde_json::{Value, json};

use super::{
    clients,
    little::{Little, say, silence, token},
    principal, scope, start, variables,
};
use crate::support::azure::{Azure, Fault, LOOK, Settings};

const PROVIDERS: [&str; 3] =
    ["Microsoft.ContainerInstance", "Microsoft.ContainerRegistry", "Microsoft.ManagedIdentity"];

/// Clients of a subscription that is registered and has our resource group.
async fn prepared(azure: &Azure) -> (Clients, Scope) {
    let clients = clients(&variables(azure)).await;
    let scope = scope(&clients);
    for provider in PROVIDERS {
        ensure_provider(&clients, &scope, provider, &|_| {}).await.unwrap();
    }
    ensure_group(&clients, &scope, &|_| {}).await.unwrap();
    azure.take_log();
    (clients, scope)
}

async fn put_registry(
    clients: &Clients,
    scope: &Scope,
    patience: Patience,
) -> Result<Value, ApiError> {
    let body = json!({"location": scope.location, "sku": {"name": "Basic"}, "tags": scope.tags()});
    let path = scope.registry_path("mizanboard");
    clients.arm.put(&path, version::REGISTRIES, &body, patience).await
}

fn group() -> Value {
    let resources = json!({"requests": {"cpu": 0.5, "memoryInGB": 0.5}});
    let container = json!({"name": "web", "properties": {
        "image": "nginx", "command": ["run"], "resources": resources}});
    json!({"location": "westeurope", "properties": {
        "osType": "Linux", "restartPolicy": "Never", "containers": [container]}})
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end() {
    let azure = start(Settings { looks: 3, ..Settings::default() });
    let (clients, scope) = prepared(&azure).await;
    let made = put_registry(&clients, &scope, Patience::USUAL).await.unwrap();
    assert_eq!(made["properties"]["provisioningState"], "Succeeded");
    let path = scope.registry_path("mizanboard");
    clients.arm.delete(&path, version::REGISTRIES, Patience::USUAL).await.unwrap();
    assert!(clients.arm.get(&path, version::REGISTRIES).await.unwrap().is_none());
    clients.arm.delete(&path, version::REGISTRIES, Patience::USUAL).await.unwrap();
}

#[tokio::test]
async fn an_operation_that_fails_says_why() {
    let azure = start(Settings::default());
    let (clients, scope) = prepared(&azure).await;
    let fails = Fault::Fails { code: "QuotaExceeded", message: "No more registries." };
    azure.strike("Registries_Create", fails);
    let error = Error::from(put_registry(&clients, &scope, Patience::USUAL).await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Failed);
    assert_eq!(
        error.to_string(),
        "Azure did not finish PUT registries/mizanboard: QuotaExceeded: No more registries."
    );
}

#[tokio::test]
async fn an_operation_that_never_ends_is_given_up() {
    let azure = start(Settings::default());
    let (clients, scope) = prepared(&azure).await;
    azure.strike("Registries_Create", Fault::NeverEnds);
    let patience = Patience(Duration::from_millis(500));
    let error = Error::from(put_registry(&clients, &scope, patience).await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("did not end within 0.5 s"), "{error:?}");
    assert!(!error.hints.is_empty());
}

#[tokio::test]
async fn who_is_too_fast_waits_as_long_as_azure_asks() {
    let azure = start(Settings::default());
    let (clients, scope) = prepared(&azure).await;
    azure.strike("ResourceGroups_Get", Fault::throttled(1));
    let begin = Instant::now();
    let path = scope.group_path(&scope.resource_group());
    assert!(clients.arm.get(&path, version::RESOURCES).await.unwrap().is_some());
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(azure.take_log().len(), 2);
}

#[tokio::test]
async fn a_look_that_fails_is_repeated() {
    let azure = start(Settings::default());
    let (clients, scope) = prepared(&azure).await;
    azure.strike(LOOK, Fault::throttled(0));
    put_registry(&clients, &scope, Patience::USUAL).await.unwrap();
}

#[tokio::test]
async fn what_was_done_and_not_answered_is_done_again() {
    let azure = start(Settings::default());
    let (clients, scope) = prepared(&azure).await;
    azure.strike("ResourceGroups_CreateOrUpdate", Fault::AnswerLost);
    let body = json!({"location": scope.location, "tags": scope.tags()});
    let path = scope.group_path(&scope.resource_group());
    clients.arm.put(&path, version::RESOURCES, &body, Patience::USUAL).await.unwrap();
    let log = azure.take_log();
    assert_eq!(log.iter().filter(|line| line.starts_with("PUT ")).count(), 2, "{log:#?}");
}

#[tokio::test]
async fn what_stays_busy_is_given_up_after_some_attempts() {
    let little = Little::start(|heard, _| match heard.method.as_str() {
        "POST" => token(&heard.field("scope").unwrap()),
        _ => say(503, &json!({"error": {"code": "ServerBusy", "message": "Later."}}))
            .with("retry-after", "0"),
    });
    let clients = clients(&principal(&little.url())).await;
    let error = Error::from(clients.arm.get("/busy", "1").await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "Azure refused GET /busy: ServerBusy: Later.");
    assert_eq!(little.lines().iter().filter(|line| *line == "GET /busy").count(), 6);
}

#[tokio::test]
async fn what_is_refused_for_good_is_asked_once_and_a_refused_token_is_renewed_once() {
    let little = Little::start(|heard, before| match heard.path.as_str() {
        "/once" if before == 0 => silence(401),
        "/once" => say(200, &json!({})),
        "/always" => silence(401),
        "/never" => say(403, &json!({"error": {"code": "AuthorizationFailed", "message": "No."}})),
        _ => token(&heard.field("scope").unwrap()),
    });
    let clients = clients(&principal(&little.url())).await;
    let error = Error::from(clients.arm.get("/never", "1").await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.hints[0].contains("mizan doctor") && !format!("{error:?}").contains("canary"));
    clients.arm.get("/once", "1").await.unwrap();
    assert!(clients.arm.get("/always", "1").await.unwrap_err().is_denied());
    let times = |end: &str| little.lines().iter().filter(|line| line.ends_with(end)).count();
    assert_eq!([times("/never"), times("/once"), times("/always")], [1, 2, 2]);
    assert_eq!(times("/token"), 3);
}

#[tokio::test]
async fn a_list_has_all_of_its_pages() {
    let little = Little::start(|heard, _| match heard.path.as_str() {
        "/list" => {
            let next = format!("http://{}/more?page=2", heard.header("host"));
            say(200, &json!({"value": [1, 2], "nextLink": next}))
        }
        "/more" => say(200, &json!({"value": [3]})),
        _ => token(&heard.field("scope").unwrap()),
    });
    let clients = clients(&principal(&little.url())).await;
    assert_eq!(clients.arm.list("/list", "1").await.unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn a_group_that_is_changing_is_asked_again() {
    let azure = start(Settings::default());
    let (clients, scope) = prepared(&azure).await;
    let groups = clients.groups(&scope);
    let busy = || {
        let message = "The container group is transitioning.";
        Fault::Instead(say(
            409,
            &json!({"error": {"code": "ContainerGroupTransitioning", "message": message}}),
        ))
    };
    let body = serde_json::from_value(group()).unwrap();
    azure.strike("ContainerGroups_CreateOrUpdate", busy());
    groups.put("board-r1", &body, Patience::USUAL).await.unwrap();
    azure.strike("ContainerGroups_Stop", busy());
    groups.stop("board-r1", Patience::USUAL).await.unwrap();
    azure.strike("ContainerGroups_Delete", busy());
    groups.delete("board-r1", Patience::USUAL).await.unwrap();
    azure.strike("ContainerGroups_Stop", busy());
    let error = Error::from(groups.stop("board-r1", Patience(Duration::ZERO)).await.unwrap_err());
    assert!(error.to_string().contains("ContainerGroupTransitioning"), "{error}");
}

#[tokio::test]
async fn somebody_elses_resource_group_is_refused() {
    let azure = start(Settings::default());
    let clients = clients(&variables(&azure)).await;
    let scope = scope(&clients);
    let path = scope.group_path(&scope.resource_group());
    let body = json!({"location": scope.location, "tags": {"mizan:app": "board"}});
    clients.arm.put(&path, version::RESOURCES, &body, Patience::USUAL).await.unwrap();
    let error = ensure_group(&clients, &scope, &|_| {}).await.unwrap_err();
    assert!(error.message.contains("was not made for this app"), "{error:?}");
    let found = clients.arm.get(&path, version::RESOURCES).await.unwrap().unwrap();
    assert_eq!(found["tags"], json!({"mizan:app": "board"}));
}
