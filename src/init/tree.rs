//! The files of a repository as far as they say how it is built: a bounded listing, and texts that
//! are read when somebody asks for them.

use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::error::{Context, Error, ErrorKind, Result};

/// How deep folders are looked into. What describes a project lies near the top.
const MAX_DEPTH: usize = 8;
/// How many files are listed; a repository with more is a repository of data.
const MAX_FILES: usize = 50_000;
/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 20;
/// Folders that hold what was installed or made, never what somebody wrote.
const SKIPPED: [&str; 6] = [
    "node_modules",
    "__pycache__",
    "site-packages",
    "bower_components",
    "jspm_packages",
    "htmlcov",
];

/// A listing of the files below a folder.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    files: BTreeSet<String>,
    complete: bool,
}

impl Tree {
    /// Lists what is below `root`: no hidden folders, nothing installed, no link followed.
    ///
    /// # Errors
    /// The folder itself cannot be read. Folders below it that cannot be are left out.
    pub fn read(root: &Path) -> Result<Self> {
        fs::read_dir(root)
            .context(ErrorKind::Usage, || format!("cannot read the folder {}", root.display()))?;
        let mut tree = Self { root: root.to_owned(), files: BTreeSet::new(), complete: true };
        tree.visit(&mut PathBuf::new(), 0);
        Ok(tree)
    }

    fn visit(&mut self, folder: &mut PathBuf, depth: usize) {
        let Ok(entries) = fs::read_dir(self.root.join(&*folder)) else { return };
        for entry in entries.flatten() {
            if self.files.len() >= MAX_FILES {
                self.complete = false;
                return;
            }
            // What is not UTF-8 has no name that a Dockerfile could say.
            let (Ok(kind), Some(name)) =
                (entry.file_type(), entry.file_name().to_str().map(str::to_owned))
            else {
                continue;
            };
            folder.push(&name);
            if kind.is_dir() {
                if !is_skipped(&name, &entry.path()) {
                    match depth < MAX_DEPTH {
                        true => self.visit(folder, depth + 1),
                        false => self.complete = false,
                    }
                }
            } else if kind.is_file() {
                self.files.extend(folder.to_str().map(str::to_owned));
            }
            folder.pop();
        }
    }

    /// The folder that was listed.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// False if there was more than is looked at.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// All paths, relative to the root, with `/`.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The paths below a folder; all of them below the empty one.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> {
        let prefix = join(folder, "");
        self.files().filter(move |path| path.starts_with(&prefix))
    }

    /// The paths whose last part is `name`.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.files().filter(move |path| split(path).1 == name)
    }

    /// True if there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// The text of a file as tools of Python read it: UTF-8, or UTF-16 with its mark; what is
    /// neither is replaced, because the facts are in the ASCII around it.
    ///
    /// # Errors
    /// It is not listed, larger than is read, or cannot be read.
    pub fn text(&self, path: &str) -> Result<String> {
        let bytes = self.bytes(path)?;
        Ok(match bytes.as_slice() {
            [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
            [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
            [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
            _ => String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// The text of a file that has to be UTF-8 (TOML, JSON).
    ///
    /// # Errors
    /// As for [`Tree::text`], and it is not UTF-8.
    pub fn utf8(&self, path: &str) -> Result<String> {
        String::from_utf8(self.bytes(path)?).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            let at = place(path, &before, before.len());
            Error::new(ErrorKind::Invalid, format!("{at}: the file is not UTF-8"))
                .hint("save it as UTF-8")
        })
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        if !self.has(path) {
            return Err(Error::new(ErrorKind::Invalid, format!("there is no file {path}")));
        }
        let unreadable = || format!("cannot read {path}");
        let file = fs::File::open(self.root.join(path)).context(ErrorKind::Invalid, unreadable)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).context(ErrorKind::Invalid, unreadable)?;
        match bytes.len() as u64 > MAX_BYTES {
            false => Ok(bytes),
            true => Err(Error::new(ErrorKind::Invalid, format!("{path} is larger than 1 MiB"))),
        }
    }
}

fn is_skipped(name: &str, path: &Path) -> bool {
    name.starts_with('.') || SKIPPED.contains(&name) || path.join("pyvenv.cfg").exists()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// `folder/name`, or the name alone in the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// Folder and name of a path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The folder and those above it, up to the root.
pub(super) fn upwards(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| (!folder.is_empty()).then(|| split(folder).0))
}

/// A path without `.` and `..`; nothing if it leaves the root.
pub(super) fn clean(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// `file:line:column` of a byte of its text.
pub(super) fn place(file: &str, text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{}:{column}", line(text, byte))
}

/// The line of a byte of a text, counted from 1.
pub(super) fn line(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let tree = Tree::read(folder.path()).unwrap();
        (folder, tree)
    }

    #[test]
    fn what_is_hidden_or_installed_is_not_listed() {
        let (_folder, tree) = tree(&[
            ("manage.py", b""),
            (".git/manage.py", b""),
            ("node_modules/x/manage.py", b""),
            ("env/pyvenv.cfg", b""),
            ("env/lib/manage.py", b""),
            ("app/.env", b""),
        ]);
        assert_eq!(tree.files().collect::<Vec<_>>(), ["app/.env", "manage.py"]);
    }

    #[test]
    fn links_are_not_followed_so_loops_end() {
        let (folder, _) = tree(&[("a/x.py", b"")]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("a/passwd")).unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(tree.files().collect::<Vec<_>>(), ["a/x.py"]);
    }

    #[test]
    fn texts_of_any_encoding_are_read_and_their_size_is_bounded() {
        let (_folder, tree) = tree(&[
            ("utf16.txt", b"\xFF\xFED\0j\0a\0n\0g\0o\0"),
            ("latin1.py", b"NAME = 'caf\xE9'"),
            ("bom.txt", b"\xEF\xBB\xBFdjango"),
            ("huge.txt", &vec![b'x'; (1 << 20) + 1]),
        ]);
        assert_eq!(tree.text("utf16.txt").unwrap(), "Django");
        assert_eq!(tree.text("latin1.py").unwrap(), "NAME = 'caf\u{FFFD}'");
        assert_eq!(tree.text("bom.txt").unwrap(), "django");
        let error = tree.text("huge.txt").unwrap_err();
        assert_eq!(error.message, "huge.txt is larger than 1 MiB");
        let error = tree.utf8("latin1.py").unwrap_err();
        assert_eq!(error.message, "latin1.py:1:12: the file is not UTF-8");
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(clean("a/./b/../c").as_deref(), Some("a/c"));
        assert_eq!(clean("../c"), None);
        assert_eq!(upwards("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
    }
}
