//! What the ledger knows of an environment's releases.

use std::collections::BTreeMap;

use super::super::{
    clients::Clients, desired::Desired, names::Scope, seen::CurrentRelease, spec::TaskSpec,
};
use crate::{
    error::{Context, ErrorKind, Result},
    ledger::{Ledger, Release},
    model::ReleaseId,
    workers::cloud::{self, LivePlane},
};

/// What an environment's ledger says, and whether it has a place to be.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// The ledger is in our bucket, and that is there.
    pub(super) bucket: bool,
    /// The ledger is where mizan.yaml says.
    pub(super) is_elsewhere: bool,
    /// The releases.
    pub(super) records: Records,
}

impl Recorded {
    /// Reads it. `own_bucket` says that the ledger is in our bucket, which a first deploy makes: one
    /// in a bucket that is not there yet has recorded nothing.
    ///
    /// # Errors
    /// The ledger cannot be reached, or its record of the live release cannot be read.
    pub async fn read(
        clients: &Clients,
        scope: &Scope,
        ledger: &Ledger,
        own_bucket: bool,
    ) -> Result<Self> {
        if !own_bucket {
            let records = Records::read(ledger).await?;
            return Ok(Self { bucket: false, is_elsewhere: true, records });
        }
        let bucket = clients.bucket(scope);
        let (is_there, records) = tokio::join!(bucket.exists(), Records::read(ledger));
        match is_there? {
            true => Ok(Self { bucket: true, is_elsewhere: false, records: records? }),
            false => Ok(Self::default()),
        }
    }
}

/// The recorded releases.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    /// All of them, newest first.
    pub all: Vec<Release>,
    /// The one that is live.
    pub current: Option<CurrentRelease>,
}

impl Records {
    /// Reads them.
    pub async fn read(ledger: &Ledger) -> Result<Self> {
        let (all, current) = tokio::try_join!(ledger.releases(), ledger.current_id())?;
        let current = match current {
            None => None,
            Some(id) => match all.iter().find(|release| release.id == id) {
                Some(release) => Some(current_release(release)?),
                // The ledger says what is missing.
                None => Some(current_release(&ledger.release(id).await?)?),
            },
        };
        Ok(Self { all, current })
    }

    /// The task that a recorded release has registered under this ARN.
    pub fn task(&self, service: &str, definition: &str) -> Option<TaskSpec> {
        let release = self.all.iter().find(|release| {
            task_definitions(release).get(service).is_some_and(|arn| arn == definition)
        })?;
        let desired: Desired = serde_json::from_value(release.config.clone()).ok()?;
        desired.services.get(service).map(|spec| spec.task.clone())
    }

    /// The tag of an image that a recorded release has pushed, by its digest.
    pub fn tag(&self, digest: &str) -> Option<String> {
        let release = self.all.iter().find(|release| release.image.id == digest)?;
        release.image.reference.rsplit_once(':').map(|(_, tag)| tag.to_owned())
    }

    /// The recorded numbers, newest first. One above the live release was written down by a deploy
    /// that came no further: the next one goes on under its number.
    pub fn ids(&self) -> Vec<ReleaseId> {
        self.up_to(self.current.as_ref().map(|current| current.id))
    }

    fn up_to(&self, live: Option<ReleaseId>) -> Vec<ReleaseId> {
        self.begun().filter(|id| Some(*id) <= live).collect()
    }

    /// Every number that is written down, newest first.
    pub fn begun(&self) -> impl Iterator<Item = ReleaseId> {
        self.all.iter().map(|release| release.id)
    }
}

/// A release as it was recorded.
///
/// # Errors
/// The record is of another version of mizan.
pub fn current_release(release: &Release) -> Result<CurrentRelease> {
    let desired: Desired = serde_json::from_value(release.config.clone())
        .context(ErrorKind::Failed, || {
            format!("the record of release {} cannot be read", release.id)
        })?;
    let plane = desired
        .plane
        .clone()
        .and_then(|spec| Some(LivePlane { spec, recorded: cloud::Recorded::of(release)? }));
    Ok(CurrentRelease {
        id: release.id,
        plane,
        desired,
        task_definitions: task_definitions(release),
        digest: release.image.id.clone(),
    })
}

/// The ARNs of a release's task definitions, by service.
fn task_definitions(release: &Release) -> BTreeMap<String, String> {
    let services = release.inventory.iter().filter(|item| item.kind == "service");
    services
        .filter_map(|item| {
            Some((item.name.clone(), item.attributes.get("task_definition")?.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::{ImageRecord, InventoryItem};

    fn release(id: u64) -> Release {
        Release {
            id: ReleaseId(id),
            created: "2026-05-01T12:00:00Z".parse().expect("a timestamp"),
            git: None,
            image: ImageRecord {
                reference: format!("mizan/board/production:tag{id}"),
                id: format!("sha256:{id}"),
            },
            edge: None,
            render: None,
            schema: None,
            rollback_to: None,
            config: json!({}),
            inventory: vec![InventoryItem {
                kind: "service".into(),
                name: "web".into(),
                attributes: [("task_definition".to_owned(), format!("arn:{id}"))].into(),
            }],
        }
    }

    #[test]
    fn a_digest_leads_to_the_tag_that_was_pushed() {
        let records = Records { all: vec![release(2), release(1)], current: None };
        assert_eq!(records.tag("sha256:1").as_deref(), Some("tag1"));
        assert_eq!(records.tag("sha256:3"), None);
        assert_eq!(task_definitions(&records.all[0])["web"], "arn:2");
    }

    #[test]
    fn a_record_above_the_live_release_was_only_begun() {
        let records = Records { all: vec![release(2), release(1)], current: None };
        assert_eq!(records.up_to(Some(ReleaseId(1))), [ReleaseId(1)]);
        assert_eq!(records.up_to(None), []);
        assert_eq!(records.begun().max(), Some(ReleaseId(2)));
    }

    #[test]
    fn a_record_that_makes_no_sense_is_named() {
        let error = current_release(&release(7)).expect_err("no configuration");
        assert_eq!(error.message, "the record of release r7 cannot be read");
    }
}
