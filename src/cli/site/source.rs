//! What a plan for a cloud is made from, beside the cloud itself: pinned base images, the image that the
//! source gives, what was taken out of it, and variables of the caller.

use std::{env, path::Path};

use serde::Serialize;

use crate::{
    docker,
    error::{Context, ErrorKind, Result},
    images::{self, Artifacts, BaseLock, Identity},
    model::App,
    plan::{Basis, Late, StepId, hash},
    targets,
};

/// The pinned base images. The engine is asked only for those that are pinned to an image of its
/// own: a deploy that changes nothing does without it.
pub async fn base_lock(app: &App) -> Result<BaseLock> {
    match images::lock_without_engine(app)? {
        Some(lock) => Ok(lock),
        None => images::current_lock(&docker::connect().await?, app).await,
    }
}

/// The image's tag, or the step after which it is known.
pub fn image(app: &App, identity: &Identity) -> Late<String> {
    match identity {
        Identity::Known(image) => Late::Known(image.tag.clone()),
        Identity::AfterPinning { .. } => Late::After(StepId::new("image", app.name.as_str())),
    }
}

/// What was taken out of the image on this machine for the Workers. Without an engine nothing was.
pub async fn artifacts(app: &App, identity: &Identity, cache: &Path) -> Option<Artifacts> {
    let Identity::Known(image) = identity else { return None };
    super::artifacts_on_engine(app, image, cache).await
}

/// A hash of a variable of the caller's environment.
pub fn fingerprint(name: &str) -> Option<String> {
    Some(targets::fingerprint(&env::var(name).ok()?))
}

/// Everything a plan stands on, by name.
pub fn basis<D: Serialize, O: Serialize>(desired: Option<&D>, observed: &O) -> Result<Basis> {
    let parts = [
        ("the configuration, the source, a secret or a variable", hash(&desired)),
        ("the observed state", hash(observed)),
    ];
    let mut basis = Basis::new();
    for (name, hash) in parts {
        let hash = hash.context(ErrorKind::Failed, || format!("cannot hash {name}"))?;
        basis.insert(name.to_owned(), hash);
    }
    Ok(basis)
}
