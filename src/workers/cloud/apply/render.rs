//! Render: a version that is asked for by name, beside the one that takes the requests.

use super::{HASH, Plane, Supplies, VERSION, upload::Draft};
use crate::{
    cloudflare::{Binding, VersionId},
    engine::{StepContext, StepOutput},
    error::Result,
    workers::cloud::{content::Content, names::Kind},
};

impl<S: Supplies> Plane<'_, S> {
    /// There is a version with this deploy's bundle. The live one will do, if it has the same.
    pub(super) async fn upload_render(&self, context: &StepContext<'_>) -> Result<StepOutput> {
        let artifacts = self.supplies.artifacts(context).await?;
        let content = Content::read(self.spec()?, &artifacts)?;
        let hash = content.render_hash();
        if let Some(version) = self.live_render(&hash) {
            context.progress("the same as before");
            return Ok(output(version, hash));
        }
        let settings = self.own_settings(Kind::Render).await?;
        let draft = Draft {
            modules: content.render_modules(),
            // By it a version can say that it is the one which has answered.
            bindings: vec![Binding::VersionMetadata { name: "VERSION".into() }],
            more: Vec::new(),
            tag: "render".to_owned(),
            migrations: None,
            assets: None,
            without: &[],
        };
        let version = self.ensure_version(Kind::Render, settings.as_ref(), draft).await?;
        self.deploy_beside(&version).await?;
        Ok(output(version.0, hash))
    }

    /// The live version, if it has this content and is the one that was recorded.
    fn live_render(&self, hash: &str) -> Option<String> {
        let recorded = &self.live?.recorded;
        let same = recorded.render_hash.as_deref() == Some(hash);
        let version = recorded.render.clone().filter(|_| same)?;
        (self.seen.version(Kind::Render) == Some(&version)).then_some(version)
    }

    /// An earlier version can be asked for.
    pub(super) async fn stage_render(&self, version: &str) -> Result<StepOutput> {
        self.deploy_beside(&VersionId(version.to_owned())).await?;
        Ok(StepOutput::from([(VERSION.to_owned(), version.to_owned())]))
    }

    /// The version is part of the deployment, and takes only what asks for it: an Edge names the
    /// version of Render that it was released with.
    /// (<https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/>)
    async fn deploy_beside(&self, version: &VersionId) -> Result<()> {
        let active = self.active_version(Kind::Render).await?.map(VersionId);
        let versions = match active {
            Some(active) if active == *version => return Ok(()),
            Some(active) => vec![(active, 100.0), (version.clone(), 0.0)],
            None => vec![(version.clone(), 100.0)],
        };
        let name = self.name(Kind::Render);
        self.cloudflare.deploy(self.account, &name, &versions, "mizan: a version to be asked").await
    }
}

fn output(version: String, hash: String) -> StepOutput {
    StepOutput::from([(VERSION.to_owned(), version), (HASH.to_owned(), hash)])
}
