//! What has to be there for a local deploy.

use std::path::Path;

use super::{StateDir, hydration};
use crate::{docker, error::Result, model::App, targets::Check, workers::workerd};

/// Images, layers and the build's own space need about this much.
const ENOUGH: u64 = 4 * 1024 * 1024 * 1024;

/// Engine, workerd, disk, and the pages of the live release.
pub async fn checks(app: &App) -> Vec<Check> {
    let workerd = tokio::task::spawn_blocking(workerd);
    let (engine, workerd, pages) = tokio::join!(engine(), workerd, hydration::check(app));
    let mut checks = vec![engine];
    checks.extend(workerd.ok());
    checks.push(disk());
    checks.push(pages);
    checks
}

/// The Docker engine answers.
pub async fn engine() -> Check {
    match docker::connect().await {
        Ok(_) => Check::ok("engine", "the Docker engine answers"),
        Err(error) => Check::error("engine", &error),
    }
}

fn workerd() -> Check {
    match workerd::ensure() {
        Ok(path) => Check::ok("workerd", format!("{}", path.display())),
        Err(error) => Check::error("workerd", &error),
    }
}

fn disk() -> Check {
    match StateDir::artifact_cache().and_then(|folder| free(&folder)) {
        Ok(free) if free < ENOUGH => {
            Check::warning("disk", format!("{} MiB are free", free / 1024 / 1024))
                .hint("docker system prune")
        }
        Ok(free) => Check::ok("disk", format!("{} MiB are free", free / 1024 / 1024)),
        Err(error) => Check::error("disk", &error),
    }
}

/// What is free where a folder is, or will be.
fn free(folder: &Path) -> Result<u64> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let disk = rustix::fs::statvfs(there).map_err(|error| {
        let message = format!("cannot tell the free space of {}", there.display());
        crate::error::Error::failed(message).because(&std::io::Error::from(error))
    })?;
    Ok(disk.f_bavail * disk.f_frsize)
}
