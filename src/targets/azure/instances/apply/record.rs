//! Releases in the ledger: recorded, taken back, forgotten.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{super::observe::GROUP, InstancesExecutor};
use crate::{
    engine::StepContext,
    error::{Context, ErrorKind, Result},
    ledger::{ImageRecord, InventoryItem, Release},
    model::ReleaseId,
};

impl InstancesExecutor {
    /// The ledger knows the release and names it the current one.
    pub(super) async fn record_release(
        &self,
        id: ReleaseId,
        rollback_to: Option<ReleaseId>,
        groups: &BTreeMap<String, String>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        // An interrupted deploy may have written the record without pointing to it, and the source
        // may have changed since.
        if self.ledger.has(id).await? {
            self.ledger.forget(id).await?;
        }
        let desired = self.desired()?.resolved(&self.found(context));
        let tag = self.image_tag(&desired.image, context)?;
        let workers = self.recorded_workers(context)?;
        let things = desired.things.iter().map(|thing| {
            let id = thing.id();
            InventoryItem { kind: id.kind.to_string(), name: id.name, attributes: BTreeMap::new() }
        });
        let used = groups.iter().map(|(service, group)| InventoryItem {
            kind: GROUP.to_owned(),
            name: group.clone(),
            attributes: BTreeMap::from([("service".to_owned(), service.clone())]),
        });
        let release = Release {
            id,
            created: Timestamp::now(),
            git: self.source.as_ref().and_then(|source| source.git.clone()),
            image: ImageRecord {
                reference: format!("{}:{tag}", self.scope.app),
                id: self.image_digest(&desired.image, context).await?,
            },
            edge: workers.edge.clone(),
            render: workers.render.clone(),
            schema: None,
            inventory: things.chain(used).chain(workers.inventory(&desired.plane)).collect(),
            rollback_to,
            config: serde_json::to_value(&desired)
                .context(ErrorKind::Failed, || "cannot describe the release".into())?,
        };
        self.ledger.record(&release).await
    }

    /// The ledger is as if the release had never been recorded.
    pub(super) async fn unrecord_release(
        &self,
        id: ReleaseId,
        before: Option<ReleaseId>,
    ) -> Result<()> {
        // The pointer goes first: it never points to nothing.
        match before {
            Some(before) => self.ledger.set_current(before).await?,
            None => self.ledger.clear_current().await?,
        }
        self.ledger.forget(id).await
    }

    /// A release is forgotten: its image, unless another release runs the same, then its record.
    pub(super) async fn forget_release(
        &self,
        release: ReleaseId,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let releases = self.ledger.releases().await?;
        let digest = releases.iter().find(|it| it.id == release).map(|it| &it.image.id);
        let mut others = releases.iter().filter(|it| it.id != release);
        if let Some(digest) = digest.filter(|digest| !others.any(|it| it.image.id == **digest)) {
            context.progress(format!("removing image {digest}"));
            self.registry().await?.delete(self.scope.app.as_str(), digest).await?;
        }
        self.ledger.forget(release).await
    }
}
