//! The images in the registry, and what Edge and Render need of the app's on this machine.

use bollard::{Docker, query_parameters::CreateImageOptionsBuilder};
use futures_util::TryStreamExt;

use super::InstancesExecutor;
use crate::{
    docker,
    engine::{StepContext, StepOutput},
    error::{Context, Error, ErrorKind, Result},
    images::{self, Artifacts, ImageId},
    plan::Late,
    targets::{
        Source,
        azure::{paths::version, registry::Registry},
    },
    workers::policy::Policy,
};

/// The only processor that Container Instances have.
const ARCHITECTURE: &str = "amd64";

impl InstancesExecutor {
    fn source(&self) -> Result<&Source> {
        self.source.as_ref().ok_or_else(|| Error::failed("this plan has no source"))
    }

    /// The host of the registry, as Azure tells it.
    pub(super) async fn login_server(&self) -> Result<&str> {
        let ask = async || {
            let name = self.scope.registry();
            let path = self.scope.registry_path(&name);
            let found = self.clients.arm.get(&path, version::REGISTRIES).await?;
            let found =
                found.ok_or_else(|| Error::failed(format!("there is no registry {name}")))?;
            let server = found["properties"]["loginServer"].as_str();
            let untold = || Error::failed(format!("Azure does not tell the host of {name}"));
            server.map(str::to_owned).ok_or_else(untold)
        };
        self.login_server.get_or_try_init(ask).await.map(String::as_str)
    }

    pub(super) async fn registry(&self) -> Result<Registry> {
        Ok(Registry::new(&self.clients, self.login_server().await?))
    }

    /// The image is in the registry. Its outputs are `digest` and `image`, the tag.
    pub(super) async fn push_image(
        &self,
        image: &Late<String>,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let Source { app, lock, refresh, .. } = self.source()?;
        let engine = docker::connect().await?;
        let built = images::build(&engine, app, lock, *refresh, context).await?;
        let tag = built.reference.rsplit_once(':').map_or(built.reference.as_str(), |(_, tag)| tag);
        require_planned(image, tag)?;
        require_architecture(&engine, &built.id).await?;
        let (registry, repository) = (self.registry().await?, self.scope.app.as_str());
        // Whoever pushed the same content from elsewhere meanwhile has done our work.
        let digest = match registry.digest(repository, tag).await? {
            Some(digest) => digest,
            None => registry.push(&engine, &built.reference, repository, tag, context).await?,
        };
        Ok(StepOutput::from([("image".to_owned(), tag.to_owned()), ("digest".to_owned(), digest)]))
    }

    /// The sidecar's image is in the registry; this machine's engine fetches it, if it has it not.
    pub(super) async fn push_sidecar(&self, image: &str, context: &StepContext<'_>) -> Result<()> {
        let registry = self.registry().await?;
        let (repository, tag) = image.split_once(':').unwrap_or((image, "latest"));
        if registry.digest(repository, tag).await?.is_some() {
            return Ok(());
        }
        let engine = docker::connect().await?;
        if images::id_of(&engine, image).await?.is_none() {
            context.progress(format!("fetching {image}"));
            let options =
                CreateImageOptionsBuilder::new().from_image(image).platform("linux/amd64").build();
            let fetched = engine.create_image(Some(options), None, None);
            fetched.try_for_each(async |_| Ok(())).await.context(ErrorKind::Unavailable, || {
                format!("cannot fetch {image}, which ends TLS before the web service")
            })?;
        }
        registry.push(&engine, image, repository, tag, context).await.map(drop)
    }

    /// The image's tag, from the plan or from the step that built it.
    pub(super) fn image_tag(
        &self,
        image: &Late<String>,
        context: &StepContext<'_>,
    ) -> Result<String> {
        match image {
            Late::Known(tag) => Ok(tag.clone()),
            Late::After(step) => context
                .output(step, "image")
                .map(str::to_owned)
                .ok_or_else(|| Error::failed(format!("{step} did not tell its image"))),
        }
    }

    /// The image's digest, from the step that pushed it or from the registry.
    pub(super) async fn image_digest(
        &self,
        image: &Late<String>,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let tag = self.image_tag(image, context)?;
        let pushed = context.outputs.values().find(|output| output.get("image") == Some(&tag));
        if let Some(digest) = pushed.and_then(|output| output.get("digest")) {
            return Ok(digest.clone());
        }
        // Only while the plan is about this very image was its digest looked for.
        let desired = self.desired.as_ref().map(|desired| &desired.image);
        if desired == Some(image)
            && let Some(seen) = &self.observed.image_digest
        {
            return Ok(seen.clone());
        }
        let digest = self.registry().await?.digest(self.scope.app.as_str(), &tag).await?;
        digest.ok_or_else(|| {
            Error::failed(format!("the registry has no image {tag}"))
                .hint("run `mizan deploy`, which builds and pushes it")
        })
    }

    /// Bundle, assets and schema lie in the cache of this machine.
    pub(super) async fn take_artifacts(&self, context: &StepContext<'_>) -> Result<()> {
        let artifacts = self.artifacts_of_image(context).await?;
        // A schema that is invalid, or that mizan.yaml does not fit, stops the deploy here, before
        // anything of the environment is changed.
        Policy::foreseen(&self.source()?.app, Some(&artifacts)).map(drop)
    }

    /// What was taken out of the image, or is taken out of it now.
    pub(super) async fn artifacts_of_image(&self, context: &StepContext<'_>) -> Result<Artifacts> {
        let engine = docker::connect().await?;
        let image = self.image_on_engine(&engine, context).await?;
        let request = &self.desired()?.artifacts;
        if let Some(artifacts) = images::cached(&image, request, &self.artifacts) {
            return Ok(artifacts);
        }
        let tags = self.scope.tags().into_iter().collect();
        images::extract(&engine, &image, tags, request, &self.artifacts, context).await
    }

    /// An image that another machine pushed is built here: the same content gives the same files.
    async fn image_on_engine(&self, engine: &Docker, context: &StepContext<'_>) -> Result<ImageId> {
        let Source { app, lock, refresh, .. } = self.source()?;
        let tag = self.image_tag(&self.desired()?.image, context)?;
        match images::id_of(engine, &format!("mizan/{}:{tag}", app.name)).await? {
            Some(image) => Ok(image),
            None => Ok(images::build(engine, app, lock, *refresh, context).await?.id),
        }
    }
}

fn require_planned(planned: &Late<String>, built: &str) -> Result<()> {
    match planned {
        Late::Known(planned) if planned != built => {
            Err(Error::failed("the app's files changed after the plan was made")
                .cause(format!("the plan is about image {planned}, the files give {built}"))
                .hint("run the command again: it plans with the files as they are now"))
        }
        _ => Ok(()),
    }
}

/// Container Instances would tell of a wrong processor only by a crash: `exec format error`.
async fn require_architecture(engine: &Docker, image: &ImageId) -> Result<()> {
    let inspected = engine.inspect_image(&image.0).await.context(ErrorKind::Failed, || {
        "the engine does not tell the image's processor".to_owned()
    })?;
    let built = inspected.architecture.unwrap_or_default();
    if built == ARCHITECTURE {
        return Ok(());
    }
    let message =
        format!("the image is built for {built}, but Container Instances run {ARCHITECTURE}");
    Err(Error::new(ErrorKind::Invalid, message)
        .hint(format!("set build.platform to linux/{ARCHITECTURE}")))
}
