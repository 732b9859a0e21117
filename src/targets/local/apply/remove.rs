//! The last steps of a teardown: images and files.

use std::{fs, io::ErrorKind as IoErrorKind, path::Path};

use super::LocalExecutor;
use crate::{
    engine::{StepContext, StepOutput},
    error::{Error, Result},
    images::{self, ImageId},
    ledger::Ledger,
};

impl LocalExecutor {
    /// The app's images that no release of any environment runs are gone, with what was taken out
    /// of them; one that a container uses stays.
    pub(super) async fn remove_images(&self, context: &StepContext<'_>) -> Result<StepOutput> {
        let mut needed = Vec::new();
        for ledger in self.state.ledgers_of(&self.scope.app)? {
            let releases = Ledger::local(&ledger)?.releases().await?;
            needed.extend(releases.into_iter().map(|release| ImageId(release.image.id)));
        }
        // First, since a run that is killed in between finds them by their image.
        for image in images::of_app(&self.docker, &self.scope.app).await? {
            if !needed.contains(&image) {
                images::forget_artifacts(&self.state.artifacts(), &image)?;
            }
        }
        let pruned = images::prune(&self.docker, &self.scope.app, &needed).await?;
        for image in pruned.removed {
            context.progress(format!("removed {image}"));
        }
        for image in pruned.in_use {
            context.progress(format!("{image} is still in use and stays"));
        }
        Ok(StepOutput::new())
    }

    /// The ledger and the Workers' files are gone; secrets go with the data they belong to.
    pub(super) async fn remove_state(&self, secrets: bool) -> Result<StepOutput> {
        // A front that was killed is not in the plan, but its Workers may still run.
        self.stop_front().await?;
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
