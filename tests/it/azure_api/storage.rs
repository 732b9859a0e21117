//! The storage account of the ledgers: made by whoever comes first.

use mizan::targets::azure::storage;

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
