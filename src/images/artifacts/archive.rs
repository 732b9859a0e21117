//! Unpacks the tar stream in which an engine hands out files of an image. The image is not
//! trusted: only regular files come out, below the target, within limits.

use std::{
    fs::File,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use crate::{
    docker::is_missing,
    error::{Error, ErrorKind},
};

/// How many pieces of the stream may wait for the disk.
const WAITING_PIECES: usize = 4;

/// What may come out at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub files: usize,
    pub file_bytes: u64,
    pub total_bytes: u64,
}

/// What to do with the files of an archive.
#[derive(Debug, Clone)]
pub(super) enum Rules {
    /// The archive is one regular file; write it here.
    OneFile(PathBuf),
    /// Write its regular files below here, without dotfiles and source maps.
    Tree(PathBuf),
    /// Write nothing, and only collect the names at its top, as far as the limits reach.
    Names,
}

/// What came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// The files, relative to the target.
    pub files: Vec<String>,
    /// What did not come out, each with its reason.
    pub left_out: Vec<String>,
}

/// Why it failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The path is not in the image.
    Missing,
    /// A limit was passed.
    TooMuch(String),
    /// The engine's answer broke off or made no sense.
    Engine(String),
    /// It cannot be written.
    Disk(io::Error),
}

impl Failure {
    /// The error a user sees, about a path of the configuration.
    pub fn told(self, setting: &str, path: &str) -> Error {
        let message = format!("`{setting}: {path}` cannot be taken out of the image");
        match self {
            Self::Missing => Error::new(ErrorKind::Invalid, message).cause("there is no such path"),
            Self::TooMuch(why) => Error::new(ErrorKind::Invalid, message).cause(why),
            Self::Engine(why) => Error::new(ErrorKind::Unavailable, message).cause(why),
            Self::Disk(error) => Error::failed(message).because(&error),
        }
    }
}

/// Unpacks a stream by the rules.
pub(super) async fn unpack(
    stream: impl Stream<Item = Result<Bytes, bollard::errors::Error>>,
    rules: Rules,
    limits: Limits,
) -> Result<Unpacked, Failure> {
    let (pieces, receiver) = mpsc::channel(WAITING_PIECES);
    let reader = PieceReader { pieces: receiver, piece: Bytes::new() };
    let work = tokio::task::spawn_blocking(move || read(reader, &rules, limits));
    let mut stream = std::pin::pin!(stream);
    let mut broken = None;
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => {
                // The reader is gone when it has failed or seen enough.
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
            Err(error) if is_missing(&error) => broken = Some(Failure::Missing),
            Err(error) => broken = Some(Failure::Engine(error.to_string())),
        }
    }
    drop(pieces);
    let unpacked = work.await.map_err(|error| Failure::Engine(error.to_string()))?;
    broken.map_or(unpacked, Err)
}

fn read(reader: impl Read, rules: &Rules, limits: Limits) -> Result<Unpacked, Failure> {
    let engine = |error: io::Error| Failure::Engine(error.to_string());
    let mut archive = tar::Archive::new(reader);
    let mut unpacked = Unpacked::default();
    let mut left = limits;
    for entry in archive.entries().map_err(engine)? {
        let mut entry = entry.map_err(engine)?;
        let path = entry.path().map_err(engine)?.into_owned();
        let is_file = entry.header().entry_type().is_file();
        let is_folder = entry.header().entry_type().is_dir();
        match rules {
            Rules::Names => {
                unpacked.files.extend(top_name(&path));
                if left.charge(&path, entry.size()).is_err() {
                    break;
                }
            }
            Rules::OneFile(_) if is_folder => break,
            Rules::OneFile(target) if is_file => {
                left.charge(&path, entry.size())?;
                write(&mut entry, target).map_err(Failure::Disk)?;
                unpacked.files.push(path.to_string_lossy().into_owned());
            }
            Rules::Tree(target) if !is_folder => match wanted(&path, is_file) {
                Ok(relative) => {
                    left.charge(&path, entry.size())?;
                    write(&mut entry, &target.join(&relative)).map_err(Failure::Disk)?;
                    unpacked.files.push(relative);
                }
                Err(Some(why)) => unpacked.left_out.push(format!("{} ({why})", path.display())),
                Err(None) => {}
            },
            Rules::OneFile(_) | Rules::Tree(_) => {}
        }
    }
    Ok(unpacked)
}

impl Limits {
    /// Takes a file off what may still come out.
    fn charge(&mut self, path: &Path, bytes: u64) -> Result<(), Failure> {
        let path = path.display();
        if bytes > self.file_bytes {
            let limit = self.file_bytes >> 20;
            return Err(Failure::TooMuch(format!("{path} has more than {limit} MiB")));
        }
        self.files = self
            .files
            .checked_sub(1)
            .ok_or_else(|| Failure::TooMuch(format!("there are too many files, at {path}")))?;
        self.total_bytes = self
            .total_bytes
            .checked_sub(bytes)
            .ok_or_else(|| Failure::TooMuch(format!("there is too much in all, at {path}")))?;
        Ok(())
    }
}

/// The path below the target, or why the entry is left out; `None` for what nobody misses.
fn wanted(path: &Path, is_file: bool) -> Result<String, Option<&'static str>> {
    let relative = inner(path).ok_or(Some("a path that leads elsewhere"))?;
    let hidden = relative.split('/').any(|part| part.starts_with('.'));
    if hidden || relative.ends_with(".map") {
        return Err(None);
    }
    if is_file { Ok(relative) } else { Err(Some("no regular file")) }
}

/// The path without the archive's own top folder; `None` unless it stays below it.
fn inner(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

fn top_name(path: &Path) -> Option<String> {
    inner(path)?.split('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn write(entry: &mut impl Read, target: &Path) -> io::Result<()> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // A second file of the same name is an error, not a replacement.
    let mut file = File::create_new(target)?;
    io::copy(entry, &mut file)?;
    Ok(())
}

/// Reads what the other side sends, piece by piece.
struct PieceReader {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let taken = buffer.len().min(self.piece.len());
        buffer[..taken].copy_from_slice(&self.piece.split_to(taken));
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { files: 3, file_bytes: 10, total_bytes: 20 };

    /// A tar stream of these entries; names go in as they are, however bad.
    fn archive(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            let field = &mut header.as_old_mut().name;
            field[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o777);
            if *kind == tar::EntryType::Symlink {
                header.set_link_name("/etc/passwd").expect("a link name");
            }
            header.set_cksum();
            tar.append(&header, content.as_bytes()).expect("append");
        }
        tar.into_inner().expect("finish")
    }

    const FILE: tar::EntryType = tar::EntryType::Regular;
    const FOLDER: tar::EntryType = tar::EntryType::Directory;
    const LINK: tar::EntryType = tar::EntryType::Symlink;

    fn tree(entries: &[(&str, tar::EntryType, &str)]) -> (Result<Unpacked, Failure>, Vec<String>) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let target = folder.path().join("deep/target");
        let bytes = archive(entries);
        let unpacked = read(bytes.as_slice(), &Rules::Tree(target.clone()), LIMITS);
        let written = files_below(folder.path());
        let relative = |path: PathBuf| {
            path.strip_prefix(&target).unwrap_or(&path).to_string_lossy().into_owned()
        };
        (unpacked, written.into_iter().map(relative).collect())
    }

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).expect("list").flatten() {
            let path = entry.path();
            if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
        }
        files.sort();
        files
    }

    #[test]
    fn only_regular_files_below_the_target_come_out() {
        let (unpacked, written) = tree(&[
            ("./", FOLDER, ""),
            ("./a.js", FILE, "1"),
            ("./deep/b.css", FILE, "2"),
            ("./a.js.map", FILE, "3"),
            ("./.env", FILE, "4"),
            ("./.git/config", FILE, "5"),
            ("./link", LINK, ""),
            ("../outside", FILE, "6"),
            ("./deep/../../outside", FILE, "7"),
            ("/absolute", FILE, "8"),
        ]);
        let unpacked = unpacked.expect("unpacked");
        assert_eq!(unpacked.files, ["a.js", "deep/b.css"]);
        assert_eq!(written, ["a.js", "deep/b.css"]);
        assert_eq!(unpacked.left_out.len(), 4, "{:?}", unpacked.left_out);
    }

    #[test]
    fn nothing_is_written_through_a_link_or_twice() {
        let (twice, _) = tree(&[("a", FILE, "1"), ("a", FILE, "2")]);
        assert!(matches!(twice, Err(Failure::Disk(_))));
        let (through, written) = tree(&[("d", LINK, ""), ("d/passwd", FILE, "1")]);
        assert_eq!(through.expect("unpacked").files, ["d/passwd"]);
        assert_eq!(written, ["d/passwd"]);
    }

    #[test]
    fn limits_hold() {
        let too_large = tree(&[("a", FILE, "12345678901")]).0;
        let too_many =
            tree(&[("a", FILE, ""), ("b", FILE, ""), ("c", FILE, ""), ("d", FILE, "")]).0;
        let in_all =
            tree(&[("a", FILE, "1234567890"), ("b", FILE, "1234567890"), ("c", FILE, "1")]).0;
        for failure in [too_large, too_many, in_all] {
            assert!(matches!(failure, Err(Failure::TooMuch(_))), "{failure:?}");
        }
    }

    #[test]
    fn one_file_is_one_regular_file() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let target = folder.path().join("bundle.js");
        let one =
            |entries| read(archive(entries).as_slice(), &Rules::OneFile(target.clone()), LIMITS);
        assert!(
            one(&[("server", FOLDER, ""), ("server/a", FILE, "1")]).expect("read").files.is_empty()
        );
        assert!(one(&[("server.js", LINK, "")]).expect("read").files.is_empty());
        assert!(!target.exists());
        assert_eq!(one(&[("server.js", FILE, "1")]).expect("read").files, ["server.js"]);
        assert_eq!(std::fs::read(&target).expect("the bundle"), b"1");
    }

    #[test]
    fn names_are_collected_without_writing_and_stop_at_the_limits() {
        let bytes = archive(&[("./a", FOLDER, ""), ("./a/b", FILE, "1"), ("./c", FILE, "1")]);
        let found = read(bytes.as_slice(), &Rules::Names, LIMITS).expect("read");
        assert_eq!(found.files, ["a", "a", "c"]);
        let large = archive(&[("./a", FILE, "12345678901"), ("./b", FILE, "1")]);
        let found = read(large.as_slice(), &Rules::Names, LIMITS).expect("read");
        assert_eq!(found.files, ["a"]);
    }

    #[tokio::test]
    async fn a_broken_stream_is_an_error_and_no_short_archive() {
        let missing = bollard::errors::Error::DockerResponseServerError {
            status_code: 404,
            message: "no such path".into(),
        };
        let gone = futures_util::stream::iter([Err(missing)]);
        let unpacked = unpack(gone, Rules::Names, LIMITS).await;
        assert!(matches!(unpacked, Err(Failure::Missing)));

        let half = archive(&[("a", FILE, "1")]);
        let cut = [Ok(Bytes::from(half)), Err(bollard::errors::Error::RequestTimeoutError)];
        let unpacked = unpack(futures_util::stream::iter(cut), Rules::Names, LIMITS).await;
        assert!(matches!(unpacked, Err(Failure::Engine(_))));
    }
}
