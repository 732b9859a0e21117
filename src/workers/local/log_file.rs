//! Log files that cannot fill the disk: at a size limit they are moved aside, and few are kept.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

const MAX_SIZE: u64 = 5 * 1024 * 1024;
/// `x.log.1` … `x.log.3` beside `x.log`.
const KEPT: u32 = 3;
/// How far back a tail is read.
const TAIL_SIZE: u64 = 256 * 1024;

/// A log file that several writers share, line by line.
#[derive(Debug, Clone)]
pub(super) struct LogFile(Arc<Mutex<Rotating>>);

#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    file: File,
    size: u64,
    max_size: u64,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::with_limit(path, MAX_SIZE)
    }

    fn with_limit(path: &Path, max_size: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Rotating { path: path.to_owned(), file, size, max_size }))))
    }

    /// Appends a line, after the time. A disk that is full must not stop what is logged: a line
    /// that cannot be written is lost.
    pub(super) fn line(&self, text: &str) {
        let stamped = format!("{} {text}\n", jiff::Timestamp::now());
        let mut rotating = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = rotating.append(stamped.as_bytes());
    }
}

impl Rotating {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size > 0 && self.size + bytes.len() as u64 > self.max_size {
            self.rotate()?;
        }
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            let _ = fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1));
        }
        fs::rename(&self.path, numbered(&self.path, 1))?;
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    path.with_added_extension(number.to_string())
}

/// The last lines of a log file; none if there is no file.
pub(super) fn tail(path: &Path, lines: usize) -> Vec<String> {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL_SIZE)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|&line| line.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_go_first_and_the_newest_are_the_tail() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let log = LogFile::with_limit(&path, 200).unwrap();
        for number in 0..100 {
            log.line(&format!("line {number}"));
        }
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1 + KEPT as usize);
        assert!(fs::metadata(numbered(&path, 1)).unwrap().len() <= 200);
        let tail = tail(&path, 2);
        assert_eq!(tail.len(), 2);
        assert!(tail[1].ends_with("line 99"), "{tail:?}");
    }

    #[test]
    fn a_log_that_does_not_exist_has_no_lines() {
        assert!(tail(Path::new("/nonexistent/x.log"), 5).is_empty());
    }
}
