//! The images of an app on the engine: which there are, and their removal.

use std::{collections::HashMap, fs, io::ErrorKind as IoErrorKind, path::Path};

use bollard::{
    Docker,
    models::ImageSummary,
    query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder},
};

use super::build::{APP_LABEL, ImageId};
use crate::{
    docker::is_missing,
    error::{Context, Error, ErrorKind, Result},
    model::AppName,
};

/// The images that were built for an app, dangling ones included.
async fn of_app(docker: &Docker, app: &AppName) -> Result<Vec<ImageSummary>> {
    let labels = HashMap::from([("label".to_owned(), vec![format!("{APP_LABEL}={app}")])]);
    let options = ListImagesOptionsBuilder::default().filters(&labels).build();
    docker
        .list_images(Some(options))
        .await
        .context(ErrorKind::Unavailable, || "cannot list the engine's images".into())
}

/// True if the engine has an image that was built for this app.
///
/// # Errors
/// The engine does not answer.
pub async fn any_of_app(docker: &Docker, app: &AppName) -> Result<bool> {
    Ok(!of_app(docker, app).await?.is_empty())
}

/// The id of an image, if the engine has it.
///
/// # Errors
/// The engine does not answer.
pub async fn id_of(docker: &Docker, reference: &str) -> Result<Option<ImageId>> {
    match docker.inspect_image(reference).await {
        Ok(image) => Ok(image.id.map(ImageId)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => {
            Err(Error::new(ErrorKind::Unavailable, format!("cannot look at the image {reference}"))
                .because(&error))
        }
    }
}

/// What became of images that were to go.
#[derive(Debug, Default)]
pub struct Removal {
    /// Those that are gone.
    pub removed: Vec<ImageId>,
    /// Those that somebody uses and that therefore stay.
    pub in_use: Vec<String>,
}

/// Removes every image of an app but those in `keep` (references or ids).
///
/// # Errors
/// The engine does not answer.
pub async fn remove_all(docker: &Docker, app: &AppName, keep: &[String]) -> Result<Removal> {
    let mut removal = Removal::default();
    for image in of_app(docker, app).await? {
        if keep.contains(&image.id) || image.repo_tags.iter().any(|tag| keep.contains(tag)) {
            continue;
        }
        match remove(docker, &image.id).await? {
            true => removal.removed.push(ImageId(image.id)),
            false => {
                removal.in_use.push(image.repo_tags.into_iter().next().unwrap_or(image.id));
            }
        }
    }
    Ok(removal)
}

/// Removes an image with all its names; false if a container uses it.
async fn remove(docker: &Docker, id: &str) -> Result<bool> {
    // Without force the engine refuses an image with several names, with it one in use loses its
    // names; so the names go first, one by one.
    let Ok(image) = docker.inspect_image(id).await else { return Ok(true) };
    let names = image.repo_tags.unwrap_or_default();
    let names = if names.is_empty() { vec![id.to_owned()] } else { names };
    for name in names {
        let options = RemoveImageOptionsBuilder::default().build();
        match docker.remove_image(&name, Some(options), None).await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => {}
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 409, .. }) => {
                return Ok(false);
            }
            Err(error) => {
                return Err(
                    Error::failed(format!("cannot remove the image {name}")).because(&error)
                );
            }
        }
    }
    Ok(true)
}

/// Forgets what was taken out of an image.
///
/// # Errors
/// The folder cannot be removed.
pub fn forget_artifacts(cache_root: &Path, image: &ImageId) -> Result<()> {
    let prefix = super::artifacts::folder_prefix(image);
    let Ok(entries) = fs::read_dir(cache_root) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            match fs::remove_dir_all(entry.path()) {
                Err(error) if error.kind() != IoErrorKind::NotFound => {
                    let folder = entry.path();
                    return Err(Error::failed(format!("cannot remove {}", folder.display()))
                        .because(&error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
