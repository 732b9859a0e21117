//! What container groups need: a resource group, and a registry with a role in it.

use serde_json::{Value, json};

use super::{Desk, IDENTITIES, REGISTRIES, RESOURCES, ROLES, start, web};
use crate::support::azure::{ACR_PULL, Azure, Settings, engine::Paper};

#[test]
fn an_image_of_the_registry_needs_a_role_that_has_come_through() {
    let azure = Azure::start(Settings { propagation: 2, ..Settings::default() }, Paper::default());
    let desk = Desk::new(&azure);
    desk.prepare();
    let below = "/resourceGroups/demo/providers/Microsoft.ContainerRegistry/registries/demoreg";
    let sent = json!({"location": "westeurope", "sku": {"name": "Basic"},
                      "properties": {"adminUserEnabled": false}});
    let registry = desk.ask("PUT", below, REGISTRIES, &sent);
    assert_eq!(registry.status, 201, "{registry:?}");
    let server = registry.body["properties"]["loginServer"].as_str().unwrap().to_owned();
    let identity = desk.ask(
        "PUT",
        "/resourceGroups/demo/providers/Microsoft.ManagedIdentity/userAssignedIdentities/demo-pull",
        IDENTITIES,
        &json!({"location": "westeurope"}),
    );
    let identity_id = identity.body["id"].as_str().unwrap().to_owned();
    let mut group = web();
    group["identity"] =
        json!({"type": "UserAssigned", "userAssignedIdentities": {&identity_id: {}}});
    group["properties"]["imageRegistryCredentials"] =
        json!([{"server": server, "identity": identity_id}]);
    group["properties"]["containers"][0]["properties"]["image"] =
        format!("{server}/app@sha256:00").into();
    assert_eq!(desk.group("PUT", "web", &group).code(), "InaccessibleImage");

    let role = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL}",
        azure.subscription()
    );
    let principal = &identity.body["properties"]["principalId"];
    let assignment = json!({"properties": {"roleDefinitionId": role, "principalId": principal,
                                           "principalType": "ServicePrincipal"}});
    let name = "0d9a3c7e-0000-5000-8000-000000000001";
    let below = format!("{below}/providers/Microsoft.Authorization/roleAssignments");
    let one = format!("{below}/{name}");
    assert_eq!(desk.ask("PUT", &one, ROLES, &assignment).status, 201);
    assert_eq!(desk.ask("PUT", &one, ROLES, &assignment).status, 200);
    let other = format!("{below}/0d9a3c7e-0000-5000-8000-000000000002");
    assert_eq!(desk.ask("PUT", &other, ROLES, &assignment).code(), "RoleAssignmentExists");
    let listed = desk.ask("GET", &below, ROLES, &Value::Null).body["value"].clone();
    assert_eq!(listed[0]["name"], name);

    assert_eq!(desk.group("PUT", "web", &group).code(), "InaccessibleImage");
    assert_eq!(desk.group("PUT", "web", &group).code(), "InaccessibleImage");
    assert_eq!(desk.group("PUT", "web", &group).status, 201);
}

#[test]
fn a_resource_group_takes_all_with_it() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.group("PUT", "web", &web());
    let inside = desk.ask("GET", "/resourceGroups/demo/resources", RESOURCES, &Value::Null);
    assert_eq!(inside.body["value"][0]["name"], "web");
    let filter = |value: &str| {
        let version = format!(
            "{RESOURCES}&$filter=tagName%20eq%20'mizan-app'%20and%20tagValue%20eq%20'{value}'"
        );
        desk.ask("GET", "/resourcegroups", &version, &Value::Null).body["value"].clone()
    };
    assert_eq!(filter("demo")[0]["name"], "demo");
    assert_eq!(filter("other"), json!([]));
    let deleted = desk.ask("DELETE", "/resourceGroups/DEMO", RESOURCES, &Value::Null);
    let result = deleted.header("location").unwrap();
    while desk.client.ask("GET", result, &Value::Null).status == 202 {}
    assert_eq!(azure.ids(), Vec::<String>::new());
    assert_eq!(desk.ask("HEAD", "/resourceGroups/demo", RESOURCES, &Value::Null).status, 404);
}
