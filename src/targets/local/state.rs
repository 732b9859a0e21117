//! Where the local target keeps what must survive: folders below the XDG base directories.
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>)

use std::{
    env, fs,
    io::{ErrorKind as IoErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{
    desired::PlaneSpec,
    names::{Scope, hex},
};
use crate::{
    error::{Context, ErrorKind, Result},
    model::{AppName, ReleaseId},
};
use sha2::{Digest, Sha256};

/// The folder of what is taken out of images.
const ARTIFACTS: &str = "artifacts";

/// The folders of one environment on this machine.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
    cache: PathBuf,
    supervisor: PathBuf,
}

impl StateDir {
    /// The folders of `scope`; nothing is created.
    ///
    /// # Errors
    /// Neither the XDG variables nor `HOME` is set.
    pub fn new(scope: &Scope) -> Result<Self> {
        let data = base("XDG_DATA_HOME", ".local/share")?.join("mizan");
        let cache = base("XDG_CACHE_HOME", ".cache")?.join("mizan");
        let root = data.join(scope.folder());
        // The path of a socket has at most 107 bytes, so this folder's name is short.
        let hash = Sha256::digest(scope.folder().as_bytes());
        let supervisor = data.join(format!("plane-{}", hex(&hash[..4])));
        Ok(Self { root, cache, supervisor })
    }

    /// The environment's own folder: private to the user.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ledger.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// The ledgers of all environments and checkouts of an app on this machine, this one's among
    /// them: they share its images.
    ///
    /// # Errors
    /// The folder that holds them cannot be read.
    pub fn ledgers_of(&self, app: &AppName) -> Result<Vec<PathBuf>> {
        let Some(data) = self.root.parent() else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(data) {
            Ok(entries) => entries,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).context(ErrorKind::Failed, || cannot_read(data)),
        };
        let prefix = format!("{app}-");
        let ours = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
        let ledgers = ours.map(|entry| entry.path().join("ledger"));
        Ok(ledgers.filter(|path| path.is_dir()).collect())
    }

    /// The deploy lock.
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The supervisor's files: sockets, the Hub's storage, logs, its own state.
    pub fn supervisor(&self) -> &Path {
        &self.supervisor
    }

    /// The secret values.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets.json")
    }

    /// The folder of a release's Workers.
    pub fn generation(&self, release: ReleaseId) -> PathBuf {
        self.root.join("generations").join(release.to_string())
    }

    /// The folder of all releases' Workers.
    pub fn generations(&self) -> PathBuf {
        self.root.join("generations")
    }

    /// The public port that was chosen.
    pub fn port(&self) -> PathBuf {
        self.root.join("port")
    }

    /// What is taken out of images, shared by all environments of this user.
    pub fn artifacts(&self) -> PathBuf {
        self.cache.join(ARTIFACTS)
    }

    /// The same, for environments that are not on this machine.
    ///
    /// # Errors
    /// Neither the XDG variables nor `HOME` is set.
    pub fn artifact_cache() -> Result<PathBuf> {
        Ok(base("XDG_CACHE_HOME", ".cache")?.join("mizan").join(ARTIFACTS))
    }

    /// workerd and other tools, shared by all environments of this user.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Creates the environment's folder, readable by its owner only.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn create(&self) -> Result<()> {
        private_dir(&self.root)
    }
}

impl StateDir {
    /// What Edge and Render of a release were made of.
    ///
    /// # Errors
    /// The file is there but damaged.
    pub fn read_plane(&self, release: ReleaseId) -> Result<Option<PlaneSpec>> {
        let path = self.plane(release);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context(ErrorKind::Failed, || cannot_read(&path)),
        };
        // A file of another version of the tool says nothing; the Workers are then made anew.
        Ok(serde_json::from_slice(&text).ok())
    }

    /// Remembers what Edge and Render of a release are made of.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_plane(&self, release: ReleaseId, plane: &PlaneSpec) -> Result<()> {
        let json = serde_json::to_vec_pretty(plane)
            .context(ErrorKind::Failed, || "cannot describe the Workers".into())?;
        write_private(&self.plane(release), &json)
    }

    /// Forgets what Edge and Render of a release were made of.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove_plane(&self, release: ReleaseId) -> Result<()> {
        let path = self.plane(release);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != IoErrorKind::NotFound => Err(error)
                .context(ErrorKind::Failed, || format!("cannot remove {}", path.display())),
            _ => Ok(()),
        }
    }

    fn plane(&self, release: ReleaseId) -> PathBuf {
        self.generations().join(format!("{release}.json"))
    }
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// Creates a folder and its parents, readable by their owner only.
pub(super) fn private_dir(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .context(ErrorKind::Failed, || format!("cannot create the folder {}", path.display()))
}

/// Writes a file that only its owner can read, all of it or nothing.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let temporary = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)
        .context(ErrorKind::Failed, failed)?;
    file.write_all(content).context(ErrorKind::Failed, failed)?;
    file.sync_all().context(ErrorKind::Failed, failed)?;
    fs::rename(&temporary, path).context(ErrorKind::Failed, failed)
}

fn base(variable: &str, below_home: &str) -> Result<PathBuf> {
    let absolute =
        |value: std::ffi::OsString| Some(PathBuf::from(value)).filter(|p| p.is_absolute());
    // The standard says that relative paths are ignored.
    if let Some(path) = env::var_os(variable).and_then(absolute) {
        return Ok(path);
    }
    match env::var_os("HOME").and_then(absolute) {
        Some(home) => Ok(home.join(below_home)),
        None => Err(crate::error::Error::failed("neither HOME nor the XDG folders are set")
            .hint(format!("set HOME or {variable}"))),
    }
}
