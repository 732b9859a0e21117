//! Opens a ledger and its lock, wherever `ledger:` or the target puts them.

use std::path::Path;

use crate::{
    error::Result,
    ledger::{Ledger, LocalLock, Lock, Place, S3Place},
    model::App,
    targets::aws::{Clients, api},
};

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
