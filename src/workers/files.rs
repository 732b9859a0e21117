//! Small files of our own: written whole or not at all, locked, read back as JSON.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Context, Error, ErrorKind, Result};

/// Writes a file so that a reader, or a crash, finds the old content or the new one.
/// It is readable by its owner alone, as temporary files are.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let folder = path.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().context(ErrorKind::Failed, || format!("cannot write {}", path.display()))
}

/// Writes a value as JSON, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(value)
        .context(ErrorKind::Failed, || format!("cannot write {}", path.display()))?;
    write(path, &text)
}

/// Reads a value; `None` if there is no such file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let unreadable = || format!("cannot read {}", path.display());
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).context(ErrorKind::Failed, unreadable)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::failed(unreadable()).because(&error)),
    }
}

/// Waits for the lock of a file that exists only to be locked; released when dropped, also by a
/// crash.
pub(super) fn lock(path: &Path) -> Result<File> {
    let lock = || -> io::Result<File> {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    };
    lock().context(ErrorKind::Failed, || format!("cannot lock {}", path.display()))
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
