//! The supervisor's folder: where everything is.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use crate::error::{Context, Error, ErrorKind, Result};

/// What fits into a socket address on every platform (104 bytes on macOS, 108 on Linux).
const SOCKET_PATH_MAX: usize = 100;

/// The folder of one supervisor.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// Creates the folder if need be. It is its owner's alone: whoever can write to the control
    /// socket can run programs as its owner.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let failed = || format!("cannot use the folder {}", dir.display());
        fs::create_dir_all(dir).context(ErrorKind::Failed, failed)?;
        let dir = dir.canonicalize().context(ErrorKind::Failed, failed)?;
        for folder in [dir.clone(), dir.join("logs"), dir.join("hub"), dir.join("hub/storage")] {
            fs::create_dir_all(&folder).context(ErrorKind::Failed, failed)?;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
                .context(ErrorKind::Failed, failed)?;
        }
        let layout = Self { dir };
        let length = layout.generation_socket(u32::MAX).as_os_str().as_bytes().len();
        if length > SOCKET_PATH_MAX {
            return Err(Error::failed(failed())
                .cause(format!("its socket paths have {length} bytes, {SOCKET_PATH_MAX} fit")));
        }
        Ok(layout)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.dir.join("settings.json")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    pub(super) fn children(&self) -> PathBuf {
        self.dir.join("children.json")
    }

    pub(super) fn signing_key(&self) -> PathBuf {
        self.dir.join("signing.key")
    }

    pub(super) fn control_socket(&self) -> PathBuf {
        self.dir.join("control.sock")
    }

    pub(super) fn hub_socket(&self) -> PathBuf {
        self.dir.join("hub.sock")
    }

    pub(super) fn generation_socket(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{number}.sock"))
    }

    pub(super) fn hub_code(&self) -> PathBuf {
        self.dir.join("hub/code")
    }

    pub(super) fn hub_storage(&self) -> PathBuf {
        self.dir.join("hub/storage")
    }

    /// What a supervisor writes only if it panics.
    pub(super) fn stderr(&self) -> PathBuf {
        self.dir.join("logs/supervisor.stderr")
    }

    /// Ids are checked to be file names when they are prepared.
    pub(super) fn log(&self, of: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{of}.log"))
    }
}
