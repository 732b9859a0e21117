//! The image in the repository, and what Edge and Render need of it on this machine.

use aws_sdk_ecr::{operation::describe_images::DescribeImagesError, types::ImageIdentifier};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bollard::{Docker, auth::DockerCredentials};

use super::{
    super::{failure::failure, overrides, spec::Architecture},
    AwsExecutor,
};
use crate::{
    docker,
    engine::{StepContext, StepOutput},
    error::{Context, Error, ErrorKind, Result},
    images::{self, Artifacts, ImageId, Pushed, Remote},
    plan::Late,
    targets::Source,
    workers::policy::Policy,
};

impl AwsExecutor {
    fn source(&self) -> Result<&Source> {
        self.source.as_ref().ok_or_else(|| Error::failed("this plan has no source"))
    }

    /// The image is in the repository. A plan has this step only if it was not there. Its outputs
    /// are `digest` and `image`, the tag.
    pub(super) async fn push_image(
        &self,
        image: &Late<String>,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let Source { app, lock, refresh, .. } = self.source()?;
        let engine = docker::connect().await?;
        let built = images::build(&engine, app, lock, *refresh, context).await?;
        let tag = tag_of(&built.reference);
        self.require_planned(image, tag)?;
        let (_, pushed, credentials) = tokio::try_join!(
            self.require_architecture(&engine, &built.id),
            self.pushed_digest(tag),
            self.registry_credentials(),
        )?;
        // Whoever pushed the same content from elsewhere meanwhile has done our work.
        if let Some(digest) = pushed {
            return Ok(output(tag, digest));
        }
        let digest = self.push(&engine, &built.reference, tag, credentials, context).await?;
        Ok(output(tag, digest))
    }

    fn require_planned(&self, planned: &Late<String>, built: &str) -> Result<()> {
        match planned {
            Late::Known(planned) if planned != built => {
                Err(Error::failed("the app's files changed after the plan was made")
                    .cause(format!("the plan is about image {planned}, the files give {built}"))
                    .hint("run the command again: it plans with the files as they are now"))
            }
            _ => Ok(()),
        }
    }

    /// Fargate would tell of a wrong processor only by a crash: `exec format error`.
    async fn require_architecture(&self, engine: &Docker, image: &ImageId) -> Result<()> {
        let inspected = engine.inspect_image(&image.0).await.context(ErrorKind::Failed, || {
            "the engine does not tell the image's processor".to_owned()
        })?;
        let built = inspected.architecture.unwrap_or_default();
        for (name, service) in &self.desired()?.services {
            let wanted = match service.task.architecture {
                Architecture::X86 => "amd64",
                Architecture::Arm => "arm64",
            };
            if built != wanted {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("the image is built for {built}, but service {name} runs on {wanted}"),
                )
                .hint(format!("set build.platform to linux/{wanted}")));
            }
        }
        Ok(())
    }

    async fn push(
        &self,
        engine: &Docker,
        local: &str,
        tag: &str,
        credentials: DockerCredentials,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let repository = self.scope.repository();
        let remote = Remote {
            repository: format!("{}/{repository}", overrides::registry(&self.scope)),
            tag: tag.to_owned(),
        };
        context.progress(format!("pushing to {repository}:{tag}"));
        let pushed = images::push(engine, local, &remote, credentials, context).await?;
        let digest = self.pushed_digest(tag).await?.ok_or_else(|| {
            Error::failed(format!("{repository} does not have {tag}, although it was pushed"))
        })?;
        match pushed {
            // A tag is a hash of the content, so what is there under it will do as well.
            Pushed::TagExists => Ok(digest),
            Pushed::Done { digest: told } if told == digest => Ok(digest),
            Pushed::Done { digest: told } => {
                Err(Error::failed(format!("{repository}:{tag} is not what was pushed"))
                    .cause(format!("the registry has {digest}, the engine pushed {told}")))
            }
        }
    }

    /// Valid for twelve hours, for every repository of the account.
    async fn registry_credentials(&self) -> Result<DockerCredentials> {
        let what = "cannot sign in to the image registry";
        let answer = self.clients.ecr.get_authorization_token().send().await;
        let answer = answer.map_err(|error| failure(what, error))?;
        let token = answer.authorization_data().first().and_then(|data| data.authorization_token());
        let decoded = token.and_then(|token| STANDARD.decode(token).ok());
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let (user, password) = text
            .as_deref()
            .and_then(|text| text.split_once(':'))
            .ok_or_else(|| Error::failed(what).cause("its token is not `user:password`"))?;
        Ok(DockerCredentials {
            username: Some(user.to_owned()),
            password: Some(password.to_owned()),
            serveraddress: Some(overrides::registry(&self.scope)),
            ..DockerCredentials::default()
        })
    }

    /// The digest that a tag has in the repository, if it is there.
    pub(super) async fn pushed_digest(&self, tag: &str) -> Result<Option<String>> {
        let answer = self
            .clients
            .ecr
            .describe_images()
            .repository_name(self.scope.repository())
            .image_ids(ImageIdentifier::builder().image_tag(tag).build())
            .send()
            .await;
        match answer {
            // The emulator answers with an empty list where AWS answers with an error.
            Ok(found) => {
                Ok(found.image_details().first().and_then(|image| image.image_digest.clone()))
            }
            Err(error) => match error.as_service_error() {
                Some(DescribeImagesError::ImageNotFoundException(_)) => Ok(None),
                _ => Err(failure(format!("cannot look for image {tag}"), error)),
            },
        }
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

    /// The image's digest, from the step that pushed it or from the repository.
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
        self.pushed_digest(&tag).await?.ok_or_else(|| {
            Error::failed(format!("the repository has no image {tag}"))
                .hint("run `mizan deploy`, which builds and pushes it")
        })
    }

    /// Bundle, assets and schema lie in the cache of this machine.
    pub(super) async fn take_artifacts(&self, context: &StepContext<'_>) -> Result<StepOutput> {
        let artifacts = self.artifacts_of_image(context).await?;
        // A schema that is invalid, or that mizan.yaml does not fit, stops the deploy here, before
        // anything of the environment is changed.
        Policy::foreseen(&self.source()?.app, Some(&artifacts))?;
        Ok(StepOutput::new())
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

fn output(tag: &str, digest: String) -> StepOutput {
    StepOutput::from([("image".to_owned(), tag.to_owned()), ("digest".to_owned(), digest)])
}

fn tag_of(reference: &str) -> &str {
    reference.rsplit_once(':').map_or(reference, |(_, tag)| tag)
}
