//! What there is of an app: its images on the engine, what was taken out of them.

use std::{fs, io::ErrorKind as IoErrorKind, path::Path};

use bollard::Docker;

use super::{build::ImageId, prune::our_images};
use crate::{
    docker::is_missing,
    error::{Error, ErrorKind, Result},
    model::AppName,
};

/// The images that were built for this app, dangling ones included.
///
/// # Errors
/// The engine does not answer.
pub async fn of_app(docker: &Docker, app: &AppName) -> Result<Vec<ImageId>> {
    let images = our_images(docker, app).await?.into_iter();
    Ok(images.map(|image| ImageId(image.id)).collect())
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
