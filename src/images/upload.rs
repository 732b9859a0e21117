//! The build context as one tar stream, written on a thread of its own while the engine reads.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{mpsc, oneshot};

use super::{
    context::{Entry, EntryKind, ReadError},
    source::Source,
};

/// The size of the pieces that travel; a few may wait for the engine to read them.
const PIECE: usize = 256 * 1024;
const WAITING_PIECES: usize = 4;

/// The name of a Dockerfile that lies outside of its context.
const OUTSIDE_NAME: &str = ".mizan.Dockerfile";

/// A running upload.
pub(super) struct Upload {
    /// Where the engine finds the Dockerfile in it.
    pub dockerfile: String,
    /// Resolves to the error that ended the upload early; is dropped when it went well.
    pub failure: oneshot::Receiver<ReadError>,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl Upload {
    /// Begins to write the context of `source` with this text as its Dockerfile.
    pub fn start(source: Arc<Source>, dockerfile: String) -> Self {
        let (pieces, receiver) = mpsc::channel(WAITING_PIECES);
        let (failed, failure) = oneshot::channel();
        let place = source.dockerfile_in_context().map(Path::to_owned);
        let name = place.map_or(OUTSIDE_NAME.into(), |path| path.to_string_lossy().into_owned());
        let in_tar = name.clone();
        tokio::task::spawn_blocking(move || {
            let sink = PieceWriter { pieces: pieces.clone(), piece: Vec::with_capacity(PIECE) };
            if let Err(error) = write(&source, &in_tar, &dockerfile, sink) {
                // The broken end makes the engine drop what it has got so far.
                let _ = pieces.blocking_send(Err(io::Error::other(error.to_string())));
                let _ = failed.send(error);
            }
        });
        Self { dockerfile: name, failure, pieces: receiver }
    }

    /// Takes the upload apart into its content and its possible failure.
    pub fn split(
        self,
    ) -> (impl Stream<Item = io::Result<Bytes>> + Send + 'static, oneshot::Receiver<ReadError>)
    {
        let content = stream::unfold(self.pieces, |mut pieces| async move {
            pieces.recv().await.map(|piece| (piece, pieces))
        });
        (content, self.failure)
    }
}

fn write(
    source: &Source,
    dockerfile_name: &str,
    dockerfile: &str,
    sink: PieceWriter,
) -> Result<(), ReadError> {
    let mut tar = tar::Builder::new(sink);
    for entry in &source.context.entries {
        if entry.path != dockerfile_name {
            append(&mut tar, source, entry)?;
        }
    }
    let mut header = header(0o644, tar::EntryType::Regular, dockerfile.len() as u64);
    let text = dockerfile.as_bytes();
    tar.append_data(&mut header, dockerfile_name, text).map_err(ReadError::Sink)?;
    tar.into_inner().and_then(|mut sink| sink.flush()).map_err(ReadError::Sink)
}

fn append(
    tar: &mut tar::Builder<PieceWriter>,
    source: &Source,
    entry: &Entry,
) -> Result<(), ReadError> {
    let mut header = match &entry.kind {
        EntryKind::Folder => header(entry.mode(), tar::EntryType::Directory, 0),
        EntryKind::Link { .. } => header(entry.mode(), tar::EntryType::Symlink, 0),
        EntryKind::File { size, .. } => header(entry.mode(), tar::EntryType::Regular, *size),
    };
    let modified = entry.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    header.set_mtime(modified.as_secs());
    match &entry.kind {
        EntryKind::Folder => tar.append_data(&mut header, &entry.path, io::empty()),
        EntryKind::Link { target } => tar.append_link(&mut header, &entry.path, target),
        EntryKind::File { .. } => {
            let mut content = Vec::with_capacity(usize::try_from(entry.size()).unwrap_or(0));
            source.context.copy(entry, &mut content)?;
            tar.append_data(&mut header, &entry.path, content.as_slice())
        }
    }
    .map_err(ReadError::Sink)
}

fn header(mode: u32, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}

/// Cuts what is written into pieces and sends them on.
struct PieceWriter {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        // Nobody reads any more when the build has been dropped.
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.pieces.blocking_send(Ok(piece.into())).map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read as _};

    use futures_util::StreamExt as _;

    use super::*;
    use crate::images::testing;

    async fn content(upload: Upload) -> (Vec<u8>, oneshot::Receiver<ReadError>) {
        let (pieces, failure) = upload.split();
        let pieces: Vec<_> = pieces.collect().await;
        (pieces.into_iter().flatten().flatten().collect(), failure)
    }

    #[tokio::test]
    async fn the_upload_is_the_context_with_the_pinned_dockerfile() {
        let large = "x".repeat(PIECE + 1);
        let root = testing::context(&[
            ("Dockerfile", "FROM a"),
            (".dockerignore", "*.log"),
            ("b.log", ""),
            ("large", &large),
        ]);
        std::os::unix::fs::symlink("large", root.path().join("link")).expect("link");
        let source = Source::read(&testing::app(root.path())).expect("source");

        let upload = Upload::start(Arc::new(source), "FROM a@sha256:1".into());

        assert_eq!(upload.dockerfile, "Dockerfile");
        let (bytes, mut failure) = content(upload).await;
        assert!(failure.try_recv().is_err());
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().expect("a tar stream") {
            let mut entry = entry.expect("an entry");
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            let link = entry.link_name().expect("a link name");
            let link = link.map(|link| link.display().to_string());
            let path = entry.path().expect("a path").display().to_string();
            found.insert(path, link.unwrap_or(text));
        }
        let expected = [
            (".dockerignore", "*.log"),
            ("Dockerfile", "FROM a@sha256:1"),
            ("large", &large),
            ("link", "large"),
        ];
        let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[tokio::test]
    async fn a_file_that_changes_after_the_listing_breaks_the_upload() {
        let root = testing::context(&[("Dockerfile", "FROM a"), ("a", "1")]);
        let source = Source::read(&testing::app(root.path())).expect("source");
        std::fs::write(root.path().join("a"), "22").expect("write");

        let (_, mut failure) = content(Upload::start(Arc::new(source), "FROM a".into())).await;

        assert!(matches!(failure.try_recv(), Ok(ReadError::Changed(path)) if path == "a"));
    }
}
