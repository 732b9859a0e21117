//! Microsoft's specs, and our own where the test data has none: the operations that the stand-in
//! serves, and what is wrong with a request or an answer.

mod documents;
#[cfg(test)]
mod examples;
mod operation;
mod schema;

use std::sync::OnceLock;

use documents::{Documents, Node};
pub use operation::{Operation, PathValues};

/// The errors of services whose specs do not describe any.
const COMMON: &str = "common-types/resource-management/v5/types.json";

/// A spec, and the operations in it that are served.
type Served = (&'static str, &'static [&'static str]);

/// Those of Microsoft.
const SERVED: [Served; 5] = [
    (
        "resources/resource-manager/Microsoft.Resources/stable/2021-04-01/resources.json",
        &[
            "Providers_Get",
            "Providers_List",
            "Providers_Register",
            "ResourceGroups_CheckExistence",
            "ResourceGroups_CreateOrUpdate",
            "ResourceGroups_Delete",
            "ResourceGroups_Get",
            "ResourceGroups_List",
            "Resources_ListByResourceGroup",
        ],
    ),
    (
        "containerregistry/resource-manager/Microsoft.ContainerRegistry/stable/2023-07-01/containerregistry.json",
        &[
            "Registries_CheckNameAvailability",
            "Registries_Create",
            "Registries_Delete",
            "Registries_Get",
            "Registries_ListByResourceGroup",
        ],
    ),
    (
        "msi/resource-manager/Microsoft.ManagedIdentity/stable/2023-01-31/ManagedIdentity.json",
        &[
            "UserAssignedIdentities_CreateOrUpdate",
            "UserAssignedIdentities_Delete",
            "UserAssignedIdentities_Get",
            "UserAssignedIdentities_ListByResourceGroup",
        ],
    ),
    (
        "authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01/authorization-RoleAssignmentsCalls.json",
        &[
            "RoleAssignments_Create",
            "RoleAssignments_Delete",
            "RoleAssignments_Get",
            "RoleAssignments_ListForScope",
        ],
    ),
    (
        "containerinstance/resource-manager/Microsoft.ContainerInstance/stable/2023-05-01/containerInstance.json",
        &[
            "ContainerGroups_CreateOrUpdate",
            "ContainerGroups_Delete",
            "ContainerGroups_Get",
            "ContainerGroups_List",
            "ContainerGroups_ListByResourceGroup",
            "ContainerGroups_Restart",
            "ContainerGroups_Start",
            "ContainerGroups_Stop",
            "Containers_ListLogs",
            "Location_ListCapabilities",
            "Location_ListUsage",
        ],
    ),
];

/// Those that we wrote after Microsoft's reference.
const OURS: [Served; 5] = [
    (
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/azure-specs/keyvault.json"),
        &[
            "Vaults_CheckNameAvailability",
            "Vaults_CreateOrUpdate",
            "Vaults_Delete",
            "Vaults_Get",
            "Vaults_GetDeleted",
            "Vaults_ListByResourceGroup",
            "Vaults_ListDeleted",
            "Vaults_PurgeDeleted",
        ],
    ),
    (
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/azure-specs/keyvault-secrets.json"),
        &[
            "DeleteSecret",
            "GetDeletedSecret",
            "GetDeletedSecrets",
            "GetSecret",
            "GetSecretVersion",
            "GetSecretVersions",
            "GetSecrets",
            "PurgeDeletedSecret",
            "RecoverDeletedSecret",
            "SetSecret",
        ],
    ),
    (
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/azure-specs/permissions.json"),
        &["Permissions_ListForResourceGroup", "Permissions_ListForSubscription"],
    ),
    (
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/azure-specs/subscription.json"),
        &["Subscriptions_Get"],
    ),
    (
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/azure-specs/storage.json"),
        &[
            "StorageAccounts_CheckNameAvailability",
            "StorageAccounts_Create",
            "StorageAccounts_Delete",
            "StorageAccounts_GetProperties",
            "StorageAccounts_ListByResourceGroup",
            "StorageAccounts_ListKeys",
        ],
    ),
];

/// The operations that are served. The specs are read once in a process.
pub fn operations() -> &'static [Operation] {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    let all = || SERVED.iter().chain(&OURS).flat_map(|(file, ids)| served(file, ids));
    OPERATIONS.get_or_init(|| all().collect())
}

/// Whether the spec of an operation is one of our own.
#[cfg(test)]
fn is_ours(operation: &Operation) -> bool {
    OURS.iter().any(|(_, ids)| ids.contains(&operation.id))
}

/// The operation that a request is meant for: of several, the one whose path says most.
pub fn find(method: &str, path: &str, version: &str) -> Option<(&'static Operation, PathValues)> {
    let right = operations().iter().filter(|it| it.method == method && it.version == version);
    let matching = right.filter_map(|operation| Some((operation, operation.match_path(path)?)));
    matching.max_by_key(|(operation, _)| operation.literals)
}

/// The versions of the API that have something at this path.
pub fn versions_of(path: &str) -> Vec<&'static str> {
    let here = operations().iter().filter(|operation| operation.match_path(path).is_some());
    here.map(|operation| operation.version).collect()
}

fn served(file: &str, ids: &[&str]) -> Vec<Operation> {
    let documents = documents();
    let document = documents.document(file);
    let mut found = Vec::new();
    for (path, methods) in document.members("paths") {
        for (method, node) in methods.value.as_object().into_iter().flatten() {
            let node = methods.with(node);
            if node.text("operationId").is_some_and(|id| ids.contains(&id)) {
                found.push(Operation::new(documents, document, (path, method), node));
            }
        }
    }
    assert_eq!(found.len(), ids.len(), "{file} does not have all operations that are served");
    found
}

fn documents() -> &'static Documents {
    static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let mut documents = Documents::new();
        SERVED.iter().chain(&OURS).for_each(|(file, _)| documents.load(file));
        documents.load(COMMON);
        documents
    })
}

/// The schema of an error.
fn common_error(documents: &'static Documents) -> Node<'static> {
    let definitions = documents.document(COMMON).get("definitions");
    definitions.and_then(|it| it.get("ErrorResponse")).expect("the common types have the errors")
}
