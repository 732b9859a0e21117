//! The key vault: made on the way, shared with nobody, and given back.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use mizan::{
    error::{Error, ErrorKind},
    secret::SecretValue,
    targets::azure::{
        Clients,
        api::{Call, Patience},
        names::Scope,
        paths::version,
        secrets::{Removal, Store, ensure_vault, remove_vault},
    },
};
use serde_json::{Value, json};

use super::{clients, little::say, scope, start, variables};
use crate::support::azure::{Azure, Fault, Settings};

const ROLE: &str = "Key Vault Secrets Officer";

/// A subscription, and an environment in it.
struct Desk {
    azure: Azure,
    clients: Clients,
    scope: Scope,
}

impl Desk {
    async fn new(settings: Settings) -> Self {
        let azure = start(settings);
        let clients = clients(&variables(&azure)).await;
        let scope = scope(&clients);
        Self { azure, clients, scope }
    }

    /// With the vault made, and open.
    async fn with_vault() -> Self {
        let desk = Self::new(Settings::default()).await;
        ensure_vault(&desk.clients, &desk.scope, &|_| {}).await.unwrap();
        desk
    }

    async fn store(&self) -> Store {
        Store::open(&self.clients, &self.scope).await.unwrap()
    }

    async fn vault(&self) -> Option<Value> {
        let path = self.scope.vault_path(&self.scope.vault());
        self.clients.arm.get(&path, version::VAULTS).await.unwrap()
    }

    async fn deleted_vault(&self) -> Option<Value> {
        let path = self.scope.deleted_vault_path(&self.scope.vault());
        self.clients.arm.get(&path, version::VAULTS).await.unwrap()
    }

    /// A request to the vault itself, past what is tested.
    async fn raw(&self, method: &str, path: &str, body: &Value) -> Value {
        let vault = self.vault().await.unwrap();
        let uri = vault["properties"]["vaultUri"].as_str().unwrap();
        let url = format!("{uri}{path}?api-version=7.4");
        let call = Call::new("raw", method.parse().unwrap(), url);
        let call = if body.is_null() { call } else { call.json(body) };
        let answer = self.clients.vaults().send(&call).await.unwrap();
        serde_json::from_slice(answer.body()).unwrap_or_default()
    }

    /// Takes the caller's own role away.
    async fn lose_role(&self) {
        let (vault, on) = (self.scope.vault(), self.scope.vault_path(&self.scope.vault()));
        let caller = self.clients.credentials.identity("https://management.azure.com").await;
        let name = self.scope.role_assignment(&vault, ROLE, &caller.unwrap().object);
        let path = self.scope.role_assignment_path(&on, &name);
        self.clients.arm.delete(&path, version::ROLES, Patience::USUAL).await.unwrap();
    }
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned())
}

fn denied() -> Fault {
    let message = "The client does not have authorization to perform the action.";
    Fault::Instead(say(403, &json!({"error": {"code": "AuthorizationFailed", "message": message}})))
}

fn shown(error: &Error) -> String {
    let told = format!("{error:?}");
    assert!(!told.contains("canary"), "{told}");
    told
}

#[tokio::test]
async fn looking_makes_nothing() {
    let desk = Desk::new(Settings::default()).await;
    let store = desk.store().await;
    assert_eq!((store.version("KEY"), store.origin_version()), (None, None));
    assert_eq!(store.names(), BTreeSet::new());
    let error = store.value(&desk.scope.secret("SECRET_KEY")).await.unwrap_err();
    assert_eq!(error.hints, ["mizan secrets set SECRET_KEY"]);
    assert_eq!(desk.azure.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn the_first_secret_makes_the_vault_and_waits_for_the_role() {
    let desk = Desk::new(Settings { propagation: 2, ..Settings::default() }).await;
    let told = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&told);
    let mut store =
        desk.store().await.telling(move |text| heard.borrow_mut().push(text.to_owned()));
    store.set("KEY", value("canary-first")).await.unwrap();
    assert_eq!(store.value(&desk.scope.secret("KEY")).await.unwrap().expose(), "canary-first");
    let told = told.take();
    assert!(told.iter().any(|text| text.contains("registering")), "{told:?}");
    assert!(told.iter().any(|text| text.contains(ROLE)), "{told:?}");

    let vault = desk.vault().await.unwrap();
    let properties = &vault["properties"];
    assert_eq!(properties["enableRbacAuthorization"], true);
    assert_eq!(properties["softDeleteRetentionInDays"], 7);
    assert!(desk.scope.owns_resource(&vault));
    let again = desk.store().await;
    assert_eq!(again.version("KEY"), store.version("KEY"));
    assert_eq!(again.names(), BTreeSet::from(["env-KEY".to_owned()]));
}

#[tokio::test]
async fn a_value_is_made_up_once() {
    let desk = Desk::with_vault().await;
    let origin = desk.scope.origin_secret();
    let mut store = desk.store().await;
    let version = store.ensure(&origin).await.unwrap();
    let made = store.value(&origin).await.unwrap();
    assert_eq!(made.expose().len(), 50);
    let mut again = desk.store().await;
    assert_eq!(again.origin_version(), Some(version.as_str()));
    assert_eq!(again.ensure(&origin).await.unwrap(), version);
    assert_eq!(again.value(&origin).await.unwrap().expose(), made.expose());

    store.generate("KEY").await.unwrap();
    let first = store.version("KEY").unwrap().to_owned();
    store.generate("KEY").await.unwrap();
    assert_ne!(store.version("KEY"), Some(first.as_str()));
}

#[tokio::test]
async fn a_vault_that_is_there_is_asked_for_nothing_more() {
    let desk = Desk::with_vault().await;
    desk.azure.take_log();
    ensure_vault(&desk.clients, &desk.scope, &|_| {}).await.unwrap();
    let log = desk.azure.take_log();
    let writes = log.iter().filter(|line| line.starts_with("PUT ")).count();
    assert_eq!(writes, 0, "{log:#?}");
}

#[tokio::test]
async fn a_removed_secret_gives_way_to_a_new_one() {
    let desk = Desk::with_vault().await;
    let mut store = desk.store().await;
    store.set("KEY", value("canary-one")).await.unwrap();
    let first = store.version("KEY").unwrap().to_owned();
    assert!(store.unset("KEY").await.unwrap());
    assert!(!store.unset("KEY").await.unwrap());
    assert_eq!((store.version("KEY"), desk.store().await.version("KEY")), (None, None));
    store.set("KEY", value("canary-two")).await.unwrap();
    assert_ne!(store.version("KEY"), Some(first.as_str()));
    assert_eq!(store.value("env-KEY").await.unwrap().expose(), "canary-two");

    store.unset("KEY").await.unwrap();
    let made = store.ensure("env-KEY").await.unwrap();
    assert_eq!(store.version("KEY"), Some(made.as_str()));
    assert_ne!(store.value("env-KEY").await.unwrap().expose(), "canary-two");
}

#[tokio::test]
async fn what_goes_for_good_leaves_its_name_free() {
    let desk = Desk::with_vault().await;
    let mut store = desk.store().await;
    for name in ["ONE", "TWO"] {
        store.set(name, value("canary")).await.unwrap();
    }
    assert!(store.remove("env-ONE", Removal::Final).await.unwrap());
    assert!(!store.remove("env-ONE", Removal::Final).await.unwrap());
    store.delete_all(Removal::Final).await.unwrap();
    assert_eq!(desk.raw("GET", "deletedsecrets", &Value::Null).await["value"], json!([]));
    assert_eq!(desk.store().await.names(), BTreeSet::new());
}

#[tokio::test]
async fn somebody_elses_secret_is_never_touched() {
    let desk = Desk::with_vault().await;
    let theirs = json!({"value": "canary-theirs", "tags": {"mizan:app": "board"}});
    desk.raw("PUT", "secrets/env-KEY", &theirs).await;
    let mut store = desk.store().await;
    assert_eq!((store.version("KEY"), store.names()), (None, BTreeSet::new()));
    let errors = [
        store.set("KEY", value("canary-ours")).await.unwrap_err(),
        store.ensure("env-KEY").await.unwrap_err(),
        store.unset("KEY").await.unwrap_err(),
        store.value("env-KEY").await.unwrap_err(),
    ];
    for error in errors {
        assert!(shown(&error).contains("secret env-KEY that was not made for this app"), "{error}");
    }
    store.delete_all(Removal::Final).await.unwrap();
    assert_eq!(desk.raw("GET", "secrets/env-KEY", &Value::Null).await["value"], "canary-theirs");

    desk.raw("DELETE", "secrets/env-KEY", &Value::Null).await;
    let error = store.set("KEY", value("canary-ours")).await.unwrap_err();
    assert!(shown(&error).contains("was not made for this app"), "one that they deleted: {error}");
}

#[tokio::test]
async fn somebody_elses_vault_is_never_touched() {
    let desk = Desk::with_vault().await;
    let path = desk.scope.vault_path(&desk.scope.vault());
    let mut vault = desk.vault().await.unwrap();
    let properties = &mut vault["properties"];
    properties.as_object_mut().unwrap().remove("provisioningState");
    let body = json!({"location": "westeurope", "properties": properties, "tags": {}});
    desk.clients.arm.put(&path, version::VAULTS, &body, Patience::USUAL).await.unwrap();
    let error = ensure_vault(&desk.clients, &desk.scope, &|_| {}).await.unwrap_err();
    assert!(shown(&error).contains("was not made for this app"), "{error}");
    let error = desk.store().await.set("KEY", value("canary")).await.unwrap_err();
    assert!(shown(&error).contains("was not made for this app"), "{error}");
    let removed = remove_vault(&desk.clients, &desk.scope, Removal::Final).await;
    assert_eq!((removed, desk.vault().await.is_some()), (Ok(None), true));
}

#[tokio::test]
async fn a_vault_that_goes_by_policies_is_changed_to_roles() {
    let desk = Desk::with_vault().await;
    let path = desk.scope.vault_path(&desk.scope.vault());
    let mut vault = desk.vault().await.unwrap();
    let properties = vault["properties"].as_object_mut().unwrap();
    properties.remove("provisioningState");
    properties.insert("enableRbacAuthorization".to_owned(), false.into());
    let mut tags = desk.scope.tags();
    tags.insert("theirs".to_owned(), "kept".to_owned());
    let body = json!({"location": "westeurope", "properties": properties, "tags": tags});
    desk.clients.arm.put(&path, version::VAULTS, &body, Patience::USUAL).await.unwrap();
    ensure_vault(&desk.clients, &desk.scope, &|_| {}).await.unwrap();
    let vault = desk.vault().await.unwrap();
    assert_eq!(vault["properties"]["enableRbacAuthorization"], true);
    assert_eq!(
        (&vault["tags"]["theirs"], &vault["tags"]["mizan:app"]),
        (&json!("kept"), &json!("board"))
    );
}

#[tokio::test]
async fn a_deleted_vault_comes_back_with_its_secrets() {
    let desk = Desk::with_vault().await;
    desk.store().await.set("KEY", value("canary-kept")).await.unwrap();
    let removed = remove_vault(&desk.clients, &desk.scope, Removal::Recoverable).await;
    assert_eq!((removed, desk.vault().await), (Ok(None), None));
    let mut store = desk.store().await;
    assert_eq!(store.version("KEY"), None);
    store.ensure(&desk.scope.origin_secret()).await.unwrap();
    assert!(store.version("KEY").is_some());
    assert_eq!(store.value("env-KEY").await.unwrap().expose(), "canary-kept");
}

#[tokio::test]
async fn a_vault_that_is_purged_is_gone() {
    let desk = Desk::with_vault().await;
    for _ in 0..2 {
        assert_eq!(remove_vault(&desk.clients, &desk.scope, Removal::Final).await, Ok(None));
        assert_eq!((desk.vault().await, desk.deleted_vault().await), (None, None));
    }
    ensure_vault(&desk.clients, &desk.scope, &|_| {}).await.unwrap();
}

#[tokio::test]
async fn who_may_not_purge_is_told_how_long_the_name_is_taken() {
    let desk = Desk::with_vault().await;
    desk.azure.strike("Vaults_PurgeDeleted", denied());
    let told = remove_vault(&desk.clients, &desk.scope, Removal::Final).await.unwrap().unwrap();
    let deleted = desk.deleted_vault().await.unwrap();
    let until = deleted["properties"]["scheduledPurgeDate"].as_str().unwrap();
    assert!(told.contains(&desk.scope.vault()) && told.contains(until), "{told}");
}

#[tokio::test]
async fn who_may_not_give_itself_the_role_is_told_what_to_ask_for() {
    let desk = Desk::new(Settings::default()).await;
    desk.azure.strike("RoleAssignments_Create", denied());
    let error = ensure_vault(&desk.clients, &desk.scope, &|_| {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let told = shown(&error);
    assert!(told.contains("az role assignment create --role"), "{told}");
    assert!(told.contains(&desk.scope.vault_path(&desk.scope.vault())), "{told}");
    assert!(told.contains("--assignee-principal-type ServicePrincipal"), "{told}");
}

#[tokio::test]
async fn another_deployer_is_let_in_where_it_may_write() {
    let desk = Desk::with_vault().await;
    desk.store().await.set("KEY", value("canary")).await.unwrap();
    let mut before = desk.store().await;
    desk.lose_role().await;
    let error = Store::open(&desk.clients, &desk.scope).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(shown(&error).contains("az role assignment create"), "{error:?}");
    let error = before.value("env-KEY").await.unwrap_err();
    assert!(shown(&error).contains("az role assignment create"), "{error:?}");

    let entered = Store::enter(&desk.clients, &desk.scope, &|_| {}).await.unwrap();
    assert!(entered.version("KEY").is_some());
    desk.lose_role().await;
    before.set("KEY", value("canary-again")).await.unwrap();
    desk.lose_role().await;
    let version = before.version("KEY").unwrap().to_owned();
    assert_eq!(before.ensure("env-KEY").await.unwrap(), version);
    assert_eq!(before.value("env-KEY").await.unwrap().expose(), "canary-again");
}

#[tokio::test]
async fn many_secrets_are_all_listed() {
    let desk = Desk::with_vault().await;
    let mut store = desk.store().await;
    for number in 0..30 {
        store.set(&format!("KEY_{number}"), value("canary")).await.unwrap();
    }
    assert_eq!(desk.store().await.names().len(), 30);
}

#[tokio::test]
async fn a_value_is_in_no_error() {
    let desk = Desk::with_vault().await;
    let mut store = desk.store().await;
    let refused = json!({"error": {"code": "BadParameter", "message": "No."}});
    desk.azure.strike("SetSecret", Fault::Instead(say(400, &refused)));
    let error = store.set("KEY", value("canary-value")).await.unwrap_err();
    assert_eq!(error.to_string(), "Azure refused PUT secrets/env-KEY: BadParameter: No.");
    shown(&error);
    desk.azure.strike("SetSecret", Fault::AnswerLost);
    store.set("KEY", value("canary-value")).await.unwrap();
    assert!(!format!("{store:?}").contains("canary"));
    let large = store.set("KEY", value(&"canary".repeat(5000))).await.unwrap_err();
    assert_eq!(large.kind, ErrorKind::Usage);
    shown(&large);
}
