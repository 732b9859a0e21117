//! A folder that is filled before it gets its name. It is locked as long as its maker lives, so
//! that the next one made beside it can sweep away what a kill left.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use tempfile::TempDir;

/// How the names of all of them begin.
const PREFIX: &str = ".new-";
/// Locked while one is made: nobody sweeps it before it is locked itself.
const GATE: &str = ".lock";

/// A nameless folder, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// An empty folder in `parent`, which exists.
    ///
    /// # Errors
    /// The parent cannot be written to.
    pub fn new_in(parent: &Path) -> io::Result<Self> {
        let gate = File::create(parent.join(GATE))?;
        gate.lock()?;
        sweep(parent)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::open(folder.path())?;
        lock.lock()?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it its name, which nothing may have.
    ///
    /// # Errors
    /// Something has this name; the folder is removed then.
    pub fn rename(self, name: &Path) -> io::Result<()> {
        fs::rename(self.path(), name)?;
        // There is nothing to remove under the old name.
        let _ = self.folder.keep();
        Ok(())
    }
}

/// Removes those whose maker is gone.
fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        match File::open(entry.path()).map(|folder| folder.try_lock()) {
            Ok(Ok(())) => fs::remove_dir_all(entry.path())?,
            Ok(Err(TryLockError::WouldBlock)) => {}
            Ok(Err(TryLockError::Error(error))) => return Err(error),
            // Its maker has just named or removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kill_left_is_swept_and_what_is_being_filled_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let orphan = parent.path().join(".new-orphan");
        fs::create_dir(&orphan).unwrap();
        let first = Scratch::new_in(parent.path()).unwrap();
        assert!(!orphan.exists());
        let second = Scratch::new_in(parent.path()).unwrap();
        assert!(first.path().exists());
        fs::write(first.path().join("file"), "content").unwrap();
        let named = parent.path().join("named");
        first.rename(&named).unwrap();
        assert!(named.join("file").exists());
        assert!(second.rename(&named).is_err());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2);
    }
}
