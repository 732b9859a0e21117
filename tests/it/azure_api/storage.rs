//! The storage account of the ledgers: made by whoever comes first.

use mizan::targets::azure::{api::Patience, paths::version, storage};
use serde_json::json;

use super::{clients, scope, start, variables};
use crate::support::azure::Settings;

#[tokio::test]
async fn two_who_make_the_account_at_once_have_the_same_one() {
    let azure = start(Settings { looks: 3, ..Settings::default() });
    let (one, two) = (clients(&variables(&azure)).await, clients(&variables(&azure)).await);
    let scope = scope(&one);
    let tell = |_: &str| {};
    let (first, second) =
        tokio::join!(storage::ensure(&one, &scope, &tell), storage::ensure(&two, &scope, &tell));
    let users = (first.unwrap().users(&one).await, second.unwrap().users(&two).await);
    assert!(users.0.unwrap().is_empty() && users.1.unwrap().is_empty());
    let ids = azure.ids();
    let accounts = ids.iter().filter(|id| id.contains("/storageAccounts/")).count();
    assert_eq!(accounts, 1, "{ids:?}");
}

#[tokio::test]
async fn an_account_of_somebody_else_with_the_name_stays_as_it_is() {
    let azure = start(Settings::default());
    let clients = clients(&variables(&azure)).await;
    let scope = scope(&clients);
    let storage_provider = scope.provider_path("Microsoft.Storage");
    let register = format!("{storage_provider}/register");
    clients.arm.post(&register, version::RESOURCES, None, Patience::USUAL).await.unwrap();
    let tags = json!({"owner": "finance"});
    let put = async |path: &str, version, body| {
        clients.arm.put(path, version, &body, Patience::USUAL).await.unwrap();
    };
    let group = scope.group_path(&scope.ledgers_group());
    put(&group, version::RESOURCES, json!({"location": scope.location, "tags": tags})).await;
    let account = json!({
        "location": scope.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
        "tags": tags,
    });
    put(&scope.storage_path(), version::STORAGE, account).await;
    let error = storage::ensure(&clients, &scope, &|_| {}).await.unwrap_err();
    assert!(error.message.contains("was not made by mizan"), "{error:?}");
    let found = clients.arm.get(&scope.storage_path(), version::STORAGE).await.unwrap();
    assert_eq!(found.unwrap()["tags"], tags);
}
