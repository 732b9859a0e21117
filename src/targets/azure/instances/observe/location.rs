//! Whether an environment is where mizan.yaml says: its ledger is looked for there, so after a change
//! of the location it would seem that nothing was ever deployed.

use super::super::{diff::Refusal, group::text_of};
use crate::{
    error::Result,
    targets::azure::{Clients, names::Scope, paths::version},
};

/// The environment is in this location, or nowhere.
///
/// # Errors
/// It is in another one, or Azure cannot be reached.
pub async fn require_location(clients: &Clients, scope: &Scope) -> Result<()> {
    let path = scope.group_path(&scope.resource_group());
    let found = match clients.arm.get(&path, version::RESOURCES).await {
        Ok(Some(found)) if scope.owns_resource(&found) => found,
        Ok(_) => return Ok(()),
        // Whoever may not look is told so by what comes next.
        Err(error) if error.is_denied() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match text_of(&found["location"]) {
        is if is == scope.location => Ok(()),
        is => Err(Refusal::Immovable { is: is.to_owned(), wanted: scope.location.clone() }.into()),
    }
}
