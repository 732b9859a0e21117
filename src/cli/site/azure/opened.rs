//! Where the releases of an Azure environment are written down, and what locks it.

use std::sync::Arc;

use object_store::memory::InMemory;

use crate::{
    cli::site::ledger,
    error::{Error, ErrorKind, Result},
    ledger::{self as records, Ledger, Lock},
    model::App,
    targets::azure::{Clients, names::Scope, storage::Storage},
};

/// The ledger, its lock, and the storage account that it is in, if that is ours and there.
pub(super) struct Opened {
    pub ledger: Ledger,
    pub lock: Lock,
    pub storage: Option<Storage>,
}

/// In the storage account of the ledgers, or where `ledger:` says. Looking must not create anything.
pub(super) async fn open_ledger(app: &App, clients: &Clients, scope: &Scope) -> Result<Opened> {
    let (ledger, lock) = match &app.ledger {
        Some(url) => match ledger::place(app, url)? {
            records::Place::Container { account, container, prefix } => {
                ledger::in_container(app, (account, container, prefix), &clients.http)?
            }
            records::Place::Folder(folder) => ledger::in_folder(app, &folder)?,
            records::Place::Bucket { .. } => {
                return Err(Error::new(
                    ErrorKind::Usage,
                    "the ledger of an app on Azure is on Azure",
                )
                .hint("write az://account/container, or leave `ledger` out"));
            }
        },
        None => return own_ledger(clients, scope).await,
    };
    Ok(Opened { ledger, lock, storage: Storage::find(clients, scope).await? })
}

async fn own_ledger(clients: &Clients, scope: &Scope) -> Result<Opened> {
    let storage = Storage::find(clients, scope).await?.map(Storage::require_own).transpose()?;
    let ledger = match &storage {
        Some(storage) => Ledger::blob(&storage.place(scope.ledger_prefix()), &clients.http)?,
        None => Ledger::new(Arc::new(InMemory::new()), "the ledger"),
    };
    let lock = Lock::Lease(ledger.lease(what(scope)));
    Ok(Opened { ledger, lock, storage })
}

pub(super) fn what(scope: &Scope) -> String {
    format!("{} in environment {}", scope.app, scope.env)
}
