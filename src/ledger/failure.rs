//! What it means when a store does not do as it is told.

use object_store::Error as StoreError;

use crate::error::{Error, ErrorKind};

/// The error about `file`, with the store's own words as its cause.
pub(super) fn failure(file: &str, error: &StoreError) -> Error {
    let kind = match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            ErrorKind::Denied
        }
        StoreError::AlreadyExists { .. } => ErrorKind::Failed,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("the ledger's file {file} could not be accessed")).because(error)
}
