//! The last steps of a teardown: images and files.

use std::{fs, io::ErrorKind as IoErrorKind, path::Path};

use super::LocalExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    images,
    ledger::Ledger,
};

impl LocalExecutor {
    /// The images of this app are gone, with what was taken out of them, but for those to keep,
    /// those of releases of its other environments, and those that somebody still runs.
    pub(super) async fn remove_images(
        &self,
        keep: &[String],
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let mut keep = keep.to_vec();
        keep.extend(self.images_elsewhere().await?);
        let removal = images::remove_all(&self.docker, &self.scope.app, &keep).await?;
        for kept in removal.in_use {
            context.progress(format!("{kept} is still in use and stays"));
        }
        for image in removal.removed {
            images::forget_artifacts(&self.state.artifacts(), &image)?;
        }
        Ok(StepOutput::new())
    }

    /// The images of the releases that other environments can go back to.
    async fn images_elsewhere(&self) -> Result<Vec<String>> {
        let mut images = Vec::new();
        for ledger in self.state.other_ledgers() {
            let releases = Ledger::local(&ledger)?.releases().await?;
            images.extend(releases.into_iter().map(|release| release.image.id));
        }
        Ok(images)
    }

    /// The ledger and the Workers' files are gone; secrets go with the data they belong to.
    pub(super) async fn remove_state(&self, secrets: bool) -> Result<StepOutput> {
        if secrets {
            remove_folder(self.state.root())?;
        } else {
            remove_folder(&self.state.ledger())?;
            remove_folder(&self.state.generations())?;
        }
        remove_folder(self.state.supervisor())?;
        Ok(StepOutput::new())
    }
}

/// A folder and everything in it is gone.
pub(super) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != IoErrorKind::NotFound => {
            Err(Error::failed(format!("cannot remove {}", path.display())).because(&error))
        }
        _ => Ok(()),
    }
}
