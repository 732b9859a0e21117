//! The lock of an environment on this machine: one process at a time changes it.
//!
//! The operating system's file lock decides who holds it, so a holder that was killed leaves
//! nothing stale. Who it is stands in a file beside it, for the message to everybody else; that
//! file means nothing when the lock is free. Each holder gets a higher fencing number than all
//! before it.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind as IoErrorKind, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use tempfile::NamedTempFile;

use super::{Claim, Holder};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    ledger::document,
};

/// How often one who waits looks again.
const POLL: Duration = Duration::from_millis(200);

/// The lock of one environment, kept in a folder of this machine.
#[derive(Debug, Clone)]
pub struct LocalLock {
    folder: PathBuf,
    what: String,
}

/// The lock is held until this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct LocalGuard {
    file: File,
    path: PathBuf,
    what: String,
    fencing: u64,
}

impl LocalLock {
    /// The lock of `what` ("board in environment local") in `folder`.
    pub fn new(folder: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self { folder: folder.into(), what: what.into() }
    }

    /// Takes the lock. If another holds it, waits for at most `wait`, or not at all.
    pub async fn acquire(&self, claim: Claim, wait: Option<Duration>) -> Result<LocalGuard> {
        let deadline = Instant::now() + wait.unwrap_or_default();
        loop {
            let file = self.open().context(ErrorKind::Failed, || self.message("locked"))?;
            if try_lock(&file).context(ErrorKind::Failed, || self.message("locked"))? {
                let guard = self.guard(file, claim.clone())?;
                // Somebody may have removed the folder between opening and locking.
                if guard.is_in_place() {
                    return Ok(guard);
                }
            } else if Instant::now() >= deadline {
                return Err(self.contended());
            } else {
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Who holds the lock now, if anybody does.
    pub fn holder(&self) -> Result<Option<Holder>> {
        let file = match File::open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::failed(self.message("looked at")).because(&error)),
        };
        let free = try_lock(&file).context(ErrorKind::Failed, || self.message("looked at"))?;
        if free { Ok(None) } else { self.written() }
    }

    fn open(&self) -> std::io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        OpenOptions::new().create(true).truncate(false).write(true).open(self.path())
    }

    fn guard(&self, file: File, claim: Claim) -> Result<LocalGuard> {
        let fencing = self.written()?.map_or(0, |holder| holder.fencing) + 1;
        let text = document::write(&Holder { claim, fencing })?;
        self.write(&text).context(ErrorKind::Failed, || self.message("locked"))?;
        Ok(LocalGuard { file, path: self.path(), what: self.what.clone(), fencing })
    }

    /// Replaces the holder's file as a whole: nobody ever reads half of it.
    fn write(&self, text: &str) -> std::io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(self.holder_path())?;
        Ok(())
    }

    /// What the holder's file says; it may speak of one that is gone.
    fn written(&self) -> Result<Option<Holder>> {
        let path = self.holder_path();
        match fs::read(&path) {
            Ok(text) => document::read(&path.display().to_string(), &text).map(Some),
            Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(Error::failed(format!("could not read {}", path.display())).because(&error))
            }
        }
    }

    /// The error that says so; why is for its caller to add.
    pub(super) fn locked(&self) -> Error {
        Error::new(ErrorKind::Locked, format!("{} is locked", self.what))
    }

    fn contended(&self) -> Error {
        let error = self.locked();
        // The new holder writes its name after it got the lock; until then the old one's stands.
        match self.written() {
            Ok(Some(Holder { claim, .. })) if claim.is_alive() => {
                let pid = claim.pid;
                error
                    .cause(claim)
                    .hint(format!("wait until it has ended; if it hangs, end process {pid}"))
            }
            _ => error
                .cause("another mizan has just started")
                .hint("wait until it has ended, then try again"),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("lock")
    }

    fn holder_path(&self) -> PathBuf {
        self.folder.join("lock.json")
    }

    fn message(&self, verb: &str) -> String {
        format!("{} could not be {verb} ({})", self.what, self.path().display())
    }
}

impl LocalGuard {
    /// The number of this holding: higher than that of every one before.
    pub fn fencing(&self) -> u64 {
        self.fencing
    }

    /// Fails if the lock was lost, as when its folder was removed and another took it since.
    /// To be asked before every write to the platform.
    pub fn check(&self) -> Result<()> {
        if self.is_in_place() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Locked, format!("the lock of {} was lost", self.what))
            .cause(format!("{} was removed or replaced", self.path.display()))
            .hint("look whether another mizan is at work here, then run the command again"))
    }

    /// True if the file that is locked is the one that others would lock.
    fn is_in_place(&self) -> bool {
        let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
        match (self.file.metadata(), Path::metadata(&self.path)) {
            (Ok(ours), Ok(theirs)) => identity(ours) == identity(theirs),
            _ => false,
        }
    }
}

/// True if the lock was free and is ours now.
fn try_lock(file: &File) -> rustix::io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn lock() -> (TempDir, LocalLock) {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = LocalLock::new(folder.path().join("locks"), "board (local)");
        (folder, lock)
    }

    fn claim(pid: u32) -> Claim {
        Claim {
            holder: "kim@laptop".into(),
            pid,
            command: "mizan deploy".into(),
            since: "2026-05-01T12:00:00Z".parse().expect("a timestamp"),
        }
    }

    #[tokio::test]
    async fn one_holds_it_and_the_other_learns_who() {
        let (_folder, lock) = lock();
        let pid = std::process::id();
        let guard = lock.acquire(claim(pid), None).await.expect("the lock");
        let error = lock.acquire(claim(pid), None).await.expect_err("locked");
        assert_eq!(error.kind, ErrorKind::Locked);
        assert_eq!(
            error.to_string(),
            format!(
                "board (local) is locked: kim@laptop runs `mizan deploy` since \
                 2026-05-01T12:00:00Z (process {pid})"
            )
        );
        assert_eq!(error.hints.len(), 1);
        assert_eq!(lock.holder(), Ok(Some(Holder { claim: claim(pid), fencing: 1 })));
        assert_eq!(guard.check(), Ok(()));
        drop(guard);
        assert_eq!(lock.holder(), Ok(None));
    }

    #[tokio::test]
    async fn every_holder_has_a_higher_number_than_the_one_before() {
        let (_folder, lock) = lock();
        for expected in 1..=3 {
            let guard = lock.acquire(claim(1), None).await.expect("the lock");
            assert_eq!(guard.fencing(), expected);
        }
    }

    #[tokio::test]
    async fn who_waits_gets_it_when_it_is_free() {
        let (_folder, lock) = lock();
        let guard = lock.acquire(claim(1), None).await.expect("the lock");
        let waiting = lock.acquire(claim(1), Some(Duration::from_secs(30)));
        let release = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(guard);
        };
        let (second, ()) = tokio::join!(waiting, release);
        assert_eq!(second.map(|guard| guard.fencing()), Ok(2));
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_so() {
        let (_folder, lock) = lock();
        let _guard = lock.acquire(claim(1), None).await.expect("the lock");
        let wait = Some(Duration::from_millis(1));
        let error = lock.acquire(claim(1), wait).await.expect_err("locked");
        assert_eq!(error.kind, ErrorKind::Locked);
    }

    #[tokio::test]
    async fn what_a_dead_holder_wrote_means_nothing() {
        let (_folder, lock) = lock();
        // Process numbers end far below this one.
        let dead = u32::try_from(i32::MAX).expect("a number");
        let guard = lock.acquire(claim(dead), None).await.expect("the lock");
        let error = lock.acquire(claim(1), None).await.expect_err("locked");
        assert_eq!(error.causes, ["another mizan has just started"]);
        drop(guard);
        assert_eq!(lock.holder(), Ok(None));
        assert!(lock.acquire(claim(1), None).await.is_ok());
    }

    #[tokio::test]
    async fn a_lock_whose_folder_was_removed_is_lost() {
        let (_folder, lock) = lock();
        let first = lock.acquire(claim(1), None).await.expect("the lock");
        fs::remove_dir_all(&lock.folder).expect("removed");
        assert_eq!(first.check().map_err(|error| error.kind), Err(ErrorKind::Locked));
        let second = lock.acquire(claim(1), None).await.expect("a new lock");
        assert!(first.check().is_err());
        assert_eq!(second.check(), Ok(()));
    }
}
