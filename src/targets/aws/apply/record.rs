//! Releases in the ledger: recorded, taken back, forgotten.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::ImageIdentifier;
use jiff::Timestamp;

use super::{
    super::{
        desired::Desired,
        failure::{code, failure},
    },
    AwsExecutor,
    service::finder,
};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Context, ErrorKind, Result},
    ledger::{ImageRecord, InventoryItem, Release},
    model::ReleaseId,
    plan::StepId,
};

impl AwsExecutor {
    /// The ledger knows the release and names it the current one.
    pub(super) async fn record_release(
        &self,
        id: ReleaseId,
        rollback_to: Option<ReleaseId>,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        // An interrupted deploy may have written the record without pointing to it, and the source
        // may have changed since.
        if self.ledger.has(id).await? {
            self.ledger.forget(id).await?;
        }
        let desired = self.desired()?.resolved(&finder(context));
        let tag = self.image_tag(&desired.image, context)?;
        let workers = self.recorded_workers(context)?;
        let release = Release {
            id,
            created: Timestamp::now(),
            git: self.source.as_ref().and_then(|source| source.git.clone()),
            image: ImageRecord {
                reference: format!("{}:{tag}", self.scope.repository()),
                id: self.image_digest(&desired.image, context).await?,
            },
            edge: workers.as_ref().and_then(|workers| workers.edge.clone()),
            render: workers.as_ref().and_then(|workers| workers.render.clone()),
            schema: None,
            inventory: self
                .inventory(&desired, context)
                .into_iter()
                .chain(workers.iter().zip(&desired.plane).flat_map(|(it, spec)| it.inventory(spec)))
                .collect(),
            rollback_to,
            config: serde_json::to_value(&desired)
                .context(ErrorKind::Failed, || "cannot describe the release".into())?,
        };
        self.ledger.record(&release).await?;
        Ok(StepOutput::new())
    }

    /// What the release created or runs on: by it, what is no longer wanted is found.
    fn inventory(&self, desired: &Desired, context: &StepContext<'_>) -> Vec<InventoryItem> {
        let things = desired.things.iter().map(|thing| {
            let id = thing.id();
            let arn = self.found(&id, "arn", context).map(|arn| ("arn".to_owned(), arn));
            InventoryItem {
                kind: id.kind.to_string(),
                name: id.name,
                attributes: arn.into_iter().collect(),
            }
        });
        let services = desired.services.keys().map(|name| InventoryItem {
            kind: "service".to_owned(),
            name: name.clone(),
            attributes: self.service_attributes(name, context),
        });
        things.chain(services).collect()
    }

    /// The ARNs of a service and of the task definition it runs now.
    fn service_attributes(
        &self,
        name: &str,
        context: &StepContext<'_>,
    ) -> BTreeMap<String, String> {
        const KEYS: [&str; 2] = ["arn", "task_definition"];
        let step = StepId::new("service", name);
        let put = KEYS.iter().filter_map(|key| Some((*key, context.output(&step, key)?)));
        let put: BTreeMap<_, _> =
            put.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if !put.is_empty() {
            return put;
        }
        let seen = self.observed.services.get(name).and_then(|seen| seen.present());
        let seen = seen.map(|seen| [seen.arn.clone(), seen.task_definition.clone()]);
        let pairs = seen.into_iter().flat_map(|values| KEYS.into_iter().zip(values));
        pairs.map(|(key, value)| (key.to_owned(), value)).collect()
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

    /// A release is forgotten: its image, unless another release runs the same, then its record.
    /// Its task definitions stay: ECS keeps them as the history.
    pub(super) async fn forget_release(
        &self,
        release: ReleaseId,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let releases = self.ledger.releases().await?;
        let digest = releases.iter().find(|it| it.id == release).map(|it| it.image.id.clone());
        let others = releases.iter().filter(|it| it.id != release);
        let needed: Vec<_> = others.map(|it| it.image.id.clone()).collect();
        if let Some(digest) = digest.filter(|digest| !needed.contains(digest)) {
            context.progress(format!("removing image {digest}"));
            self.delete_image(&digest).await?;
        }
        self.ledger.forget(release).await?;
        Ok(StepOutput::new())
    }

    /// No tag leads to the image any more, and it is gone.
    async fn delete_image(&self, digest: &str) -> Result<()> {
        let delete = self.clients.ecr.batch_delete_image().repository_name(self.scope.repository());
        let delete = delete.image_ids(ImageIdentifier::builder().image_digest(digest).build());
        match delete.send().await {
            // One that is gone already is told as a failure of its own.
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some("RepositoryNotFoundException") => Ok(()),
            Err(error) => Err(failure(format!("cannot remove image {digest}"), error)),
        }
    }
}
