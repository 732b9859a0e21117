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
