//! Key vaults, and the secrets in them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Desk, ROLES, start};
use crate::support::azure::{
    ARM, Azure, CLIENT_SECRET, Client, Fault, Reply, SECRETS_OFFICER, Settings, VAULT,
    engine::Paper,
};

const VAULTS: &str = "2023-07-01";
const BELOW: &str = "/resourceGroups/demo/providers/Microsoft.KeyVault/vaults";
const DELETED: &str = "/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults";

/// What makes a vault.
fn vault(azure: &Azure) -> Value {
    json!({
        "location": "westeurope",
        "tags": {"mizan-app": "demo"},
        "properties": {"tenantId": azure.principal().0, "sku": {"family": "A", "name": "standard"},
                       "enableRbacAuthorization": true, "softDeleteRetentionInDays": 7},
    })
}

impl Desk<'_> {
    /// A request about the vault `demo-vault`.
    fn vault(&self, method: &str, body: &Value) -> Reply {
        self.ask(method, &format!("{BELOW}/demo-vault"), VAULTS, body)
    }

    /// The service principal gets the role that opens the vault.
    fn open_vault(&self) -> Reply {
        let role = format!(
            "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_OFFICER}",
            self.azure.subscription()
        );
        let body = json!({"properties": {"roleDefinitionId": role,
            "principalId": self.azure.object(), "principalType": "ServicePrincipal"}});
        let name = "0d9a3c7e-0000-5000-8000-00000000000a";
        let below =
            format!("{BELOW}/demo-vault/providers/Microsoft.Authorization/roleAssignments/{name}");
        self.ask("PUT", &below, ROLES, &body)
    }

    fn purge_vault(&self) {
        let purged = self.ask("POST", &format!("{DELETED}/demo-vault/purge"), VAULTS, &Value::Null);
        assert_eq!(purged.status, 202);
        let result = purged.header("location").unwrap();
        while self.client.ask("GET", result, &Value::Null).status == 202 {}
    }
}

/// Who asks the vault itself.
struct Keeper<'a>(Client<'a>, String);

impl<'a> Keeper<'a> {
    fn of(azure: &'a Azure) -> Self {
        Self(Client::of(azure, VAULT), format!("{}/vaults/demo-vault/", azure.endpoint()))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        let and = if path.contains('?') { '&' } else { '?' };
        self.0.ask(method, &format!("{}{path}{and}api-version=7.4", self.1), body)
    }

    fn set(&self, name: &str, value: &str) -> Reply {
        self.ask("PUT", &format!("secrets/{name}"), &json!({"value": value}))
    }
}

#[test]
fn a_deleted_vault_keeps_its_name_and_its_secrets() {
    let azure = start();
    let desk = Desk::new(&azure);
    let body = vault(&azure);
    desk.prepare();
    let made = desk.vault("PUT", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let uri = format!("{}/vaults/demo-vault/", azure.endpoint());
    assert_eq!(made.body["properties"]["vaultUri"], uri);
    assert_eq!(desk.vault("PUT", &body).status, 200);
    let listed = desk.ask("GET", BELOW, VAULTS, &Value::Null);
    assert_eq!(listed.body["value"][0]["name"], "demo-vault");
    desk.open_vault();
    let keeper = Keeper::of(&azure);
    keeper.set("KEY", "one");
    let seen = azure.seen();
    assert!(seen.iter().any(|it| it.kind == "vaults" && it.tags["mizan-app"] == "demo"));
    assert!(seen.iter().any(|it| it.kind == "secret" && it.name == "key"), "{seen:?}");

    assert_eq!(desk.vault("DELETE", &Value::Null).status, 200);
    assert_eq!(desk.vault("DELETE", &Value::Null).status, 204);
    assert_eq!(desk.vault("GET", &Value::Null).code(), "ResourceNotFound");
    assert_eq!(keeper.ask("GET", "secrets/KEY", &Value::Null).code(), "VaultNotFound");
    let refused = desk.vault("PUT", &body);
    assert_eq!((refused.status, refused.code()), (409, "ConflictError"));
    let deleted = desk.ask("GET", &format!("{DELETED}/demo-vault"), VAULTS, &Value::Null);
    assert_eq!(deleted.body["properties"]["vaultId"], made.body["id"]);

    // It comes back with its secrets, and without its roles.
    let mut recovered = body.clone();
    recovered["properties"]["createMode"] = "recover".into();
    assert_eq!(desk.vault("PUT", &recovered).status, 200);
    assert_eq!(keeper.ask("GET", "secrets/KEY", &Value::Null).code(), "Forbidden");
    assert_eq!(desk.open_vault().status, 201);
    assert_eq!(keeper.ask("GET", "secrets/KEY", &Value::Null).body["value"], "one");
    assert_eq!(desk.vault("PUT", &recovered).code(), "SoftDeletedVaultDoesNotExist");

    desk.vault("DELETE", &Value::Null);
    desk.purge_vault();
    let all = "/providers/Microsoft.KeyVault/deletedVaults";
    assert_eq!(desk.ask("GET", all, VAULTS, &Value::Null).body["value"], json!([]));
    assert_eq!(desk.vault("PUT", &body).status, 201);
    desk.open_vault();
    assert_eq!(keeper.ask("GET", "secrets/KEY", &Value::Null).code(), "SecretNotFound");
}

#[test]
fn a_resource_group_leaves_its_vaults_behind_as_deleted() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.vault("PUT", &vault(&azure));
    let group = desk.ask("DELETE", "/resourceGroups/demo", super::RESOURCES, &Value::Null);
    let result = group.header("location").unwrap();
    while desk.client.ask("GET", result, &Value::Null).status == 202 {}
    assert_eq!(azure.ids().len(), 1);
    desk.purge_vault();
    assert_eq!(azure.ids(), Vec::<String>::new());
}

#[test]
fn names_that_others_have_are_refused() {
    let settings = Settings { taken: vec!["demo-vault"], ..Settings::default() };
    let azure = Azure::start(settings, Paper::default());
    let desk = Desk::new(&azure);
    desk.prepare();
    assert_eq!(desk.vault("PUT", &vault(&azure)).code(), "VaultAlreadyExists");
    let name = json!({"name": "demo-vault", "type": "Microsoft.KeyVault/vaults"});
    let check = "/providers/Microsoft.KeyVault/checkNameAvailability";
    assert_eq!(desk.ask("POST", check, VAULTS, &name).body["nameAvailable"], false);
}

#[test]
fn a_vault_opens_for_a_role_that_has_come_through() {
    let azure = Azure::start(Settings { propagation: 2, ..Settings::default() }, Paper::default());
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.vault("PUT", &vault(&azure));
    let keeper = Keeper::of(&azure);
    let forbidden = |reply: &Reply| {
        assert_eq!((reply.status, reply.code()), (403, "Forbidden"));
        assert_eq!(reply.body["error"]["innererror"]["code"], "ForbiddenByRbac");
        assert!(reply.body["error"]["message"].as_str().unwrap().contains(&azure.object()));
    };
    forbidden(&keeper.set("KEY", "one"));
    assert_eq!(desk.open_vault().status, 201);
    forbidden(&keeper.set("KEY", "one"));
    forbidden(&keeper.set("KEY", "one"));
    assert_eq!(keeper.set("KEY", "one").status, 200);

    let address = "/vaults/demo-vault/secrets/KEY?api-version=7.4";
    let wrong = desk.client.ask("GET", address, &Value::Null);
    assert_eq!((wrong.status, wrong.code()), (401, "Unauthorized"));
    assert!(wrong.header("www-authenticate").unwrap().contains(VAULT));
}

#[test]
fn secrets_have_versions_and_are_deleted_in_two_steps() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.vault("PUT", &vault(&azure));
    desk.open_vault();
    let keeper = Keeper::of(&azure);
    let get = |path: &str| keeper.ask("GET", path, &Value::Null);
    let tagged = json!({"value": "one", "tags": {"mizan-app": "demo"}, "contentType": "text/plain",
                        "attributes": {"enabled": true}});
    let first = keeper.ask("PUT", "secrets/DB-URL", &tagged);
    assert_eq!(first.body["tags"], json!({"mizan-app": "demo"}));
    let version = first.body["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    keeper.set("db-url", "two");
    assert_eq!(get("secrets/DB-URL").body["value"], "two");
    assert_eq!(get("secrets/DB-URL/").body["value"], "two");
    assert_eq!(get(&format!("secrets/DB-URL/{version}")).body["value"], "one");
    assert_eq!(get("secrets/DB-URL/versions").body["value"].as_array().unwrap().len(), 2);

    // A list comes in pages, and tells no values.
    ["A", "B"].iter().for_each(|name| drop(keeper.set(name, "canary-value")));
    let page = get("secrets?maxresults=2");
    let next = page.body["nextLink"].as_str().unwrap().to_owned();
    let rest = keeper.0.ask("GET", &next, &Value::Null);
    let count = |reply: &Reply| reply.body["value"].as_array().unwrap().len();
    assert_eq!((count(&page), count(&rest), &rest.body["nextLink"]), (2, 1, &Value::Null));
    let spelled = format!("{}secrets/DB-URL", keeper.1);
    assert_eq!(rest.body["value"][0]["id"], spelled, "as it was made");
    assert!(!format!("{page:?}{rest:?}").contains("canary-value"));

    let deleted = keeper.ask("DELETE", "secrets/A", &Value::Null);
    assert_eq!(deleted.body["recoveryId"], format!("{}deletedsecrets/A", keeper.1));
    assert_eq!(get("secrets/A").code(), "SecretNotFound");
    assert_eq!(get("deletedsecrets/A").status, 404, "it takes a while");
    assert_eq!(get("deletedsecrets/A").status, 200);
    let conflict = keeper.set("A", "again");
    assert_eq!((conflict.status, conflict.code()), (409, "Conflict"));
    assert_eq!(conflict.body["error"]["innererror"]["code"], "ObjectIsDeletedButRecoverable");
    assert_eq!(keeper.ask("POST", "deletedsecrets/A/recover", &Value::Null).status, 200);
    assert_eq!(get("secrets/A").body["value"], "canary-value");

    keeper.ask("DELETE", "secrets/A", &Value::Null);
    assert_eq!(
        keeper.set("A", "again").body["error"]["innererror"]["code"],
        "ObjectIsBeingDeleted"
    );
    assert_eq!(count(&get("deletedsecrets")), 1);
    assert_eq!(keeper.ask("DELETE", "deletedsecrets/A", &Value::Null).status, 204);
    assert_eq!(keeper.set("A", "again").status, 200);
    assert_eq!(get("secrets/A/versions").body["value"].as_array().unwrap().len(), 1);
}

#[test]
fn requests_to_a_vault_are_checked_and_struck_too() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.vault("PUT", &vault(&azure));
    desk.open_vault();
    let keeper = Keeper::of(&azure);
    let unknown = keeper.ask("PUT", "secrets/KEY", &json!({"value": "x", "labels": {}}));
    assert_eq!(unknown.code(), "BadParameter");
    assert_eq!(keeper.set("not_a_name", "x").code(), "BadParameter");
    let mut body = vault(&azure);
    body["properties"]["createMod"] = "recover".into();
    assert_eq!(desk.vault("PUT", &body).code(), "InvalidRequestContent");
    assert_eq!(azure.take_violations().len(), 3);
    azure.strike("SetSecret", Fault::throttled(3));
    assert_eq!(keeper.set("KEY", "one").status, 429);
    assert_eq!(keeper.set("KEY", "one").status, 200);
}

#[test]
fn a_token_tells_who_has_it() {
    let azure = start();
    let token = Client::token(&azure, ARM, &[("client_secret", CLIENT_SECRET)]);
    let token = token.body["access_token"].as_str().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let (tenant, client) = azure.principal();
    assert_eq!(claims["oid"], azure.object());
    assert_eq!((&claims["tid"], &claims["appid"]), (&json!(tenant), &json!(client)));
    assert_eq!(claims["aud"], ARM);
    assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
    assert!(token.contains("canary-azure-token"));
}
