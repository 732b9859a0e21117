//! `mizan.lock`: which base images the app was last built on. It is committed beside
//! `mizan.yaml`, so that every machine builds the same image and a plan needs no registry.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, ErrorKind, Result};

/// The name of the lock file.
pub const LOCK_FILE: &str = "mizan.lock";
/// How a lock file is called until it is complete.
const UNFINISHED: &str = ".mizan.lock.";

const VERSION: u32 = 1;

/// The pinned base images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseLock {
    version: u32,
    /// When everything was last made anew on request. It is part of the image's hash: a refresh
    /// builds again, without the build cache, even if no base image has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed: Option<Timestamp>,
    /// The base images by the name in the Dockerfile, arguments filled in.
    pub bases: BTreeMap<String, Pin>,
}

/// What one base image is pinned to, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// What it is pinned to.
    #[serde(flatten)]
    pub to: PinnedTo,
    /// When it was looked up.
    pub resolved: Timestamp,
}

/// What a base image is pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinnedTo {
    /// A digest that every engine can pull.
    Digest(String),
    /// The id of an image that came from no registry and exists on some engines only.
    Local(String),
}

impl Default for BaseLock {
    fn default() -> Self {
        Self { version: VERSION, refreshed: None, bases: BTreeMap::new() }
    }
}

impl BaseLock {
    /// Reads the lock file in the app's folder; a missing one is empty.
    pub fn read(root: &Path) -> Result<Self> {
        let path = path(root);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                let message = format!("cannot read {}", path.display());
                return Err(Error::failed(message).because(&error));
            }
        };
        let invalid = || format!("{} is not valid", path.display());
        let lock: Self = serde_json::from_slice(&text)
            .context(ErrorKind::Invalid, invalid)
            .map_err(|error| {
                error
                    .hint("remove the file to look its base images up anew, or restore it from git")
            })?;
        if lock.version == VERSION {
            Ok(lock)
        } else {
            Err(Error::new(ErrorKind::Invalid, invalid())
                .cause(format!("it has version {}, this mizan knows {VERSION}", lock.version))
                .hint("it was written by a newer mizan: update this one"))
        }
    }

    /// Writes the lock file, all or nothing, if it differs from what is there.
    pub fn write(&self, root: &Path) -> Result<()> {
        let path = path(root);
        let text = self.to_text();
        if std::fs::read(&path).is_ok_and(|present| present == text.as_bytes()) {
            return Ok(());
        }
        replace(root, &path, text.as_bytes())
            .context(ErrorKind::Failed, || format!("cannot write {}", path.display()))
    }

    /// The lock without the pins that are older than `refresh` and should be looked up anew.
    #[must_use]
    pub fn without_due(&self, refresh: Option<Duration>, now: Timestamp) -> Self {
        let Some(refresh) = refresh else { return self.clone() };
        let due = |pin: &Pin| {
            Duration::try_from(now.duration_since(pin.resolved)).is_ok_and(|age| age > refresh)
        };
        let mut lock = self.clone();
        lock.bases.retain(|_, pin| !due(pin));
        lock
    }

    /// The digest to build on, for a base image that has one.
    pub fn digest(&self, base: &str) -> Option<&str> {
        match &self.bases.get(base)?.to {
            PinnedTo::Digest(digest) => Some(digest),
            PinnedTo::Local(_) => None,
        }
    }

    fn to_text(&self) -> String {
        // Sorted keys, one per line: a changed base image is a change of two lines.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Whether a file of the app's folder is the lock, or one that is being written.
pub(super) fn is_lock(name: &Path) -> bool {
    name == LOCK_FILE || name.to_str().is_some_and(|name| name.starts_with(UNFINISHED))
}

fn path(root: &Path) -> PathBuf {
    root.join(LOCK_FILE)
}

fn replace(root: &Path, path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(root)?;
    file.write_all(text)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn lock() -> BaseLock {
        let pin = |to, resolved| Pin { to, resolved: at(resolved) };
        let bases = [
            ("python:3", pin(PinnedTo::Digest("sha256:aa".into()), "2026-05-01T00:00:00Z")),
            ("mine:1", pin(PinnedTo::Local("sha256:bb".into()), "2026-05-08T00:00:00Z")),
        ];
        BaseLock {
            bases: bases.into_iter().map(|(name, pin)| (name.to_owned(), pin)).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn the_file_is_sorted_and_reads_back() {
        let root = tempfile::tempdir().expect("temporary folder");
        assert_eq!(BaseLock::read(root.path()), Ok(BaseLock::default()));
        lock().write(root.path()).expect("write");
        assert_eq!(BaseLock::read(root.path()), Ok(lock()));
        let text = std::fs::read_to_string(root.path().join(LOCK_FILE)).expect("text");
        assert_eq!(
            text,
            r#"{
  "version": 1,
  "bases": {
    "mine:1": {
      "local": "sha256:bb",
      "resolved": "2026-05-08T00:00:00Z"
    },
    "python:3": {
      "digest": "sha256:aa",
      "resolved": "2026-05-01T00:00:00Z"
    }
  }
}
"#
        );
    }

    #[test]
    fn an_unchanged_lock_is_not_written() {
        let root = tempfile::tempdir().expect("temporary folder");
        lock().write(root.path()).expect("write");
        let before = std::fs::metadata(root.path().join(LOCK_FILE)).expect("metadata");
        lock().write(root.path()).expect("write");
        let after = std::fs::metadata(root.path().join(LOCK_FILE)).expect("metadata");
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(before.ino(), after.ino());
    }

    #[test]
    fn pins_older_than_the_refresh_time_are_due() {
        let week = Duration::from_secs(7 * 24 * 3600);
        let now = at("2026-05-09T00:00:00Z");
        let left: Vec<_> = lock().without_due(Some(week), now).bases.into_keys().collect();
        assert_eq!(left, ["mine:1"]);
        assert_eq!(lock().without_due(None, now), lock());
    }

    #[test]
    fn a_file_of_another_version_or_a_broken_one_is_refused() {
        let root = tempfile::tempdir().expect("temporary folder");
        for text in ["{", r#"{"version":2,"bases":{}}"#] {
            std::fs::write(root.path().join(LOCK_FILE), text).expect("write");
            assert_eq!(BaseLock::read(root.path()).expect_err(text).kind, ErrorKind::Invalid);
        }
    }
}
