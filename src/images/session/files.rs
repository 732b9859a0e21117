//! Serves the build context to the engine: first the whole listing, then the content of the files
//! that the engine asks for because it has them not, or not as they are now.

use std::{
    io::{self, Write},
    pin::Pin,
    sync::Arc,
    time::UNIX_EPOCH,
};

use bollard::{
    fsutil::types::{Packet, Stat, packet::PacketType},
    moby::filesync::v1::file_sync_server::FileSync,
};
use futures_util::{Stream, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use super::DOCKERFILE;
use crate::images::{
    context::{Entry, EntryKind, ReadError, Snapshot},
    source::Source,
};

/// The bits of Go's file modes, which the protocol uses.
const GO_FOLDER: u32 = 1 << 31;
const GO_LINK: u32 = 1 << 27;

/// How many packets may wait for the connection.
const WAITING_PACKETS: usize = 64;

type Packets = mpsc::Sender<Result<Packet, Status>>;

/// What a session serves.
pub(super) struct Files {
    pub source: Arc<Source>,
    pub dockerfile: Arc<str>,
    /// Where to tell that a file could not be read.
    pub failed: mpsc::UnboundedSender<ReadError>,
}

/// One of the folders that the engine asks for.
enum Folder {
    /// The build context.
    Context(Arc<Source>),
    /// The folder of the Dockerfile, which holds nothing else.
    Dockerfile(Arc<str>),
    /// The ignore file, which is applied already.
    Nothing,
}

#[tonic::async_trait]
impl FileSync for Files {
    type DiffCopyStream = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;
    type TarStreamStream = Self::DiffCopyStream;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let folder = Arc::new(self.folder(request.metadata()));
        let (packets, receiver) = mpsc::channel(WAITING_PACKETS);
        tokio::spawn(list(Arc::clone(&folder), packets.clone()));
        tokio::spawn(answer(request.into_inner(), folder, packets, self.failed.clone()));
        let packets = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|packet| (packet, receiver))
        });
        Ok(Response::new(Box::pin(packets)))
    }

    async fn tar_stream(
        &self,
        _: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("files are copied one by one"))
    }
}

impl Files {
    /// What the engine asks for, by the names that its Dockerfile frontend uses.
    fn folder(&self, metadata: &MetadataMap) -> Folder {
        let values = |key: &str| -> Vec<String> {
            let values = metadata.get_all(key).iter();
            values.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
        };
        if values("dir-name") == ["dockerfile"] {
            Folder::Dockerfile(Arc::clone(&self.dockerfile))
        } else if values("followpaths") == [".dockerignore"] {
            Folder::Nothing
        } else {
            Folder::Context(Arc::clone(&self.source))
        }
    }
}

impl Folder {
    fn stats(&self) -> Vec<Stat> {
        match self {
            Self::Context(source) => source.context.entries.iter().map(stat).collect(),
            Self::Dockerfile(text) => vec![Stat {
                path: DOCKERFILE.into(),
                mode: 0o644,
                size: i64::try_from(text.len()).unwrap_or(i64::MAX),
                ..Default::default()
            }],
            Self::Nothing => Vec::new(),
        }
    }

    /// Writes the content of the file with this number in the listing.
    fn copy(&self, id: usize, sink: &mut impl Write) -> Result<(), ReadError> {
        match self {
            Self::Context(source) => {
                let context: &Snapshot = &source.context;
                let entry = context.entries.get(id).filter(|entry| entry.is_file());
                entry.map_or(Ok(()), |entry| context.copy(entry, sink))
            }
            Self::Dockerfile(text) => sink.write_all(text.as_bytes()).map_err(ReadError::Sink),
            Self::Nothing => Ok(()),
        }
    }
}

fn stat(entry: &Entry) -> Stat {
    let (kind, linkname) = match &entry.kind {
        EntryKind::Folder => (GO_FOLDER, String::new()),
        EntryKind::Link { target } => (GO_LINK, target.clone()),
        EntryKind::File { .. } => (0, String::new()),
    };
    let modified = entry.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Stat {
        path: entry.path.clone(),
        mode: entry.mode() | kind,
        size: i64::try_from(entry.size()).unwrap_or(i64::MAX),
        mod_time: i64::try_from(modified.as_nanos()).unwrap_or(i64::MAX),
        linkname,
        ..Default::default()
    }
}

fn packet(kind: PacketType, id: u32, data: Vec<u8>) -> Packet {
    Packet { r#type: kind as i32, stat: None, id, data }
}

/// Sends the listing, and an empty entry as its end.
async fn list(folder: Arc<Folder>, packets: Packets) {
    let stats = folder.stats().into_iter().map(Some).chain([None]);
    for stat in stats {
        let packet = Packet { stat, ..packet(PacketType::PacketStat, 0, Vec::new()) };
        if packets.send(Ok(packet)).await.is_err() {
            return;
        }
    }
}

/// Takes the engine's requests as they come. It asks for everything at once, and while a request
/// waits on the connection the engine takes nothing from us: reading them only as fast as files are
/// sent would stop both sides for good (at some 5,000 files, when the connection's window is full).
async fn take_requests(mut requests: Streaming<Packet>, wanted: mpsc::UnboundedSender<Packet>) {
    while let Ok(Some(request)) = requests.message().await {
        if wanted.send(request).is_err() {
            return;
        }
    }
}

/// Sends the files that the engine asks for, one after the other, until it has all.
async fn answer(
    requests: Streaming<Packet>,
    folder: Arc<Folder>,
    packets: Packets,
    failed: mpsc::UnboundedSender<ReadError>,
) {
    let (wanted, mut wishes) = mpsc::unbounded_channel();
    let _reader = AbortOnDropHandle::new(tokio::spawn(take_requests(requests, wanted)));
    while let Some(request) = wishes.recv().await {
        match PacketType::try_from(request.r#type) {
            Ok(PacketType::PacketReq) => {
                let (folder, packets) = (Arc::clone(&folder), packets.clone());
                let sent =
                    tokio::task::spawn_blocking(move || send_file(&folder, request.id, &packets));
                if let Ok(Err(error)) = sent.await {
                    let _ = failed.send(error);
                    return;
                }
            }
            Ok(PacketType::PacketFin) => {
                let _ = packets.send(Ok(packet(PacketType::PacketFin, 0, Vec::new()))).await;
                return;
            }
            _ => return,
        }
    }
}

fn send_file(folder: &Folder, id: u32, packets: &Packets) -> Result<(), ReadError> {
    let gone = || ReadError::Sink(io::Error::from(io::ErrorKind::BrokenPipe));
    let index = usize::try_from(id).unwrap_or(usize::MAX);
    match folder.copy(index, &mut PacketWriter { id, packets }) {
        // A packet without data is the end of the file.
        Ok(()) => packets
            .blocking_send(Ok(packet(PacketType::PacketData, id, Vec::new())))
            .map_err(|_| gone()),
        Err(error) => {
            // It makes the engine drop the build.
            let _ = packets.blocking_send(Err(Status::aborted(error.to_string())));
            Err(error)
        }
    }
}

/// Sends what is written as packets of one file.
struct PacketWriter<'a> {
    id: u32,
    packets: &'a Packets,
}

impl Write for PacketWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let packet = packet(PacketType::PacketData, self.id, bytes.to_vec());
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.packets.blocking_send(Ok(packet)).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
