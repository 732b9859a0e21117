//! Looks at the subscription and at the ledger: what of this environment exists, and in which state.
//! Reads only.
//!
//! Names are deterministic, so nearly everything is asked for at once. What the caller may not read
//! is `Unknown`, with Azure's words; everything else that goes wrong fails the whole look.

mod groups;
mod known;
mod location;
mod records;
mod things;

use std::collections::BTreeSet;

pub use groups::status;
pub use known::Known;
pub use location::require_location;
pub use records::{GROUP, Records, current_release, migration_mark};
pub use things::strangers;

use super::{desired::Desired, seen::Observed};
use crate::{
    error::Result,
    model::ReleaseId,
    plan::Late,
    targets::azure::{
        Clients,
        names::Scope,
        registry::Registry,
        secrets::{self, Store},
    },
};

/// What was read before the look.
pub struct Read<'a> {
    /// The APIs.
    pub clients: &'a Clients,
    /// Whose it is.
    pub scope: &'a Scope,
    /// The secrets.
    pub secrets: &'a Store,
    /// The ledger's releases.
    pub records: &'a Records,
    /// The storage account of the ledgers exists and is ours.
    pub storage: bool,
    /// The environments that have something in it.
    pub storage_users: BTreeSet<String>,
    /// The ledger is where mizan.yaml says, not in that account.
    pub ledger_elsewhere: bool,
    /// The release that is brought back.
    pub returning: Option<&'a super::seen::CurrentRelease>,
}

/// Everything of the environment but its Workers: what `want` asks for and what an earlier deploy has
/// made.
///
/// # Errors
/// Azure cannot be reached or fails.
pub async fn observe(read: &Read<'_>, want: Option<&Desired>) -> Result<Observed> {
    let Read { clients, scope, records, .. } = read;
    let desired = want.or(records.current.as_ref().map(|current| &current.desired));
    let releases = records.current.iter().chain(read.returning);
    let known = Known::of(want, releases).with(&records.all);
    let looks = tokio::try_join!(
        things::things(read, desired),
        groups::groups(clients, scope, &known, records),
        strangers(clients, scope),
        async {
            match want {
                Some(_) => Ok(false),
                None => secrets::is_deleted(clients, scope).await,
            }
        },
    );
    let ((things, login_server, migrated), groups, strangers, vault_is_deleted) = looks?;
    let (image_digest, sidecar_pushed) = match login_server {
        Some(server) => images(&Registry::new(clients, &server), scope, want).await?,
        None => (None, false),
    };
    let own = groups.values().filter_map(|seen| seen.present().filter(|it| it.ours)?.release);
    let newest = own.chain(records.begun()).max();
    let above = |release: &ReleaseId| Some(*release) > records.current.as_ref().map(|it| it.id);
    let migrated = migrated.and_then(|mark| {
        let wanted = want?.release_step.as_ref()?;
        let release = mark.split(' ').next()?.parse::<ReleaseId>().ok().filter(above)?;
        (migration_mark(release, wanted) == mark).then_some(release)
    });
    Ok(Observed {
        things,
        groups,
        strangers,
        image_digest,
        sidecar_pushed,
        artifacts_cached: false,
        plane: Default::default(),
        foreseen: Default::default(),
        releases: records.ids(),
        current: records.current.clone(),
        previous: records.previous.clone(),
        newest,
        migrated,
        storage: read.storage,
        ledger_elsewhere: read.ledger_elsewhere,
        storage_users: read.storage_users.clone(),
        secrets: read.secrets.names(),
        vault_is_deleted,
    })
}

/// The digest of the wanted image, and whether its sidecar is there.
async fn images(
    registry: &Registry,
    scope: &Scope,
    want: Option<&Desired>,
) -> Result<(Option<String>, bool)> {
    let Some(want) = want else { return Ok((None, false)) };
    let app = async {
        match &want.image {
            Late::Known(tag) => registry.digest(scope.app.as_str(), tag).await,
            Late::After(_) => Ok(None),
        }
    };
    let sidecar = async {
        match want.sidecar() {
            Some(image) => {
                let (repository, tag) = image.split_once(':').unwrap_or((image, "latest"));
                Ok(registry.digest(repository, tag).await?.is_some())
            }
            None => Ok(false),
        }
    };
    tokio::try_join!(app, sidecar)
}
