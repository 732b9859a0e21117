//! Large layers outlive the registry that they were pushed to: the next one that is asked for such a
//! layer has it already, as a registry has that serves an app for a while. Else every test would
//! push the base images anew.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use hyper::{Method, http::request::Parts};

/// Layers smaller than this are pushed as ever, in bytes.
const LARGE: u64 = 1 << 20;
/// What nobody asked for as long as this goes.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The layers of one registry, and those that all of this machine have in common.
#[derive(Debug, Clone)]
pub struct Layers {
    /// What the registry knows, as its driver for file systems lays it out.
    registry: PathBuf,
    shared: PathBuf,
}

impl Layers {
    /// Of a registry that keeps its images in this folder.
    pub fn of(images: &Path) -> Self {
        let cache = env::var_os("MIZAN_DEV_CACHE").map(PathBuf::from);
        let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache/mizan-dev"));
        let cache = cache.or_else(home).unwrap_or_else(env::temp_dir);
        Self { registry: images.join("docker/registry/v2"), shared: cache.join("registry-layers") }
    }

    /// Before a request whether a layer is there: it is, if it was in a registry before.
    pub fn lend(&self, head: &Parts) {
        let found = head.uri.path().strip_prefix("/v2/");
        let found = found.and_then(|rest| rest.rsplit_once("/blobs/sha256:"));
        let Some((repository, digest)) = found else { return };
        let is_digest = digest.len() == 64 && digest.bytes().all(|it| it.is_ascii_hexdigit());
        let shared = self.shared.join(digest);
        if head.method != Method::HEAD || !is_digest || !shared.is_file() {
            return;
        }
        touch(&shared);
        share(&shared, &self.blob(digest));
        let link = self.registry.join("repositories").join(repository);
        let link = link.join("_layers/sha256").join(digest).join("link");
        fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
        fs::write(link, format!("sha256:{digest}")).expect("a file");
    }

    /// The registry has ended: its large layers are kept.
    pub fn keep(&self) {
        fs::create_dir_all(&self.shared).expect("a folder");
        for (digest, blob) in self.large() {
            share(&blob, &self.shared.join(digest));
        }
        for entry in fs::read_dir(&self.shared).into_iter().flatten().flatten() {
            let used = entry.metadata().and_then(|it| it.modified());
            let is_old = used.is_ok_and(|used| used.elapsed().is_ok_and(|age| age > KEPT));
            if is_old {
                // Another test may have been faster.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.registry.join("blobs/sha256").join(&digest[..2]).join(digest).join("data")
    }

    /// The large blobs of the registry, by their digests. It checks what it is sent.
    fn large(&self) -> Vec<(String, PathBuf)> {
        let folders = fs::read_dir(self.registry.join("blobs/sha256")).into_iter().flatten();
        let folders = folders.flatten().flat_map(|it| fs::read_dir(it.path())).flatten().flatten();
        let blob = |folder: fs::DirEntry| {
            let data = folder.path().join("data");
            let size = data.metadata().ok()?.len();
            let digest = folder.file_name().into_string().ok()?;
            (size >= LARGE).then_some((digest, data))
        };
        folders.filter_map(blob).collect()
    }
}

/// It was asked for just now. One that goes at this moment was old enough to go.
fn touch(layer: &Path) {
    let _ = fs::File::open(layer).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Both are one file, unless they are on different disks. Nobody writes into it any more.
fn share(from: &Path, to: &Path) {
    if to.exists() {
        return;
    }
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    if fs::hard_link(from, to).is_err() && !to.exists() {
        let part = to.with_extension(std::process::id().to_string());
        let copied = fs::copy(from, &part).and_then(|_| fs::rename(&part, to));
        copied.unwrap_or_else(|error| panic!("{} is not kept: {error}", to.display()));
    }
}
