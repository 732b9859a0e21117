//! Builds the app's image: pins its base images, stops there if the image exists, else sends the
//! context to the engine and follows the build.

use std::{collections::HashMap, path::Path, sync::Arc};

use bollard::{
    Docker,
    auth::DockerCredentials,
    body_try_stream,
    models::{BuildInfo, BuildInfoAux, SystemVersion},
    query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion},
};
use futures_util::StreamExt as _;
use jiff::Timestamp;

use super::{
    bases::{self, Pinned, RefreshPolicy},
    classic::ClassicProgress,
    context::ReadError,
    lock::BaseLock,
    progress::BuildProgress,
    session::{self, DOCKERFILE, Session},
    source::{ATTEMPTS, ImageIdentity, Source, UNREADABLE, keeps_changing},
    upload::Upload,
};
use crate::{
    docker::{credentials_for, is_missing, registry_host},
    engine::{Event, StepContext},
    error::{Context as _, Error, ErrorKind, Result},
    model::App,
};

/// The label that says which app an image belongs to.
pub const APP_LABEL: &str = "mizan.app";
/// The label with the whole content hash.
pub const HASH_LABEL: &str = "mizan.hash";

/// The id of an image on an engine: `sha256:…`, the digest of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(pub String);

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// `mizan/<app>:<hash>`.
    pub reference: String,
    /// Its id.
    pub id: ImageId,
    /// The pins it was built on; they are in `mizan.lock` already.
    pub lock: BaseLock,
    /// False if it was there before.
    pub built: bool,
}

/// The image with this name on the engine, if it was built by us from just this content.
pub async fn find(docker: &Docker, image: &ImageIdentity) -> Result<Option<ImageId>> {
    match docker.inspect_image(&image.reference()).await {
        Ok(found) => {
            let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
            let ours = labels.get(HASH_LABEL) == Some(&image.hash);
            Ok(found.id.filter(|_| ours).map(ImageId))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => {
            let message = format!("the engine cannot look at the image {}", image.reference());
            Err(Error::new(ErrorKind::Unavailable, message).because(&error))
        }
    }
}

/// Makes sure that the app's image exists, and returns it.
///
/// `refresh` looks up every base image anew and builds without the cache.
pub async fn build(
    docker: &Docker,
    app: &App,
    lock: &BaseLock,
    refresh: bool,
    context: &StepContext<'_>,
) -> Result<BuiltImage> {
    let build = Build { docker, app, context };
    tokio::select! {
        // Dropping the build closes its connections, and the engine stops it.
        () = context.cancel.cancelled() => {
            Err(Error::new(ErrorKind::Interrupted, "the build was interrupted"))
        }
        built = build.run(lock, refresh) => built,
    }
}

struct Build<'a> {
    docker: &'a Docker,
    app: &'a App,
    context: &'a StepContext<'a>,
}

/// Why one attempt to build made no image.
enum Failure {
    /// A file changed after the listing was taken: a new listing may do.
    Changed(String),
    /// Trying again is no use.
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Changed(path) => Self::Changed(path),
            other => Self::Final(Error::failed(UNREADABLE).because(&other)),
        }
    }
}

impl Build<'_> {
    async fn run(&self, lock: &BaseLock, refresh: bool) -> Result<BuiltImage> {
        let source = self.read().await?;
        let pinned = self.pin(&source, lock, refresh).await?;
        pinned.lock.write(&self.app.root)?;
        let mut source = Some(source);
        let mut changed = String::new();
        for _ in 0..ATTEMPTS {
            let current = match source.take() {
                Some(source) => source,
                None => self.read().await?,
            };
            match self.attempt(Arc::new(current), &pinned).await {
                Ok(image) => return Ok(image),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Changed(path)) => {
                    self.warn(&format!("{path} changed while it was read: starting over"));
                    changed = path;
                }
            }
        }
        Err(keeps_changing(&changed))
    }

    async fn read(&self) -> Result<Source> {
        let app = self.app.clone();
        blocking(move || Source::read(&app)).await?
    }

    async fn pin(&self, source: &Source, lock: &BaseLock, refresh: bool) -> Result<Pinned> {
        self.context.progress("looking up base images");
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        let policy = RefreshPolicy { forced: refresh, after: self.app.build.refresh, now };
        let names = source.dockerfile.bases();
        let pinned = bases::pin(self.docker, names, &source.platform, lock, policy).await?;
        pinned.warnings.iter().for_each(|warning| self.warn(warning));
        Ok(pinned)
    }

    async fn attempt(&self, source: Arc<Source>, pinned: &Pinned) -> Result<BuiltImage, Failure> {
        let (hashed, lock) = (Arc::clone(&source), pinned.lock.clone());
        let identity = blocking(move || hashed.known_identity(&lock)).await??;
        let present = find(self.docker, &identity).await?;
        let (id, built) = match present {
            Some(id) => (id, false),
            None => {
                self.send(&source, &identity, pinned).await?;
                let id = find(self.docker, &identity).await?.ok_or_else(|| {
                    Error::failed(format!("the build left no image {}", identity.reference()))
                })?;
                (id, true)
            }
        };
        Ok(BuiltImage { reference: identity.reference(), id, lock: pinned.lock.clone(), built })
    }

    /// Sends the context and follows the build to its end.
    async fn send(
        &self,
        source: &Arc<Source>,
        identity: &ImageIdentity,
        pinned: &Pinned,
    ) -> Result<(), Failure> {
        self.context.progress(format!(
            "building from {} files, {} kB",
            identity.files,
            identity.bytes.div_ceil(1000)
        ));
        let version =
            self.docker.version().await.context(ErrorKind::Unavailable, || {
                "the engine does not tell its version".into()
            })?;
        let credentials = self.credentials(source).await;
        let dockerfile = source.pinned_dockerfile(&pinned.lock);
        let recipe = Recipe { source, identity, pinned, engine: &version };
        if !has_buildkit(&version) {
            return self.upload(&recipe, dockerfile, credentials, false).await;
        }
        let api = self.docker.client_version();
        let session = Session::open(api, source, dockerfile.clone(), credentials.clone()).await;
        match session {
            Some(session) => self.in_session(&recipe, session).await,
            None => self.upload(&recipe, dockerfile, credentials, true).await,
        }
    }

    /// Builds in a session of our own, in which only changed files travel.
    async fn in_session(&self, recipe: &Recipe<'_>, mut session: Session) -> Result<(), Failure> {
        let options = recipe.options(DOCKERFILE);
        let followed = match session.build(options).await {
            Ok(messages) => self.follow(recipe.source, std::pin::pin!(messages)).await,
            Err(error) => Err(Error::failed("the image cannot be built").cause(words(&error))),
        };
        ended(session.failure(), followed)
    }

    /// Builds from an upload of the whole context.
    async fn upload(
        &self,
        recipe: &Recipe<'_>,
        dockerfile: String,
        credentials: HashMap<String, DockerCredentials>,
        buildkit: bool,
    ) -> Result<(), Failure> {
        let upload = Upload::start(Arc::clone(recipe.source), dockerfile);
        let mut options = recipe.options(&upload.dockerfile);
        if buildkit {
            options.version = BuilderVersion::BuilderBuildKit;
            options.session = Some(session::new_id());
        }
        let (content, mut failure) = upload.split();
        let messages =
            self.docker.build_image(options, Some(credentials), Some(body_try_stream(content)));
        let messages = std::pin::pin!(messages);
        let followed = if buildkit {
            self.follow(recipe.source, messages).await
        } else {
            self.follow_classic(messages).await
        };
        ended(failure.try_recv().ok(), followed)
    }

    async fn follow(&self, source: &Source, mut messages: Messages<'_>) -> Result<()> {
        let mut progress = BuildProgress::new(self.context);
        while let Some(message) = messages.next().await {
            match message {
                Ok(BuildInfo { aux: Some(BuildInfoAux::BuildKit(status)), .. }) => {
                    progress.take(&status);
                }
                Ok(_) => {}
                Err(error) => {
                    let file = self.shown(&source.dockerfile_path);
                    return Err(progress.failure(&source.dockerfile, &file, &words(&error)));
                }
            }
        }
        Ok(())
    }

    async fn follow_classic(&self, mut messages: Messages<'_>) -> Result<()> {
        let mut progress = ClassicProgress::new(self.context);
        while let Some(message) = messages.next().await {
            match message {
                Ok(message) => progress.take(&message),
                Err(error) => return Err(progress.failure(&words(&error))),
            }
        }
        Ok(())
    }

    /// The user's credentials for the registries that the build may pull from.
    async fn credentials(&self, source: &Source) -> HashMap<String, DockerCredentials> {
        let mut found = HashMap::new();
        for host in source.dockerfile.images().into_iter().map(registry_host) {
            match credentials_for(host).await {
                Ok(Some(credentials)) => {
                    let credentials = credentials.to_docker(host);
                    let key = credentials.serveraddress.clone().unwrap_or_default();
                    found.insert(key, credentials);
                }
                Ok(None) => {}
                // Public images need none.
                Err(error) => self.warn(&error.to_string()),
            }
        }
        found
    }

    fn warn(&self, text: &str) {
        self.context.events.emit(Event::Warning { message: text.to_owned() });
    }

    /// A path as the user knows it: relative to the app's folder.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.app.root).unwrap_or(path).display().to_string()
    }
}

type Messages<'a> = std::pin::Pin<
    &'a mut dyn futures_util::Stream<Item = Result<BuildInfo, bollard::errors::Error>>,
>;

/// What an image is built from and for.
struct Recipe<'a> {
    source: &'a Arc<Source>,
    identity: &'a ImageIdentity,
    pinned: &'a Pinned,
    engine: &'a SystemVersion,
}

impl Recipe<'_> {
    fn options(&self, dockerfile: &str) -> BuildImageOptions {
        let labels = HashMap::from([
            (APP_LABEL.to_owned(), self.source.app.to_string()),
            (HASH_LABEL.to_owned(), self.identity.hash.clone()),
        ]);
        let args: HashMap<_, _> = self.source.args.clone().into_iter().collect();
        let options = BuildImageOptionsBuilder::new()
            .dockerfile(dockerfile)
            .t(&self.identity.reference())
            .labels(&labels)
            .buildargs(&args)
            .nocache(self.pinned.refreshed)
            .rm(true)
            .forcerm(true);
        match foreign_platform(&self.source.platform, self.engine) {
            Some(platform) => options.platform(platform).build(),
            None => options.build(),
        }
    }
}

/// How a build ended: what went wrong with the context explains what the engine then said.
fn ended(context: Option<ReadError>, followed: Result<()>) -> Result<(), Failure> {
    match context {
        // That nobody reads any more is what the engine's error explains.
        Some(ReadError::Sink(_)) | None => Ok(followed?),
        Some(error) => Err(error.into()),
    }
}

/// The platform, if it is not the engine's own: naming the own one would bypass images that were
/// built on it.
fn foreign_platform<'a>(platform: &'a str, engine: &SystemVersion) -> Option<&'a str> {
    let own = format!(
        "{}/{}",
        engine.os.as_deref().unwrap_or_default(),
        engine.arch.as_deref().unwrap_or_default()
    );
    let same =
        platform == own || platform.strip_prefix(&own).is_some_and(|rest| rest.starts_with('/'));
    (!same).then_some(platform)
}

/// BuildKit is part of every Docker engine for Linux since API 1.39; Podman speaks that API
/// without it.
fn has_buildkit(engine: &SystemVersion) -> bool {
    let podman = engine
        .components
        .iter()
        .flatten()
        .any(|component| component.name.to_ascii_lowercase().contains("podman"));
    let api = engine.api_version.as_deref().and_then(|version| version.split_once('.'));
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let recent = api.is_some_and(|(major, minor)| (number(major), number(minor)) >= (1, 39));
    recent && !podman && engine.os.as_deref() == Some("linux")
}

/// The engine's own words, without what the client says around them.
fn words(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerStreamError { error } => error.clone(),
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.clone(),
        other => Error::failed("").because(other).causes.join(": "),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context(ErrorKind::Failed, || "reading the build context stopped".into())
}
