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
