//! The build context: what the ignore rules leave of a folder, as one sorted listing. The listing
//! is taken once; the hash and the build read the files from the same one, so that a file that
//! changes in between is noticed.

use std::{
    fs::{File, Metadata},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::dockerignore::IgnoreRules;
use crate::error::{Error, ErrorKind, Result};

/// A listing of a build context.
#[derive(Debug)]
pub(super) struct Snapshot {
    root: PathBuf,
    /// Depth first, each folder before its content, names in byte order: the order that BuildKit
    /// asks for.
    pub entries: Vec<Entry>,
}

/// One path of a build context.
#[derive(Debug)]
pub(super) struct Entry {
    /// Relative to the context, with `/`.
    pub path: String,
    /// What is there.
    pub kind: EntryKind,
    /// When it was last written.
    pub modified: SystemTime,
}

/// What a path of a build context is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A folder; it is part of the context even if it is empty.
    Folder,
    /// A regular file.
    File {
        /// Whether its owner may execute it. Other permissions depend on the machine, not on the
        /// app, and are the same in every image: 0644 and 0755.
        executable: bool,
        /// Its size in bytes.
        size: u64,
    },
    /// A symbolic link, which stays one and is never followed.
    Link {
        /// Where it points to, as it is written.
        target: String,
    },
}

/// Why the content of a file could not be passed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// It is not the file that was listed any more.
    #[error("{0} changed while it was read")]
    Changed(String),
    /// It cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The path in the context.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Its content cannot be written to where it should go.
    #[error("cannot pass it on")]
    Sink(#[source] io::Error),
}

impl Snapshot {
    /// Lists the context below `root`.
    pub fn take(root: &Path, rules: &IgnoreRules) -> Result<Self> {
        let mut entries = Vec::new();
        visit(root, "", rules, &mut entries).map_err(|(path, error)| {
            let message = format!("cannot read {} of the build context", path.display());
            Error::new(ErrorKind::Invalid, message)
                .because(&error)
                .hint("what the image does not need belongs into .dockerignore")
        })?;
        Ok(Self { root: root.to_owned(), entries })
    }

    /// Writes the content of a listed file to `sink`, exactly as many bytes as were listed.
    pub fn copy(&self, entry: &Entry, sink: &mut impl Write) -> Result<(), ReadError> {
        let unreadable = |source| ReadError::Unreadable { path: entry.path.clone(), source };
        let mut file = match File::open(self.root.join(&entry.path)) {
            Ok(file) => file,
            // Editors and tools write to a file of another name first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ReadError::Changed(entry.path.clone()));
            }
            Err(error) => return Err(unreadable(error)),
        };
        let mut buffer = vec![0; 64 * 1024];
        let mut copied = 0;
        loop {
            let read = file.read(&mut buffer).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            copied += read as u64;
            if copied > entry.size() {
                return Err(ReadError::Changed(entry.path.clone()));
            }
            sink.write_all(&buffer[..read]).map_err(ReadError::Sink)?;
        }
        let now = file.metadata().map_err(unreadable)?;
        let same = copied == entry.size() && now.modified().ok() == Some(entry.modified);
        if same { Ok(()) } else { Err(ReadError::Changed(entry.path.clone())) }
    }

    /// The number of regular files and their bytes.
    pub fn totals(&self) -> (usize, u64) {
        let files = self.entries.iter().filter(|entry| entry.is_file());
        files.fold((0, 0), |(count, bytes), file| (count + 1, bytes + file.size()))
    }
}

impl Entry {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self.kind, EntryKind::File { .. })
    }

    /// Its size in bytes; 0 if it is no regular file.
    pub fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size, .. } => size,
            EntryKind::Folder | EntryKind::Link { .. } => 0,
        }
    }

    /// Its permissions in the image.
    pub fn mode(&self) -> u32 {
        match self.kind {
            EntryKind::File { executable: false, .. } => 0o644,
            EntryKind::File { executable: true, .. } | EntryKind::Folder => 0o755,
            EntryKind::Link { .. } => 0o777,
        }
    }
}

/// Lists what is below `folder` (relative to `root`); an error names the path it happened at.
fn visit(
    root: &Path,
    folder: &str,
    rules: &IgnoreRules,
    entries: &mut Vec<Entry>,
) -> Result<(), (PathBuf, io::Error)> {
    let absolute = root.join(folder);
    let at_folder = |error| (absolute.clone(), error);
    let children: io::Result<Vec<_>> = std::fs::read_dir(&absolute).map_err(at_folder)?.collect();
    let mut children = children.map_err(at_folder)?;
    children.sort_by_key(std::fs::DirEntry::file_name);
    for child in children {
        let absolute = child.path();
        let at_child = |error| (absolute.clone(), error);
        let name = child.file_name();
        let shown = name.to_string_lossy();
        let path = if folder.is_empty() { shown.into_owned() } else { format!("{folder}/{shown}") };
        let excluded = rules.excludes(&path);
        let metadata = match child.metadata() {
            Ok(metadata) => metadata,
            // It is gone since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at_child(error)),
        };
        if excluded && !(metadata.is_dir() && rules.may_include_below(&path)) {
            continue;
        }
        if name.to_str().is_none() {
            return Err(at_child(io::Error::other("its name is not UTF-8")));
        }
        let Some(kind) = kind_of(&absolute, &metadata).map_err(at_child)? else { continue };
        let modified = metadata.modified().map_err(at_child)?;
        let is_folder = kind == EntryKind::Folder;
        entries.push(Entry { path: path.clone(), kind, modified });
        if is_folder {
            let before = entries.len();
            visit(root, &path, rules, entries)?;
            if excluded && entries.len() == before {
                // No exception was found below it.
                entries.pop();
            }
        }
    }
    Ok(())
}

/// What is at a path; `None` for sockets, pipes and devices, which no image can hold.
fn kind_of(path: &Path, metadata: &Metadata) -> io::Result<Option<EntryKind>> {
    let file_type = metadata.file_type();
    Ok(if file_type.is_dir() {
        Some(EntryKind::Folder)
    } else if file_type.is_symlink() {
        let target = std::fs::read_link(path)?.to_string_lossy().into_owned();
        Some(EntryKind::Link { target })
    } else if file_type.is_file() {
        let executable = metadata.permissions().mode() & 0o100 != 0;
        Some(EntryKind::File { executable, size: metadata.len() })
    } else {
        None
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn snapshot(root: &Path, rules: &str) -> Snapshot {
        let rules = IgnoreRules::parse(rules, Path::new(".dockerignore")).expect("valid rules");
        Snapshot::take(root, &rules).expect("readable context")
    }

    fn write(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, content).expect("write");
    }

    #[test]
    fn the_listing_is_sorted_and_keeps_links_and_exec_bits() {
        let root = tempfile::tempdir().expect("temporary folder");
        for path in ["b/z", "b/a", "b.txt", "a.sh"] {
            write(root.path(), path, "x");
        }
        let executable = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(root.path().join("a.sh"), executable).expect("chmod");
        std::fs::create_dir(root.path().join("empty")).expect("folder");
        symlink("/etc", root.path().join("out")).expect("link");
        let _socket = std::os::unix::net::UnixListener::bind(root.path().join("s")).expect("bind");

        let listing = snapshot(root.path(), "");

        let paths: Vec<_> = listing.entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["a.sh", "b", "b/a", "b/z", "b.txt", "empty", "out"]);
        assert_eq!(listing.entries[0].kind, EntryKind::File { executable: true, size: 1 });
        assert_eq!(listing.entries[0].mode(), 0o755);
        assert_eq!(listing.entries[6].kind, EntryKind::Link { target: "/etc".into() });
        assert_eq!(listing.totals(), (4, 4));
    }

    #[test]
    fn an_excluded_folder_stays_only_for_what_is_taken_back() {
        let root = tempfile::tempdir().expect("temporary folder");
        for path in ["docs/README.md", "docs/a.md", "docs/deep/x", "other/x"] {
            write(root.path(), path, "x");
        }
        let listing = snapshot(root.path(), "docs\nother\n!docs/README.md");
        let paths: Vec<_> = listing.entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["docs", "docs/README.md"]);
    }

    #[test]
    fn a_file_that_changed_after_the_listing_is_not_passed_on_as_if_it_had_not() {
        let root = tempfile::tempdir().expect("temporary folder");
        write(root.path(), "a", "one");
        let listing = snapshot(root.path(), "");
        let mut content = Vec::new();
        listing.copy(&listing.entries[0], &mut content).expect("unchanged");
        assert_eq!(content, b"one");

        write(root.path(), "a", "longer");
        let changed = listing.copy(&listing.entries[0], &mut Vec::new());
        assert!(matches!(changed, Err(ReadError::Changed(path)) if path == "a"));

        std::fs::remove_file(root.path().join("a")).expect("remove");
        let gone = listing.copy(&listing.entries[0], &mut Vec::new());
        assert!(matches!(gone, Err(ReadError::Changed(path)) if path == "a"));
    }

    #[test]
    fn a_missing_context_is_named() {
        let rules = IgnoreRules::default();
        let error = Snapshot::take(Path::new("/nonexistent"), &rules).expect_err("missing");
        assert!(error.message.contains("/nonexistent"), "{error}");
    }
}
