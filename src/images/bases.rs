//! Pins base images: looks up which image a name in the Dockerfile means now, and records it.

use std::{collections::BTreeMap, time::Duration};

use bollard::Docker;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;

use super::lock::{BaseLock, Pin, PinnedTo};
use crate::{
    docker::{credentials_for, is_missing, registry_host},
    error::{Error, ErrorKind, Result},
    model::App,
};

/// What pinning asks of an engine.
#[allow(async_fn_in_trait)] // One thread runs everything; no future needs to be `Send`.
pub(super) trait ImageEngine {
    /// The image that a name means on this engine, if there is one.
    async fn inspect(&self, image: &str) -> Result<Option<EngineImage>>;

    /// Pulls an image from its registry.
    async fn pull(&self, image: &str, platform: &str) -> Result<()>;
}

/// An image as the engine knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EngineImage {
    pub id: String,
    /// `repository@digest` for each registry it was pulled from or pushed to.
    pub repo_digests: Vec<String>,
}

/// When pins are looked up anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefreshPolicy {
    /// Now, because the user asked for it.
    pub forced: bool,
    /// When they are older than this.
    pub after: Option<Duration>,
    /// The present.
    pub now: Timestamp,
}

impl RefreshPolicy {
    fn is_due(&self, pin: &Pin) -> bool {
        let age = Duration::try_from(self.now.duration_since(pin.resolved)).unwrap_or_default();
        self.after.is_some_and(|after| age > after)
    }
}

/// What pinning came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pinned {
    pub lock: BaseLock,
    /// True if pins were looked up anew: the build should not use its cache either.
    pub refreshed: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Pins every image of `bases`, leaving alone what is pinned and still good.
pub(super) async fn pin(
    engine: &impl ImageEngine,
    bases: impl IntoIterator<Item = &str>,
    platform: &str,
    lock: &BaseLock,
    policy: RefreshPolicy,
) -> Result<Pinned> {
    let mut pinned = Pinned { lock: lock.clone(), refreshed: policy.forced, warnings: Vec::new() };
    for base in bases {
        let known = lock.bases.get(base);
        let due = known.is_some_and(|pin| policy.is_due(pin));
        let to = if policy.forced || due {
            match look_up_anew(engine, base, platform).await {
                Ok(to) => {
                    pinned.refreshed = true;
                    to
                }
                // A registry that is down should not stop a deploy only because a week is over.
                Err(error) if !policy.forced => {
                    pinned.warnings.push(format!("{base} stays as it is pinned: {error}"));
                    continue;
                }
                Err(error) => return Err(error),
            }
        } else if is_good(engine, base, known).await? {
            continue;
        } else {
            look_up(engine, base, platform).await?
        };
        pinned.lock.bases.insert(base.to_owned(), Pin { to, resolved: policy.now });
    }
    if pinned.refreshed {
        pinned.lock.refreshed = Some(policy.now);
    }
    Ok(pinned)
}

/// The app's lock as far as it holds now and on this engine: without the pins that are due for a
/// refresh, and without those that mean another image here. A plan made with it names the image
/// that a build would make.
pub async fn current_lock(docker: &Docker, app: &App) -> Result<BaseLock> {
    current(docker, BaseLock::read(&app.root)?.without_due(app.build.refresh, Timestamp::now()))
        .await
}

/// The same, if it can be told without asking an engine: unless a pin is an image of its own.
///
/// # Errors
/// The lock cannot be read.
pub fn lock_without_engine(app: &App) -> Result<Option<BaseLock>> {
    let lock = BaseLock::read(&app.root)?.without_due(app.build.refresh, Timestamp::now());
    let everywhere = lock.bases.values().all(|pin| matches!(pin.to, PinnedTo::Digest(_)));
    Ok(everywhere.then_some(lock))
}

async fn current(engine: &impl ImageEngine, mut lock: BaseLock) -> Result<BaseLock> {
    let mut good = BTreeMap::new();
    for (base, pin) in lock.bases {
        if is_good(engine, &base, Some(&pin)).await? {
            good.insert(base, pin);
        }
    }
    lock.bases = good;
    Ok(lock)
}

/// A digest is good everywhere; a local image only where it is what the name means.
async fn is_good(engine: &impl ImageEngine, base: &str, known: Option<&Pin>) -> Result<bool> {
    match known.map(|pin| &pin.to) {
        None => Ok(false),
        Some(PinnedTo::Digest(_)) => Ok(true),
        Some(PinnedTo::Local(id)) => {
            Ok(engine.inspect(base).await?.is_some_and(|image| image.id == *id))
        }
    }
}

async fn look_up(engine: &impl ImageEngine, base: &str, platform: &str) -> Result<PinnedTo> {
    if let Some(image) = engine.inspect(base).await? {
        return Ok(pin_of(base, &image));
    }
    engine.pull(base, platform).await?;
    after_pull(engine, base).await
}

async fn look_up_anew(engine: &impl ImageEngine, base: &str, platform: &str) -> Result<PinnedTo> {
    let Err(error) = engine.pull(base, platform).await else {
        return after_pull(engine, base).await;
    };
    // An image that was built on this machine cannot be pulled; it is as fresh as it gets.
    match engine.inspect(base).await?.map(|image| pin_of(base, &image)) {
        Some(local @ PinnedTo::Local(_)) => Ok(local),
        Some(PinnedTo::Digest(_)) | None => Err(error),
    }
}

async fn after_pull(engine: &impl ImageEngine, base: &str) -> Result<PinnedTo> {
    match engine.inspect(base).await? {
        Some(image) => Ok(pin_of(base, &image)),
        None => Err(Error::failed(format!("the base image {base} was pulled and is not there"))),
    }
}

fn pin_of(base: &str, image: &EngineImage) -> PinnedTo {
    let wanted = normal_repository(base);
    let digest = image.repo_digests.iter().find_map(|entry| {
        let (repository, digest) = entry.split_once('@')?;
        (normal_repository(repository) == wanted).then(|| digest.to_owned())
    });
    digest.map_or_else(|| PinnedTo::Local(image.id.clone()), PinnedTo::Digest)
}

/// The repository with its registry, without tag: `python:3` is `docker.io/library/python`.
fn normal_repository(image: &str) -> String {
    let host = registry_host(image);
    let path = image.strip_prefix(host).and_then(|rest| rest.strip_prefix('/')).unwrap_or(image);
    let path = path.split('@').next().unwrap_or(path);
    let path = match path.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => path,
    };
    let official = host == "docker.io" && !path.contains('/');
    if official { format!("{host}/library/{path}") } else { format!("{host}/{path}") }
}

impl ImageEngine for Docker {
    async fn inspect(&self, image: &str) -> Result<Option<EngineImage>> {
        match self.inspect_image(image).await {
            Ok(found) => Ok(Some(EngineImage {
                id: found.id.unwrap_or_default(),
                repo_digests: found.repo_digests.unwrap_or_default(),
            })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => {
                let message = format!("the engine cannot look at the image {image}");
                Err(Error::new(ErrorKind::Unavailable, message).because(&error))
            }
        }
    }

    async fn pull(&self, image: &str, platform: &str) -> Result<()> {
        let host = registry_host(image);
        let (credentials, excuse) = match credentials_for(host).await {
            Ok(credentials) => (credentials, None),
            // A public image needs none; the error matters only if the pull fails.
            Err(error) => (None, Some(error)),
        };
        let options = bollard::query_parameters::CreateImageOptionsBuilder::new()
            .from_image(&with_tag(image))
            .platform(platform)
            .build();
        let credentials = credentials.map(|found| found.to_docker(host));
        let progress = self.create_image(Some(options), None, credentials);
        progress.try_for_each(|_| async { Ok(()) }).await.map_err(|error| {
            let told = pull_error(image, &error);
            excuse.into_iter().fold(told, |told, excuse| told.cause(excuse))
        })
    }
}

/// Without a tag the engine would pull every tag there is.
fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

fn pull_error(image: &str, error: &bollard::errors::Error) -> Error {
    let text = error.to_string();
    let denied = ["denied", "unauthorized", "authentication required"]
        .iter()
        .any(|word| text.to_ascii_lowercase().contains(word));
    let kind = if denied { ErrorKind::Denied } else { ErrorKind::Unavailable };
    let told = Error::new(kind, format!("the base image {image} cannot be pulled")).because(error);
    if denied {
        told.hint(format!("log in if it is private: `docker login {}`", registry_host(image)))
            .hint("or correct its name in the Dockerfile")
    } else {
        told.hint(format!("try it: `docker pull {image}`"))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// An engine with some images, and a registry with some.
    #[derive(Default)]
    struct Fake {
        images: RefCell<BTreeMap<String, EngineImage>>,
        registry: BTreeMap<String, EngineImage>,
        pulls: Cell<usize>,
    }

    impl ImageEngine for Fake {
        async fn inspect(&self, image: &str) -> Result<Option<EngineImage>> {
            Ok(self.images.borrow().get(image).cloned())
        }

        async fn pull(&self, image: &str, _: &str) -> Result<()> {
            self.pulls.set(self.pulls.get() + 1);
            let found = self.registry.get(image).cloned();
            let found = found.ok_or_else(|| Error::failed("no route to the registry"))?;
            self.images.borrow_mut().insert(image.to_owned(), found);
            Ok(())
        }
    }

    fn image(id: &str, repo_digests: &[&str]) -> EngineImage {
        let repo_digests = repo_digests.iter().map(|&digest| digest.to_owned()).collect();
        EngineImage { id: id.to_owned(), repo_digests }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a timestamp")
    }

    fn policy(forced: bool, after: Option<u64>, now: i64) -> RefreshPolicy {
        RefreshPolicy { forced, after: after.map(Duration::from_secs), now: at(now) }
    }

    fn locked(base: &str, to: PinnedTo) -> BaseLock {
        let mut lock = BaseLock::default();
        lock.bases.insert(base.to_owned(), Pin { to, resolved: at(0) });
        lock
    }

    async fn pins(fake: &Fake, lock: &BaseLock, policy: RefreshPolicy) -> Result<Pinned> {
        pin(fake, ["python:3"], "linux/amd64", lock, policy).await
    }

    fn digest(text: &str) -> PinnedTo {
        PinnedTo::Digest(text.to_owned())
    }

    fn local(text: &str) -> PinnedTo {
        PinnedTo::Local(text.to_owned())
    }

    #[tokio::test]
    async fn an_image_that_is_there_is_pinned_without_a_pull() {
        let fake = Fake::default();
        fake.images.borrow_mut().insert(
            "python:3".into(),
            image("sha256:id", &["other@sha256:no", "python@sha256:aa"]),
        );
        let pinned = pins(&fake, &BaseLock::default(), policy(false, None, 5)).await;
        let pinned = pinned.expect("pinned");
        let pin = Pin { to: digest("sha256:aa"), resolved: at(5) };
        assert_eq!(pinned.lock.bases["python:3"], pin);
        assert!(!pinned.refreshed && fake.pulls.get() == 0);
    }

    #[tokio::test]
    async fn a_missing_image_is_pulled_and_a_failing_pull_is_told() {
        let registry = BTreeMap::from([("python:3".into(), image("i", &["python@sha256:aa"]))]);
        let fake = Fake { registry, ..Default::default() };
        let pinned = pins(&fake, &BaseLock::default(), policy(false, None, 5)).await;
        assert_eq!(pinned.expect("pinned").lock.digest("python:3"), Some("sha256:aa"));

        let offline = pins(&Fake::default(), &BaseLock::default(), policy(false, None, 5)).await;
        assert_eq!(offline.expect_err("offline").message, "no route to the registry");
    }

    #[tokio::test]
    async fn a_pinned_digest_is_kept_without_asking_anyone() {
        let lock = locked("python:3", digest("sha256:old"));
        let kept = pins(&Fake::default(), &lock, policy(false, Some(100), 50)).await;
        assert_eq!(kept.expect("kept").lock, lock);
    }

    #[tokio::test]
    async fn a_local_image_is_looked_up_again_where_the_name_means_another() {
        let lock = locked("python:3", local("sha256:mine"));
        let fake = Fake::default();
        fake.images.borrow_mut().insert("python:3".into(), image("sha256:mine", &[]));
        let same = pins(&fake, &lock, policy(false, None, 5)).await.expect("pinned");
        assert_eq!(same.lock, lock);

        fake.images.borrow_mut().insert("python:3".into(), image("sha256:theirs", &[]));
        let other = pins(&fake, &lock, policy(false, None, 5)).await.expect("pinned");
        assert_eq!(other.lock.bases["python:3"].to, local("sha256:theirs"));

        let here = current(&fake, lock).await.expect("current");
        assert_eq!(here, BaseLock::default());
        assert_eq!(current(&fake, other.lock.clone()).await, Ok(other.lock));
    }

    #[tokio::test]
    async fn a_refresh_pulls_and_marks_the_lock() {
        let registry = BTreeMap::from([("python:3".into(), image("i", &["python@sha256:new"]))]);
        let fake = Fake { registry, ..Default::default() };
        let lock = locked("python:3", digest("sha256:old"));
        for policy in [policy(true, None, 5), policy(false, Some(100), 500)] {
            let pinned = pins(&fake, &lock, policy).await.expect("pinned");
            assert_eq!(pinned.lock.digest("python:3"), Some("sha256:new"));
            assert_eq!(pinned.lock.refreshed, Some(policy.now));
            assert!(pinned.refreshed);
        }
        assert_eq!(fake.pulls.get(), 2);
    }

    #[tokio::test]
    async fn a_registry_that_is_down_stops_only_a_forced_refresh() {
        let lock = locked("python:3", digest("sha256:old"));
        let due = pins(&Fake::default(), &lock, policy(false, Some(100), 500)).await;
        let due = due.expect("kept");
        assert_eq!(due.lock, lock);
        assert_eq!(due.warnings.len(), 1);
        assert!(pins(&Fake::default(), &lock, policy(true, None, 500)).await.is_err());
    }

    #[tokio::test]
    async fn a_refresh_keeps_an_image_that_only_this_machine_has() {
        let fake = Fake::default();
        fake.images.borrow_mut().insert("python:3".into(), image("sha256:mine", &[]));
        let pinned = pins(&fake, &BaseLock::default(), policy(true, None, 5)).await;
        assert_eq!(pinned.expect("pinned").lock.bases["python:3"].to, local("sha256:mine"));
    }

    #[test]
    fn repositories_are_compared_in_their_full_form() {
        for (image, repository) in [
            ("python:3", "docker.io/library/python"),
            ("python", "docker.io/library/python"),
            ("docker.io/library/python@sha256:aa", "docker.io/library/python"),
            ("oven/bun:1", "docker.io/oven/bun"),
            ("localhost:5000/x/y:1@sha256:aa", "localhost:5000/x/y"),
        ] {
            assert_eq!(normal_repository(image), repository, "{image}");
        }
    }

    #[test]
    fn an_image_without_a_tag_means_the_latest() {
        assert_eq!(with_tag("localhost:5000/x"), "localhost:5000/x:latest");
        assert_eq!(with_tag("x:1"), "x:1");
        assert_eq!(with_tag("x@sha256:aa"), "x@sha256:aa");
    }
}
