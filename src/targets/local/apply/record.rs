//! The end of a deploy: the release is recorded, the one before is retired, old ones forgotten.

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::{super::desired::Desired, LocalExecutor};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Context, ErrorKind, Result},
    ledger::{ImageRecord, InventoryItem, Release},
    model::ReleaseId,
    plan::Late,
};

impl LocalExecutor {
    /// The ledger knows the release and names it the current one.
    pub(super) async fn record_release(
        &self,
        id: ReleaseId,
        rollback_to: Option<ReleaseId>,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        // An interrupted deploy may have written the record without pointing to it.
        if self.ledger.has(id).await? {
            self.ledger.set_current(id).await?;
            return Ok(StepOutput::new());
        }
        let desired = self.resolved(id, context)?;
        let release = Release {
            id,
            created: Timestamp::now(),
            git: self.source.as_ref().and_then(|source| source.git.clone()),
            image: self.image_record(&desired).await?,
            edge: desired.plane.as_ref().and_then(|plane| known(&plane.edge)),
            render: desired.plane.as_ref().and_then(|plane| known(plane.render.as_ref()?)),
            schema: desired.plane.as_ref().and_then(|plane| plane.summary.get("schema").cloned()),
            inventory: inventory(&desired, id),
            rollback_to,
            config: serde_json::to_value(&desired)
                .context(ErrorKind::Failed, || "cannot describe the release".into())?,
        };
        self.ledger.record(&release).await?;
        Ok(StepOutput::new())
    }

    /// The ledger is as if the release had never been recorded.
    pub(super) async fn unrecord_release(
        &self,
        id: ReleaseId,
        before: Option<ReleaseId>,
    ) -> Result<StepOutput> {
        // The pointer goes first: it never points to nothing.
        match before {
            Some(before) => self.ledger.set_current(before).await?,
            None => self.ledger.clear_current().await?,
        }
        self.ledger.forget(id).await?;
        Ok(StepOutput::new())
    }

    /// What was desired, with everything the steps before found out.
    fn resolved(&self, id: ReleaseId, context: &StepContext<'_>) -> Result<Desired> {
        let mut desired = self.desired()?.clone();
        desired.image = Late::Known(self.resolve_image(&desired.image, context)?);
        for spec in desired.services.values_mut() {
            *spec = self.resolve_spec(spec, context)?;
        }
        if let Some(step) = &mut desired.release_step {
            step.image = desired.image.clone();
            self.fill_fingerprints(&mut step.env);
        }
        if desired.plane.is_some() {
            desired.plane = self.state.read_plane(id)?;
        }
        Ok(desired)
    }

    async fn image_record(&self, desired: &Desired) -> Result<ImageRecord> {
        let reference = known(&desired.image).unwrap_or_default();
        Ok(ImageRecord { id: self.image_id(&reference).await?.0, reference })
    }

    /// The containers and Workers of a release that no longer takes traffic are drained and gone.
    pub(super) async fn retire_release(
        &self,
        release: ReleaseId,
        containers: &[String],
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let drain = self.desired()?.drain();
        context.progress("waiting for its last requests");
        let open = self.drain_traffic(release, drain).await?;
        context.progress(match open {
            0 => "stopping its containers".to_owned(),
            open => format!("stopping its containers; {open} connections are still open"),
        });
        // The containers stop before their Workers: what they say when they stop (a WebSocket's
        // close frame) still reaches the visitor.
        let engine = self.containers();
        try_join_all(containers.iter().map(|name| engine.remove(name))).await?;
        self.retire_traffic(release).await?;
        // A rollback and the pages that are still open need the files of recorded releases only.
        if !self.ledger.has(release).await? {
            self.drop_generation(release).await?;
        }
        Ok(StepOutput::new())
    }

    pub(super) async fn remove_container(&self, container: &str) -> Result<StepOutput> {
        self.containers().remove(container).await?;
        Ok(StepOutput::new())
    }

    /// A release is forgotten: record, Workers, and the images that no release runs any more.
    pub(super) async fn forget_release(
        &self,
        release: ReleaseId,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        self.drop_generation(release).await?;
        self.ledger.forget(release).await?;
        self.remove_images(context).await
    }
}

fn known(value: &Late<String>) -> Option<String> {
    match value {
        Late::Known(text) => Some(text.clone()),
        Late::After(_) => None,
    }
}

/// What the release created.
fn inventory(desired: &Desired, release: ReleaseId) -> Vec<InventoryItem> {
    let item = |kind: &str, name: String| InventoryItem {
        kind: kind.to_owned(),
        name,
        attributes: Default::default(),
    };
    let scope = &desired.scope;
    let services =
        desired.released().map(|(name, _)| item("container", scope.container(name, release)));
    let accessories = desired.services.iter().filter(|(_, spec)| spec.is_accessory());
    let accessories = accessories.map(|(name, _)| item("container", scope.accessory(name)));
    let volumes = desired.volumes().into_iter().map(|name| item("volume", scope.volume(name)));
    let network = item("network", scope.prefix());
    services.chain(accessories).chain(volumes).chain([network]).collect()
}
