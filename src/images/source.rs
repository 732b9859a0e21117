//! What an image is built from, read once: the Dockerfile, the listing of the context, the build
//! arguments. From it and the lock follows the image's name.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    context::{ReadError, Snapshot},
    dockerfile::Dockerfile,
    dockerignore::IgnoreRules,
    hash::{Recipe, hash},
    lock::{BaseLock, is_lock},
};
use crate::{
    error::{Error, ErrorKind, Result},
    init,
    model::{App, AppName, Build, Dockerfile as DockerfilePlace},
};

/// How many hexadecimal digits of the hash are in the tag; the whole hash is in a label.
const TAG_DIGITS: usize = 16;

/// How often reading starts over when files change meanwhile (an editor that saves).
pub(super) const ATTEMPTS: usize = 3;

/// The name of an image, which follows from what it is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIdentity {
    /// `mizan/<app>`.
    pub repository: String,
    /// The first digits of the hash.
    pub tag: String,
    /// The whole content hash.
    pub hash: String,
    /// How many files the build context has.
    pub files: usize,
    /// How many bytes they are.
    pub bytes: u64,
}

impl ImageIdentity {
    /// `repository:tag`.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// The name of an image as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It is known without building.
    Known(ImageIdentity),
    /// It is known after these base images are pinned, which the build does first.
    AfterPinning {
        /// Their names.
        unpinned: Vec<String>,
    },
}

/// The name of the app's image, from its files and the lock alone: no engine, no network.
pub fn identity(app: &App, lock: &BaseLock) -> Result<Identity> {
    let mut changed = None;
    for _ in 0..ATTEMPTS {
        match Source::read(app)?.identity(lock) {
            Err(ReadError::Changed(path)) => changed = Some(path),
            other => return other.map_err(|error| Error::failed(UNREADABLE).because(&error)),
        }
    }
    Err(keeps_changing(&changed.unwrap_or_default()))
}

/// The repository of an app's images.
pub(super) fn repository(app: &AppName) -> String {
    format!("mizan/{app}")
}

/// The message about a context that cannot be read.
pub(super) const UNREADABLE: &str = "the build context cannot be read";

/// The error about a file that changes each time it is read.
pub(super) fn keeps_changing(path: &str) -> Error {
    Error::failed(format!("{path} keeps changing while the build context is read"))
        .hint("run again when nothing writes to it, or add it to .dockerignore")
}

/// What an image is built from.
pub(super) struct Source {
    pub app: AppName,
    pub dockerfile: Dockerfile,
    /// Where the Dockerfile lies, for messages and for its place in the context.
    pub dockerfile_path: PathBuf,
    pub context_path: PathBuf,
    pub context: Snapshot,
    pub args: BTreeMap<String, String>,
    pub platform: String,
}

impl Source {
    /// Reads the Dockerfile and lists the context.
    pub fn read(app: &App) -> Result<Self> {
        let Build { context, dockerfile, args, platform, .. } = &app.build;
        if !context.is_dir() {
            let message = format!("the build context {} is no folder", context.display());
            return Err(Error::new(ErrorKind::Invalid, message)
                .hint("`build.context` in mizan.yaml names it"));
        }
        let (dockerfile, dockerfile_path, rules) = match dockerfile {
            DockerfilePlace::File(path) => {
                let dockerfile = Dockerfile::read(path, args, platform)?;
                (dockerfile, path.clone(), IgnoreRules::read(context, path)?)
            }
            DockerfilePlace::Generated => {
                let made = init::generate(context)?;
                let dockerfile = Dockerfile::parse(made.dockerfile, GENERATED, args, platform)?;
                let rules = generated_rules(context, &made.dockerignore)?;
                (dockerfile, PathBuf::from(GENERATED), rules)
            }
        };
        let mut listing = Snapshot::take(context, &rules)?;
        // What the lock says is part of the hash as it is; its dates should not be.
        if let Ok(root) = app.root.strip_prefix(context) {
            listing
                .entries
                .retain(|entry| !Path::new(&entry.path).strip_prefix(root).is_ok_and(is_lock));
        }
        Ok(Self {
            app: app.name.clone(),
            dockerfile,
            dockerfile_path,
            context_path: context.clone(),
            context: listing,
            args: args.clone(),
            platform: platform.clone(),
        })
    }

    /// The image's name with the base images as they are locked.
    pub fn identity(&self, lock: &BaseLock) -> Result<Identity, ReadError> {
        let bases = self.dockerfile.bases();
        let unpinned: Vec<_> = bases
            .iter()
            .filter(|base| !lock.bases.contains_key(**base))
            .map(|base| (*base).to_owned())
            .collect();
        if !unpinned.is_empty() {
            return Ok(Identity::AfterPinning { unpinned });
        }
        self.known_identity(lock).map(Identity::Known)
    }

    /// The image's name, once every base image is pinned.
    pub fn known_identity(&self, lock: &BaseLock) -> Result<ImageIdentity, ReadError> {
        let recipe = Recipe {
            dockerfile: self.dockerfile.text(),
            args: &self.args,
            platform: &self.platform,
            lock,
            bases: self.dockerfile.bases().into_iter().collect(),
        };
        let hash = hash(&recipe, &self.context)?;
        let (files, bytes) = self.context.totals();
        let tag = hash[..TAG_DIGITS].to_owned();
        Ok(ImageIdentity { repository: repository(&self.app), tag, hash, files, bytes })
    }

    /// The Dockerfile to send: the user's, with its base images pinned.
    pub fn pinned_dockerfile(&self, lock: &BaseLock) -> String {
        self.dockerfile.pinned(|base| lock.digest(base).map(str::to_owned))
    }

    /// The Dockerfile's place below the context, if it lies there.
    pub fn dockerfile_in_context(&self) -> Option<&Path> {
        self.dockerfile_path.strip_prefix(&self.context_path).ok()
    }
}

/// What a Dockerfile that was made is called in messages.
const GENERATED: &str = "generated Dockerfile";

/// The user's own ignore file, else the one that goes with a Dockerfile that was made.
fn generated_rules(context: &Path, made: &str) -> Result<IgnoreRules> {
    match context.join(".dockerignore").exists() {
        true => IgnoreRules::read(context, &context.join("Dockerfile")),
        false => IgnoreRules::parse(made, Path::new("generated .dockerignore")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::images::{
        lock::{Pin, PinnedTo},
        testing,
    };

    fn lock(to: PinnedTo) -> BaseLock {
        let mut lock = BaseLock::default();
        let resolved = jiff::Timestamp::UNIX_EPOCH;
        lock.bases.insert("python:3".into(), Pin { to, resolved });
        lock
    }

    fn known(app: &App, lock: &BaseLock) -> ImageIdentity {
        match identity(app, lock).expect("identity") {
            Identity::Known(known) => known,
            Identity::AfterPinning { unpinned } => panic!("unpinned: {unpinned:?}"),
        }
    }

    #[test]
    fn without_pins_the_name_is_known_later() {
        let root = testing::context(&[("Dockerfile", "FROM python:3\n")]);
        let app = testing::app(root.path());
        let later = identity(&app, &BaseLock::default());
        assert_eq!(later, Ok(Identity::AfterPinning { unpinned: vec!["python:3".into()] }));
    }

    #[test]
    fn neither_the_lock_nor_one_that_is_being_written_is_part_of_the_image() {
        let root = testing::context(&[("Dockerfile", "FROM python:3\n")]);
        let app = testing::app(root.path());
        let pinned = lock(PinnedTo::Digest("sha256:aa".into()));
        let alone = known(&app, &pinned);
        pinned.write(root.path()).expect("write");
        std::fs::write(root.path().join(".mizan.lock.a1B2c3"), "{}").expect("write");
        assert_eq!(known(&app, &pinned), alone);
        std::fs::create_dir(root.path().join("sub")).expect("folder");
        std::fs::write(root.path().join("sub/mizan.lock"), "{}").expect("write");
        assert_ne!(known(&app, &pinned), alone, "what is called so elsewhere is the app's own");
    }

    #[test]
    fn the_name_follows_from_everything_that_decides_the_image() {
        let root = testing::context(&[("Dockerfile", "FROM python:3\n"), ("a.py", "1"), ("b", "")]);
        let app = testing::app(root.path());
        let pinned = lock(PinnedTo::Digest("sha256:aa".into()));
        let first = known(&app, &pinned);
        assert_eq!(first.repository, "mizan/board");
        assert_eq!(first.tag, first.hash[..16]);
        assert_eq!((first.files, first.bytes), (3, 15));

        let mut seen = std::collections::BTreeSet::from([first.hash.clone()]);
        let mut differs = |what: &str, identity: ImageIdentity| {
            assert!(seen.insert(identity.hash), "{what} does not count");
        };
        differs("a base's digest", known(&app, &lock(PinnedTo::Digest("sha256:bb".into()))));
        differs("where a base comes from", known(&app, &lock(PinnedTo::Local("sha256:aa".into()))));
        let mut refreshed = pinned.clone();
        refreshed.refreshed = Some(jiff::Timestamp::UNIX_EPOCH);
        differs("a refresh", known(&app, &refreshed));
        let mut other = app.clone();
        other.build.args.insert("A".into(), "1".into());
        differs("a build argument", known(&other, &pinned));
        let mut other = app.clone();
        other.build.platform = "linux/arm64".into();
        differs("the platform", known(&other, &pinned));

        std::fs::write(root.path().join("a.py"), "2").expect("write");
        differs("a file's content", known(&app, &pinned));
        std::fs::rename(root.path().join("a.py"), root.path().join("c.py")).expect("rename");
        differs("a file's name", known(&app, &pinned));
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.path().join("c.py"), executable).expect("chmod");
        differs("an exec bit", known(&app, &pinned));
        std::fs::remove_file(root.path().join("b")).expect("remove");
        std::os::unix::fs::symlink("c.py", root.path().join("b")).expect("link");
        differs("a link", known(&app, &pinned));
        std::fs::create_dir(root.path().join("d")).expect("folder");
        differs("an empty folder", known(&app, &pinned));
    }

    #[test]
    fn times_other_permissions_and_ignored_files_do_not_count() {
        let root = testing::context(&[
            ("Dockerfile", "FROM python:3\n"),
            (".dockerignore", "*.log\n"),
            ("a.py", "1"),
        ]);
        let app = testing::app(root.path());
        let pinned = lock(PinnedTo::Digest("sha256:aa".into()));
        let first = known(&app, &pinned);
        std::fs::write(root.path().join("x.log"), "noise").expect("write");
        std::fs::write(root.path().join("a.py"), "1").expect("write");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(root.path().join("a.py"), private).expect("chmod");
        assert_eq!(known(&app, &pinned), first);
    }

    #[test]
    fn writing_the_generated_dockerfile_down_makes_no_other_image() {
        let root = testing::context(&[
            ("manage.py", "import django\ns('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"),
            ("shop/settings.py", "WSGI_APPLICATION = 'shop.wsgi.application'\n"),
            ("requirements.txt", "django\n"),
            (".env", "SECRET=1"),
        ]);
        let mut pinned = BaseLock::default();
        let pin =
            Pin { to: PinnedTo::Digest("sha256:aa".into()), resolved: jiff::Timestamp::UNIX_EPOCH };
        pinned.bases.insert("python:3.12-slim".into(), pin);
        let app = testing::app(root.path());
        assert_eq!(app.build.dockerfile, DockerfilePlace::Generated);
        let generated = known(&app, &pinned);
        assert_eq!(generated.files, 3, "secrets are left out");

        let made = init::generate(root.path()).expect("a Dockerfile");
        std::fs::write(root.path().join("Dockerfile"), made.dockerfile).expect("write");
        std::fs::write(root.path().join(".dockerignore"), made.dockerignore).expect("write");
        let app = testing::app(root.path());
        assert!(matches!(app.build.dockerfile, DockerfilePlace::File(_)));
        assert_eq!(known(&app, &pinned), generated);
    }

    /// Every layout that `mizan init` knows: the Dockerfile is one, and ends as it should.
    #[test]
    fn every_generated_dockerfile_can_be_built_from_images_that_are_known() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/init");
        let known = ["python:3.", "node:22-slim", "ghcr.io/astral-sh/uv:latest", "oven/bun:1-slim"];
        let mut layouts = 0;
        for fixture in std::fs::read_dir(fixtures).expect("the fixtures") {
            let fixture = fixture.expect("a fixture").path();
            let made = init::generate(&fixture).expect("a Dockerfile");
            let (args, platform) = (BTreeMap::new(), "linux/amd64");
            let parsed = Dockerfile::parse(made.dockerfile.clone(), GENERATED, &args, platform)
                .unwrap_or_else(|error| panic!("{}: {error}", fixture.display()));
            for image in parsed.images() {
                assert!(known.iter().any(|known| image.starts_with(known)), "{image}");
            }
            let lines: Vec<&str> = made.dockerfile.lines().collect();
            let last = lines.last().expect("a line");
            assert!(last.starts_with("CMD [\"sh\", \"-c\", \"exec "), "{last}");
            assert!(lines.contains(&"USER 10001:10001"));
            assert!(!made.dockerfile.contains("\n\n\n") && made.dockerfile.ends_with("]\n"));
            IgnoreRules::parse(&made.dockerignore, Path::new("x")).expect("rules");
            layouts += 1;
        }
        assert!(layouts >= 10, "only {layouts} layouts");
    }

    #[test]
    fn without_a_dockerfile_and_a_project_both_ways_out_are_named() {
        let root = testing::context(&[("a.py", "")]);
        let error =
            identity(&testing::app(root.path()), &BaseLock::default()).expect_err("nothing");
        assert_eq!(error.message, "there is no Dockerfile, and none can be made");
        assert!(error.hints.iter().any(|hint| hint.contains("build.dockerfile")), "{error:?}");
    }

    #[test]
    fn a_missing_dockerfile_or_context_is_named_with_its_setting() {
        let root = testing::context(&[("Dockerfile", "FROM python:3\n")]);
        let mut app = testing::app(root.path());
        std::fs::remove_file(root.path().join("Dockerfile")).expect("remove");
        let error = identity(&app, &BaseLock::default()).expect_err("no Dockerfile");
        assert!(error.hints[0].contains("build.dockerfile"), "{error:?}");
        app.build.context = root.path().join("gone");
        let error = identity(&app, &BaseLock::default()).expect_err("no context");
        assert!(error.hints[0].contains("build.context"), "{error:?}");
    }
}
