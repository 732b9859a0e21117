//! The Workers before the groups: what they need of this target.

use std::time::Duration;

use super::{super::spec::UNTIL_HEARD, InstancesExecutor};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    images::Artifacts,
    plan::{Late, Undo},
    secret::SecretValue,
    workers::{
        cloud::{self, CloudSpec, Plane, Recorded, Supplies},
        purge::PURGE_KEY,
    },
};

impl InstancesExecutor {
    /// Something of the Workers.
    pub(super) async fn worker(
        &self,
        op: &cloud::Op,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let spec = self.plane_spec(context)?;
        self.plane(spec.as_ref())?.apply(op, context).await
    }

    /// Visitors are at the live release again when this is done. Deleting the group that they came
    /// to any sooner would fail the requests of those whose Edge has not heard of it yet.
    pub(super) async fn lead_back(&self, origin: &str, context: &StepContext<'_>) -> Result<()> {
        let put = cloud::Op::PutHub { origin: Late::Known(origin.to_owned()), mark: None };
        self.worker(&put, context).await?;
        context.progress("waiting until every Edge has heard of it");
        self.clock.sleep(Duration::from_secs(UNTIL_HEARD)).await;
        Ok(())
    }

    /// What an operation made of them is taken back.
    pub(super) async fn unmake_worker(
        &self,
        op: &cloud::Op,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let spec = self.plane_spec(context)?;
        self.plane(spec.as_ref())?.undo(op, &Undo::Delete, context).await
    }

    /// What this deploy made of the Workers, for the record.
    pub(super) fn recorded_workers(&self, context: &StepContext<'_>) -> Result<Recorded> {
        let spec = self.plane_spec(context)?;
        let returning = self.returning.as_ref().map(|release| &release.plane.recorded);
        self.plane(spec.as_ref())?.recorded(returning, context)
    }

    /// The Workers' specification with the origin of this release, which the plan knows.
    fn plane_spec(&self, context: &StepContext<'_>) -> Result<Option<CloudSpec>> {
        let Some(desired) = &self.desired else { return Ok(None) };
        let plane = desired.resolved(&self.found(context)).plane;
        let origin = Late::Known(self.origin.clone().unwrap_or_default());
        Ok(Some(CloudSpec { origin, ..plane }))
    }

    fn plane<'a>(&'a self, spec: Option<&'a CloudSpec>) -> Result<Plane<'a, Self>> {
        let live = self.observed.current.as_ref().map(|current| &current.plane);
        let known = spec.or(live.map(|live| &live.spec));
        let known =
            known.ok_or_else(|| Error::failed("nobody knows the account of the Workers"))?;
        Ok(Plane {
            cloudflare: self.cloudflare.as_ref().ok_or_else(cloud::doctor::missing_token)?,
            account: &known.account,
            scripts: &known.scripts,
            spec,
            seen: &self.observed.plane,
            live,
            supplies: self,
        })
    }
}

impl Supplies for InstancesExecutor {
    async fn artifacts(&self, context: &StepContext<'_>) -> Result<Artifacts> {
        self.artifacts_of_image(context).await
    }

    fn origin(&self, origin: &Late<String>, _: &StepContext<'_>) -> Result<String> {
        match origin {
            Late::Known(origin) => Ok(origin.clone()),
            Late::After(step) => Err(Error::failed(format!("{step} did not tell the origin"))),
        }
    }

    async fn origin_secret(&self) -> Result<Option<SecretValue>> {
        self.origin_secret_value().await.map(Some)
    }

    async fn purge_key(&self) -> Result<Option<SecretValue>> {
        self.secrets.read().await.value(&self.scope.secret(PURGE_KEY)).await.map(Some)
    }

    async fn earlier(&self) -> Result<Vec<Recorded>> {
        let releases = self.ledger.releases().await?;
        Ok(releases.iter().filter_map(Recorded::of).collect())
    }
}
