//! Opens a ledger and its lock, wherever `ledger:` or the target puts them.

use std::{env, path::Path};

use crate::{
    error::{Error, ErrorKind, Result},
    http::Http,
    ledger::{BlobPlace, Ledger, LocalLock, Lock, Place, S3Place},
    model::App,
    secret::SecretValue,
    targets::aws::{Clients, api},
};

/// A key of the storage account, in the variable that the Azure CLI reads as well.
const STORAGE_KEY: &str = "AZURE_STORAGE_KEY";
/// The address of the account's blobs, if it is not in the public cloud; the Azure CLI's name too.
const STORAGE_ENDPOINT: &str = "AZURE_STORAGE_SERVICE_ENDPOINT";

/// How locks of an environment are called.
pub fn what(app: &App) -> String {
    format!("{} in environment {}", app.name, app.env)
}

/// A ledger in a bucket.
///
/// # Errors
/// The bucket's name or address makes no sense.
pub fn in_bucket(
    app: &App,
    (bucket, prefix): (String, String),
    region: &str,
    clients: &Clients,
) -> Result<(Ledger, Lock)> {
    let place = S3Place {
        bucket,
        region: region.to_owned(),
        prefix,
        endpoint: api::override_of("s3"),
        credentials: clients.credentials.clone(),
    };
    let ledger = Ledger::s3(&place, &clients.http)?;
    let lock = Lock::Lease(ledger.lease(what(app)));
    Ok((ledger, lock))
}

/// A ledger in a container of a storage account on Azure, opened with the caller's key.
///
/// # Errors
/// There is no key in the environment, or it or the account's address makes no sense.
pub fn in_container(
    app: &App,
    (account, container, prefix): (String, String, String),
    http: &Http,
) -> Result<(Ledger, Lock)> {
    let set = |name| env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
    let key = set(STORAGE_KEY).ok_or_else(|| missing_key(&account))?;
    let place = BlobPlace {
        account,
        container,
        prefix,
        endpoint: set(STORAGE_ENDPOINT),
        key: SecretValue::new(key),
    };
    let ledger = Ledger::blob(&place, http)?;
    let lock = Lock::Lease(ledger.lease(what(app)));
    Ok((ledger, lock))
}

fn missing_key(account: &str) -> Error {
    let what = format!("there is no key for the storage account {account}, where the ledger is");
    Error::new(ErrorKind::Denied, what).cause(format!("{STORAGE_KEY} is not set")).hint(format!(
        "export {STORAGE_KEY}=\"$(az storage account keys list --account-name {account} --query \
         '[0].value' --output tsv)\""
    ))
}

/// A ledger in a folder of this machine, which is created.
///
/// # Errors
/// The folder cannot be created.
pub fn in_folder(app: &App, folder: &Path) -> Result<(Ledger, Lock)> {
    Ok((Ledger::local(folder)?, Lock::Local(LocalLock::new(folder.join("lock"), what(app)))))
}

/// The place that `ledger:` names, for this environment.
///
/// # Errors
/// It is no place.
pub fn place(app: &App, url: &str) -> Result<Place> {
    Ok(url.parse::<Place>()?.of(&app.name, &app.env))
}
