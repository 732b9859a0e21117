//! The Workers before the load balancer: what they need of this target.

use super::{super::resolve::origin, AwsExecutor, service::finder};
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    images::Artifacts,
    plan::{Late, Undo},
    secret::SecretValue,
    workers::{
        cloud::{self, CloudSpec, LivePlane, Plane, Recorded, Scripts, SeenPlane, Supplies},
        purge::PURGE_KEY,
    },
};

/// What a plane borrows for as long as one operation runs.
struct Owned {
    scripts: Scripts,
    account: String,
    seen: SeenPlane,
}

impl AwsExecutor {
    /// Something of the Workers.
    pub(super) async fn worker(
        &self,
        op: &cloud::Op,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let owned = self.owned()?;
        self.plane(&owned)?.apply(op, context).await
    }

    /// What an operation made of them is taken back.
    pub(super) async fn unmake_worker(
        &self,
        op: &cloud::Op,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let owned = self.owned()?;
        self.plane(&owned)?.undo(op, &Undo::Delete, context).await
    }

    /// What this deploy made of the Workers, for the record.
    pub(super) fn recorded_workers(&self, context: &StepContext<'_>) -> Result<Option<Recorded>> {
        if self.spec().is_none() {
            return Ok(None);
        }
        let owned = self.owned()?;
        self.plane(&owned)?.recorded(self.returning.as_ref(), context).map(Some)
    }

    fn spec(&self) -> Option<&CloudSpec> {
        self.desired.as_ref()?.plane.as_ref()
    }

    fn live_plane(&self) -> Option<&LivePlane> {
        self.observed.current.as_ref()?.plane.as_ref()
    }

    fn owned(&self) -> Result<Owned> {
        let spec = self.spec().or(self.live_plane().map(|live| &live.spec));
        let spec = spec.ok_or_else(|| Error::failed("nobody knows the account of the Workers"))?;
        Ok(Owned {
            scripts: spec.scripts.clone(),
            account: spec.account.clone(),
            seen: self.observed.plane.clone().unwrap_or_default(),
        })
    }

    fn plane<'a>(&'a self, owned: &'a Owned) -> Result<Plane<'a, Self>> {
        let cloudflare = self.cloudflare.as_ref().ok_or_else(cloud::doctor::missing_token)?;
        Ok(Plane {
            cloudflare,
            account: &owned.account,
            scripts: &owned.scripts,
            spec: self.spec(),
            seen: &owned.seen,
            live: self.live_plane(),
            supplies: self,
        })
    }
}

impl Supplies for AwsExecutor {
    async fn artifacts(&self, context: &StepContext<'_>) -> Result<Artifacts> {
        self.artifacts_of_image(context).await
    }

    fn origin(&self, late: &Late<String>, context: &StepContext<'_>) -> Result<String> {
        match origin(late, &finder(context)) {
            Late::Known(origin) => Ok(origin),
            Late::After(step) => {
                Err(Error::failed(format!("{step} did not tell the load balancer's name")))
            }
        }
    }

    async fn origin_secret(&self) -> Result<Option<SecretValue>> {
        self.secret_value(&self.scope.origin_secret()).await.map(Some)
    }

    async fn purge_key(&self) -> Result<Option<SecretValue>> {
        self.secret_value(&self.scope.secret(PURGE_KEY)).await.map(Some)
    }

    async fn earlier(&self) -> Result<Vec<Recorded>> {
        let releases = self.ledger.releases().await?;
        Ok(releases.iter().filter_map(Recorded::of).collect())
    }
}
