//! What the edge needs from a built image: the server bundle, the static assets, the schema. They
//! are taken out once and kept in a folder keyed by the image and by what was asked for.

mod archive;
mod schema;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use bollard::{
    Docker,
    models::ContainerCreateBody,
    query_parameters::{DownloadFromContainerOptionsBuilder, RemoveContainerOptionsBuilder},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::join;

use self::archive::{Limits, Rules};
use super::{build::ImageId, hash::hex};
use crate::{
    docker::is_missing,
    engine::{LogStream, StepContext},
    error::{Context as _, Error, ErrorKind, Result},
    model::{App, SchemaSource},
    scratch::Scratch,
};

/// Marks a complete folder, and lists what is in it.
const MARKER: &str = "artifacts.json";
const SCHEMA: &str = "schema.json";
const BUNDLE: &str = "bundle.js";
const ASSETS: &str = "assets";

/// No Worker may be larger than this, compressed or not.
const BUNDLE_LIMITS: Limits = Limits { files: 1, file_bytes: 64 << 20, total_bytes: 64 << 20 };
/// The file limits of Workers assets, and a total that keeps a wrong path from filling the disk.
const ASSET_LIMITS: Limits = Limits { files: 20_000, file_bytes: 25 << 20, total_bytes: 2 << 30 };
/// A listing for an error message reads no more than this.
const LISTING_LIMITS: Limits =
    Limits { files: 20_000, file_bytes: 1 << 30, total_bytes: 256 << 20 };

/// What to take out of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRequest {
    /// Where the schema comes from.
    pub schema: SchemaSource,
    /// The server bundle's path in the image (`render.bundle`).
    pub bundle: Option<String>,
    /// The assets' folder in the image (`render.assets`).
    pub assets: Option<String>,
}

impl ArtifactRequest {
    /// What an app's configuration asks for.
    pub fn of(app: &App) -> Self {
        let render = app.render.as_ref().filter(|_| app.edge.is_some());
        Self {
            schema: app.schema.clone(),
            bundle: render.map(|render| render.bundle.clone()),
            assets: render.and_then(|render| render.assets.clone()),
        }
    }

    /// False if a schema file is all that is asked for.
    pub fn needs_image(&self) -> bool {
        self.schema == SchemaSource::Image || self.bundle.is_some()
    }

    /// The folder's name for this request and image.
    fn key(&self, image: &ImageId) -> Result<String> {
        Ok(format!("{}{}", folder_prefix(image), self.fingerprint()?))
    }

    /// A hash of what is asked for. A schema file counts with its content.
    ///
    /// # Errors
    /// The schema file cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let mut hash = Sha256::new();
        let mut add = |field: &[u8]| {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        };
        for path in [&self.bundle, &self.assets] {
            add(path.as_deref().unwrap_or_default().as_bytes());
        }
        match &self.schema {
            SchemaSource::None => add(b"none"),
            SchemaSource::Image => add(b"image"),
            SchemaSource::File(path) => add(&schema::read_file(path)?),
        }
        Ok(hex(&hash.finalize())[..16].to_owned())
    }
}

/// How the names of all folders of an image begin.
pub(super) fn folder_prefix(image: &ImageId) -> String {
    let image = image.0.trim_start_matches("sha256:");
    format!("{}-", image.get(..24).unwrap_or(image))
}

/// What was taken out of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifacts {
    /// The folder that has it all.
    pub dir: PathBuf,
    /// The schema, if the app has one.
    pub schema: Option<PathBuf>,
    /// The server bundle, if it was asked for.
    pub bundle: Option<PathBuf>,
    /// The assets, relative to `dir/assets`, sorted.
    pub assets: Vec<String>,
}

impl Artifacts {
    /// The folder of the assets, which exists if there are any.
    pub fn assets_dir(&self) -> PathBuf {
        self.dir.join(ASSETS)
    }
}

/// The content of the marker.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    schema: bool,
    bundle: bool,
    assets: Vec<String>,
}

impl Manifest {
    fn into_artifacts(self, dir: PathBuf) -> Artifacts {
        let file = |present: bool, name| present.then(|| dir.join(name));
        let (schema, bundle) = (file(self.schema, SCHEMA), file(self.bundle, BUNDLE));
        Artifacts { dir, schema, bundle, assets: self.assets }
    }
}

/// What was taken out of this image before, if it was.
pub fn cached(image: &ImageId, request: &ArtifactRequest, cache_root: &Path) -> Option<Artifacts> {
    let dir = cache_root.join(request.key(image).ok()?);
    let marker = std::fs::read(dir.join(MARKER)).ok()?;
    let manifest: Manifest = serde_json::from_slice(&marker).ok()?;
    Some(manifest.into_artifacts(dir))
}

/// Takes everything out of an image that was asked for, unless that was done before. Its temporary
/// containers get these labels, by which one that a kill left behind is found.
pub async fn extract(
    docker: &Docker,
    image: &ImageId,
    labels: HashMap<String, String>,
    request: &ArtifactRequest,
    cache_root: &Path,
    context: &StepContext<'_>,
) -> Result<Artifacts> {
    if let Some(artifacts) = cached(image, request, cache_root) {
        return Ok(artifacts);
    }
    let unwritable = || format!("cannot write to {}", cache_root.display());
    std::fs::create_dir_all(cache_root).context(ErrorKind::Failed, unwritable)?;
    let folder = Scratch::new_in(cache_root).context(ErrorKind::Failed, unwritable)?;
    let extraction = Extraction { docker, image, labels, context };
    // Both are waited for even if one fails: each removes its own container.
    let (schema, files) = join!(
        Box::pin(extraction.schema(&request.schema, folder.path())),
        Box::pin(extraction.files(request, folder.path()))
    );
    let (schema, (bundle, assets)) = (schema?, files?);
    let manifest = Manifest { schema, bundle, assets };
    let marker = serde_json::to_vec(&manifest)
        .context(ErrorKind::Failed, || "cannot list the artifacts".into())?;
    std::fs::write(folder.path().join(MARKER), marker).context(ErrorKind::Failed, unwritable)?;
    let dir = cache_root.join(request.key(image)?);
    publish(folder, &dir).context(ErrorKind::Failed, unwritable)?;
    Ok(manifest.into_artifacts(dir))
}

/// Gives a complete folder its name. One that is there already has the same content, or is the
/// unmarked rest of something else.
fn publish(folder: Scratch, dir: &Path) -> std::io::Result<()> {
    if dir.exists() && !dir.join(MARKER).exists() {
        std::fs::remove_dir_all(dir)?;
    }
    match folder.rename(dir) {
        Ok(()) => Ok(()),
        Err(_) if dir.join(MARKER).exists() => Ok(()),
        Err(error) => Err(error),
    }
}

struct Extraction<'a> {
    docker: &'a Docker,
    image: &'a ImageId,
    labels: HashMap<String, String>,
    context: &'a StepContext<'a>,
}

impl Extraction<'_> {
    async fn schema(&self, source: &SchemaSource, folder: &Path) -> Result<bool> {
        let schema = match source {
            SchemaSource::None => return Ok(false),
            SchemaSource::File(path) => schema::read_file(path)?,
            SchemaSource::Image => {
                self.context.progress("exporting the schema");
                schema::export(self).await?
            }
        };
        let path = folder.join(SCHEMA);
        std::fs::write(&path, schema)
            .context(ErrorKind::Failed, || format!("cannot write {}", path.display()))?;
        Ok(true)
    }

    /// Copies bundle and assets out of one container that is never started.
    async fn files(&self, request: &ArtifactRequest, folder: &Path) -> Result<(bool, Vec<String>)> {
        if request.bundle.is_none() && request.assets.is_none() {
            return Ok((false, Vec::new()));
        }
        let container = self
            .create(ContainerCreateBody {
                // An image without a command could not be made a container; it never runs.
                cmd: Some(vec!["-".into()]),
                ..Default::default()
            })
            .await?;
        let copied = self.copy(&container, request, folder);
        let copied = tokio::select! {
            () = self.context.cancel.cancelled() => Err(interrupted()),
            copied = copied => copied,
        };
        remove(self.docker, &container).await;
        copied
    }

    async fn copy(
        &self,
        container: &str,
        request: &ArtifactRequest,
        folder: &Path,
    ) -> Result<(bool, Vec<String>)> {
        if let Some(path) = &request.bundle {
            self.copy_bundle(container, path, folder).await?;
        }
        let assets = match &request.assets {
            Some(path) => self.copy_assets(container, path, folder).await?,
            None => Vec::new(),
        };
        Ok((request.bundle.is_some(), assets))
    }

    async fn copy_bundle(&self, container: &str, path: &str, folder: &Path) -> Result<()> {
        self.context.progress("taking the server bundle out of the image");
        let target = folder.join(BUNDLE);
        let stream = self.download(container, path);
        match archive::unpack(stream, Rules::OneFile(target), BUNDLE_LIMITS).await {
            Ok(taken) if taken.files.len() == 1 => Ok(()),
            Ok(_) => Err(self.no_bundle(container, path, "it is no regular file").await),
            Err(archive::Failure::Missing) => {
                Err(self.no_bundle(container, path, "there is no such file").await)
            }
            Err(failure) => Err(failure.told("render.bundle", path)),
        }
    }

    async fn copy_assets(&self, container: &str, path: &str, folder: &Path) -> Result<Vec<String>> {
        self.context.progress("taking the static assets out of the image");
        let target = folder.join(ASSETS);
        // A path that ends with "/." means the folder's content even if the folder is a link.
        let inside = format!("{}/.", path.trim_end_matches('/'));
        let stream = self.download(container, &inside);
        let taken = archive::unpack(stream, Rules::Tree(target), ASSET_LIMITS).await;
        let taken = match taken {
            Ok(taken) => taken,
            Err(archive::Failure::Missing) => {
                return Err(self
                    .not_there(container, "render.assets", path, "there is no such folder")
                    .await);
            }
            Err(failure) => return Err(failure.told("render.assets", path)),
        };
        for left_out in &taken.left_out {
            self.context.log(LogStream::Output, format!("left out of the assets: {left_out}"));
        }
        let mut files = taken.files;
        files.sort_unstable();
        Ok(files)
    }

    async fn no_bundle(&self, container: &str, path: &str, why: &str) -> Error {
        self.not_there(container, "render.bundle", path, why).await
    }

    /// The error about a path of the configuration, with what is in its place.
    async fn not_there(&self, container: &str, setting: &str, path: &str, why: &str) -> Error {
        let error =
            Error::new(ErrorKind::Invalid, format!("`{setting}: {path}` is not in the image"))
                .cause(why);
        let parent = Path::new(path).parent().unwrap_or(Path::new("/"));
        let parent = parent.to_string_lossy();
        let stream = self.download(container, &format!("{parent}/."));
        match archive::unpack(stream, Rules::Names, LISTING_LIMITS).await {
            Ok(found) if found.files.is_empty() => {
                error.hint(format!("{parent} in the image is empty"))
            }
            Ok(found) => {
                let mut names = found.files;
                names.sort_unstable();
                names.dedup();
                names.truncate(20);
                error.hint(format!("{parent} in the image has: {}", names.join(", ")))
            }
            Err(_) => error.hint(format!("{parent} is not in the image either")),
        }
    }

    /// Creates a temporary container of the image.
    async fn create(&self, body: ContainerCreateBody) -> Result<String> {
        let image = &self.image.0;
        let labels = Some(self.labels.clone());
        let body = ContainerCreateBody { image: Some(image.clone()), labels, ..body };
        let created = self
            .docker
            .create_container(None::<bollard::query_parameters::CreateContainerOptions>, body)
            .await;
        match created {
            Ok(created) => Ok(created.id),
            Err(error) if is_missing(&error) => {
                Err(Error::failed(format!("the image {image} is not on the engine"))
                    .because(&error))
            }
            Err(error) => {
                Err(Error::failed(format!("cannot make a container of the image {image}"))
                    .because(&error))
            }
        }
    }

    fn download(
        &self,
        container: &str,
        path: &str,
    ) -> impl futures_util::Stream<Item = Result<bytes::Bytes, bollard::errors::Error>> + use<>
    {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        self.docker.download_from_container(container, Some(options))
    }
}

/// Removes a temporary container. One that stays is found by its label later.
async fn remove(docker: &Docker, container: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    if let Err(error) = docker.remove_container(container, Some(options)).await {
        tracing::warn!(container, %error, "a temporary container could not be removed");
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "taking artifacts out of the image was interrupted")
}
