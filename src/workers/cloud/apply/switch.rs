//! Which versions take the requests.

use super::{Plane, Supplies, VERSION};
use crate::{
    cloudflare::VersionId,
    engine::StepContext,
    error::{Error, Result},
    model::ReleaseId,
    workers::cloud::{names::Kind, op::Pick},
};

impl<S: Supplies> Plane<'_, S> {
    /// All requests go to these versions. Render's earlier version stays within reach: an Edge that
    /// has not heard of the switch yet asks for it.
    pub(super) async fn switch(
        &self,
        edge: &Pick,
        render: &Pick,
        release: ReleaseId,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let message = format!("mizan {release}");
        if let Some(version) = self.picked(Kind::Render, render, context)? {
            let active = self.active_version(Kind::Render).await?.map(VersionId);
            if active.as_ref() != Some(&version) {
                let before = active.map(|active| (active, 0.0));
                let versions: Vec<_> = [(version, 100.0)].into_iter().chain(before).collect();
                self.deploy(Kind::Render, render, &versions, &message).await?;
            }
        }
        let Some(version) = self.picked(Kind::Edge, edge, context)? else { return Ok(()) };
        if self.active_version(Kind::Edge).await?.as_deref() == Some(version.0.as_str()) {
            return Ok(());
        }
        self.deploy(Kind::Edge, edge, &[(version, 100.0)], &message).await
    }

    /// An earlier version comes back with the secrets that it had: Cloudflare wants to be told that
    /// this is meant.
    async fn deploy(
        &self,
        kind: Kind,
        pick: &Pick,
        versions: &[(VersionId, f64)],
        message: &str,
    ) -> Result<()> {
        let (account, name) = (self.account, self.name(kind));
        match pick {
            Pick::Version(_) => {
                self.cloudflare.deploy_with_old_secrets(account, &name, versions, message).await
            }
            _ => self.cloudflare.deploy(account, &name, versions, message).await,
        }
    }

    fn picked(
        &self,
        kind: Kind,
        pick: &Pick,
        context: &StepContext<'_>,
    ) -> Result<Option<VersionId>> {
        match pick {
            Pick::Untouched => Ok(None),
            Pick::Version(version) => Ok(Some(VersionId(version.clone()))),
            Pick::Uploaded => {
                let uploaded = context.output(&self.step(kind), VERSION);
                let recorded = self.live.and_then(|live| live.recorded.version(kind));
                let version = uploaded.or(recorded);
                let version = version.ok_or_else(|| {
                    Error::failed(format!("{} did not tell its version", self.step(kind)))
                })?;
                Ok(Some(VersionId(version.to_owned())))
            }
        }
    }

    /// The version takes all requests of its script.
    pub(super) async fn deploy_whole(
        &self,
        kind: Kind,
        version: &VersionId,
        message: &str,
    ) -> Result<()> {
        if self.active_version(kind).await?.as_deref() == Some(version.0.as_str()) {
            return Ok(());
        }
        let versions = [(version.clone(), 100.0)];
        self.cloudflare.deploy(self.account, &self.name(kind), &versions, message).await
    }
}
