//! Pushes an image to a registry, and tells the digest that it has there.

use std::{collections::HashMap, time::Duration};

use bollard::{
    Docker,
    auth::DockerCredentials,
    errors::Error as DockerError,
    models::PushImageInfo,
    query_parameters::{PushImageOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder},
};
use futures_util::StreamExt;

use crate::{
    docker::is_missing,
    engine::StepContext,
    error::{Context as _, Error, ErrorKind, Result},
};

/// A push that was cut goes on where it stopped: layers that arrived are not sent again.
const ATTEMPTS: u32 = 4;
/// The pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// What registries say when trying again is no use.
const FINAL: [&str; 7] = [
    "denied",
    "unauthorized",
    "no basic auth",
    "name unknown",
    "does not exist",
    "TAG_INVALID",
    "immutable",
];

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The registry's host and the repository in it.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// The registry has it, under this digest.
    Done {
        /// `sha256:…`
        digest: String,
    },
    /// The registry keeps tags as they are, and has this one already.
    TagExists,
}

/// Pushes an image of the engine, of this name or id. The name that it needs for that is taken
/// away from it again.
///
/// # Errors
/// The registry or the engine refuses, or the push was cut again and again.
pub async fn push(
    docker: &Docker,
    image: &str,
    remote: &Remote,
    credentials: DockerCredentials,
    context: &StepContext<'_>,
) -> Result<Pushed> {
    let name = format!("{}:{}", remote.repository, remote.tag);
    let tag = TagImageOptionsBuilder::default().repo(&remote.repository).tag(&remote.tag).build();
    docker
        .tag_image(image, Some(tag))
        .await
        .context(ErrorKind::Failed, || format!("cannot give {image} the name {name}"))?;
    let pushed = tokio::select! {
        // Dropping the push closes its connection, and the engine stops it.
        () = context.cancel.cancelled() => {
            Err(Error::new(ErrorKind::Interrupted, "the push was interrupted"))
        }
        pushed = attempts(docker, remote, &credentials, context) => pushed,
    };
    untag(docker, &name).await;
    pushed
}

async fn attempts(
    docker: &Docker,
    remote: &Remote,
    credentials: &DockerCredentials,
    context: &StepContext<'_>,
) -> Result<Pushed> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let error = match attempt_once(docker, remote, credentials.clone(), context).await {
            Ok(digest) => return Ok(Pushed::Done { digest }),
            Err(error) => error,
        };
        let said = words(&error);
        if is_taken(&said) {
            return Ok(Pushed::TagExists);
        }
        if attempt == ATTEMPTS || FINAL.iter().any(|text| said.contains(text)) {
            return Err(refused(remote, &error, &said));
        }
        context.progress(format!("the push was cut ({said}): trying again"));
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    unreachable!("the last attempt returns")
}

async fn attempt_once(
    docker: &Docker,
    remote: &Remote,
    credentials: DockerCredentials,
    context: &StepContext<'_>,
) -> Result<String, DockerError> {
    let options = PushImageOptionsBuilder::default().tag(&remote.tag).build();
    let mut news = docker.push_image(&remote.repository, Some(options), Some(credentials));
    let mut progress = Progress::default();
    while let Some(info) = news.next().await {
        if let Some(text) = progress.take(info?) {
            context.progress(text);
        }
    }
    progress.digest.ok_or_else(|| DockerError::DockerStreamError {
        error: "the engine did not tell the digest".to_owned(),
    })
}

/// What the engine tells of a push, added up.
#[derive(Debug, Default)]
struct Progress {
    /// Bytes sent by the size of their layer: the engine's client does not tell the layers' names.
    layers: HashMap<i64, i64>,
    /// What was told last: parts that were done, and of how many bytes.
    told: (i64, i64),
    digest: Option<String>,
}

impl Progress {
    /// Takes one report; answers what to show if that is news.
    fn take(&mut self, info: PushImageInfo) -> Option<String> {
        let status = info.status.unwrap_or_default();
        if let Some(digest) = digest_in(&status) {
            self.digest = Some(digest.to_owned());
            return None;
        }
        let detail = info.progress_detail?;
        let (sent, size) = (detail.current?, detail.total?);
        self.layers.insert(size, sent.min(size));
        let (sent, size) = (self.layers.values().sum(), self.layers.keys().sum());
        let news = (parts(sent, size), size);
        (news != self.told).then(|| {
            self.told = news;
            format!("pushed {} of {} MB", megabytes(sent), megabytes(size))
        })
    }
}

/// How many of its parts are done.
fn parts(sent: i64, size: i64) -> i64 {
    const PARTS: i64 = 10;
    sent.saturating_mul(PARTS) / size.max(1)
}

fn megabytes(bytes: i64) -> i64 {
    const MEGABYTE: i64 = 1_000_000;
    (bytes + MEGABYTE - 1) / MEGABYTE
}

/// The digest in the engine's last report, "0f2c…: digest: sha256:… size: 1234".
fn digest_in(status: &str) -> Option<&str> {
    status.split_once(": digest: ")?.1.split_whitespace().next()
}

/// A registry that keeps tags as they are says so in these words: ECR's and the emulator's.
fn is_taken(said: &str) -> bool {
    said.contains("cannot be overwritten") || said.contains("TAG_INVALID")
}

fn refused(remote: &Remote, error: &DockerError, said: &str) -> Error {
    let denied = ["denied", "unauthorized", "no basic auth"].iter().any(|text| said.contains(text));
    let unreachable = matches!(error, DockerError::DockerStreamError { .. }) && !denied;
    let kind = match (denied, unreachable) {
        (true, _) => ErrorKind::Denied,
        (_, true) => ErrorKind::Unavailable,
        _ => ErrorKind::Failed,
    };
    Error::new(kind, format!("cannot push {}:{}", remote.repository, remote.tag)).cause(said)
}

/// The name goes, the image stays under its own. One that stays is in nobody's way.
async fn untag(docker: &Docker, name: &str) {
    match docker.remove_image(name, None::<RemoveImageOptions>, None).await {
        Err(error) if !is_missing(&error) => {
            tracing::warn!(name, %error, "the name that was only for the push stays");
        }
        _ => {}
    }
}

/// The engine's own words, without what the client says around them.
fn words(error: &DockerError) -> String {
    match error {
        DockerError::DockerStreamError { error } => error.clone(),
        DockerError::DockerResponseServerError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn sent(current: i64, total: i64) -> PushImageInfo {
        PushImageInfo {
            status: Some("Pushing".into()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..PushImageInfo::default()
        }
    }

    #[test]
    fn layers_are_added_up_and_told_in_tenths() {
        let mut progress = Progress::default();
        let said: Vec<_> = [sent(1_000_000, 4_000_000), sent(1_000_001, 9_000_000)]
            .into_iter()
            .chain([sent(1_000_002, 9_000_000), sent(9_200_000, 9_000_000)])
            .filter_map(|info| progress.take(info))
            .collect();
        assert_eq!(said, ["pushed 1 of 4 MB", "pushed 3 of 13 MB", "pushed 10 of 13 MB"]);
    }

    #[test]
    fn the_digest_is_in_the_last_report() {
        let mut progress = Progress::default();
        let status = "0f2c: digest: sha256:ab12 size: 1234".to_owned();
        progress.take(PushImageInfo { status: Some(status), ..PushImageInfo::default() });
        assert_eq!(progress.digest.as_deref(), Some("sha256:ab12"));
    }

    #[test]
    fn a_tag_that_is_there_is_known_by_the_registrys_words() {
        assert!(is_taken(
            "tag invalid: The image tag 'ab' already exists in the 'x' repository and cannot be \
             overwritten because the tag is immutable."
        ));
        assert!(!is_taken("denied: User is not authorized"));
    }
}
