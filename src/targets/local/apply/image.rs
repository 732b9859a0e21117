//! The image of a deploy from source, foreign images, and what is taken out of the image.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::{
    super::{names::Labels, observe::ContainerRole},
    LocalExecutor,
};
use crate::{
    docker::{credentials_for, is_missing, registry_host},
    engine::{StepContext, StepOutput},
    error::{Error, ErrorKind, Result},
    images::{self, Artifacts, ImageId},
    targets::Source,
    workers::policy::Policy,
};

impl LocalExecutor {
    fn source(&self) -> Result<&Source> {
        self.source.as_ref().ok_or_else(|| Error::failed("this plan has no source"))
    }

    /// The image exists on the engine.
    pub(super) async fn build_image(&self, context: &StepContext<'_>) -> Result<StepOutput> {
        let Source { app, lock, refresh, .. } = self.source()?;
        let built = images::build(&self.docker, app, lock, *refresh, context).await?;
        Ok(StepOutput::from([("image".to_owned(), built.reference)]))
    }

    /// Bundle, assets and schema lie in the cache.
    pub(super) async fn take_artifacts(&self, context: &StepContext<'_>) -> Result<StepOutput> {
        let artifacts = self.artifacts(context).await?;
        if let Some(Source { app, .. }) = &self.source {
            // A schema that is invalid, or that mizan.yaml does not fit, stops the deploy here,
            // before anything of the environment is changed.
            Policy::foreseen(app, Some(&artifacts))?;
        }
        Ok(StepOutput::new())
    }

    /// What was taken out of the image, or is taken out of it now.
    pub(super) async fn artifacts(&self, context: &StepContext<'_>) -> Result<Artifacts> {
        let desired = self.desired()?;
        let reference = self.resolve_image(&desired.image, context)?;
        let image = self.image_id(&reference).await?;
        let request = &desired.artifacts;
        let root = self.state.artifacts();
        match images::cached(&image, request, &root) {
            Some(artifacts) => Ok(artifacts),
            None => {
                let mut labels = self.scope.labels();
                labels.insert(Labels::ROLE.to_owned(), ContainerRole::Artifacts.label().to_owned());
                images::extract(&self.docker, &image, labels, request, &root, context).await
            }
        }
    }

    pub(super) async fn image_id(&self, reference: &str) -> Result<ImageId> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(ImageId(image.id.unwrap_or_default())),
            Err(error) if is_missing(&error) => {
                Err(Error::failed(format!("the image {reference} is not on the engine"))
                    .hint("run `mizan deploy`, which builds it"))
            }
            Err(error) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("cannot look at the image {reference}"),
            )
            .because(&error)),
        }
    }

    /// An accessory's image is on the engine; it is pulled if it is not.
    pub(super) async fn ensure_foreign_image(
        &self,
        reference: &str,
        context: &StepContext<'_>,
    ) -> Result<()> {
        if self.docker.inspect_image(reference).await.is_ok() {
            return Ok(());
        }
        context.progress(format!("pulling {reference}"));
        let host = registry_host(reference);
        let credentials = credentials_for(host).await?.map(|found| found.to_docker(host));
        let options = CreateImageOptionsBuilder::default().from_image(reference).build();
        let mut pull = self.docker.create_image(Some(options), None, credentials);
        while let Some(news) = pull.next().await {
            if context.cancel.is_cancelled() {
                return Err(super::cancelled());
            }
            news.map_err(|error| {
                Error::new(ErrorKind::Unavailable, format!("cannot pull {reference}"))
                    .because(&error)
            })?;
        }
        Ok(())
    }
}
