//! What is kept between releases: the vault with the secrets, and the ledger.

use crate::{
    error::{Error, ErrorKind, Result},
    model::App,
    targets::{
        Check,
        azure::{
            Clients,
            names::Scope,
            secrets::{self, Store, Vault},
            storage::Storage,
        },
    },
};

/// Whether the vault opens, or can be made.
pub(super) async fn vault(clients: &Clients, scope: &Scope) -> Check {
    const NAME: &str = "vault";
    let vault = scope.vault();
    match secrets::look(clients, scope).await {
        Ok(Vault::Ours) => match Store::open(clients, scope).await {
            Ok(store) => Check::ok(NAME, format!("{vault} opens, with {}", count(&store))),
            Err(error) => Check::error(NAME, &error),
        },
        Ok(Vault::Absent) => Check::ok(NAME, format!("a deploy will make {vault}")),
        Ok(Vault::Foreign) => {
            let what = format!("{vault} was not made for this app and environment");
            Check::failed(NAME, ErrorKind::Failed, what)
                .hint("remove it, or choose another name for the app or the environment")
        }
        Err(error) => Check::error(NAME, &error),
    }
}

fn count(store: &Store) -> String {
    match store.names().len() {
        1 => "1 secret".to_owned(),
        count => format!("{count} secrets"),
    }
}

/// Whether the ledgers can be read, or can be made.
pub(super) async fn ledger(clients: &Clients, scope: &Scope, app: &App) -> Check {
    const NAME: &str = "ledger";
    if app.ledger.is_some() {
        return Check::skipped(NAME, "it is where mizan.yaml says");
    }
    let account = scope.storage_account();
    match read(clients, scope).await {
        Ok(Some(environments)) => {
            Check::ok(NAME, format!("{account} opens, with {environments} of this subscription"))
        }
        Ok(None) => Check::ok(NAME, format!("a deploy will make {account}")),
        Err(error) => Check::error(NAME, &error),
    }
}

/// How many environments have a ledger there.
async fn read(clients: &Clients, scope: &Scope) -> Result<Option<String>, Error> {
    let found = Storage::find(clients, scope).await?;
    let Some(storage) = found.map(Storage::require_own).transpose()? else { return Ok(None) };
    Ok(Some(match storage.users(clients).await?.len() {
        1 => "1 environment".to_owned(),
        count => format!("{count} environments"),
    }))
}
