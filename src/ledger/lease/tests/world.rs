//! A world to try leases in: its time moves by hand, its machines have clocks that disagree, and
//! each machine's line to the store can be cut.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{future::BoxFuture, stream::BoxStream};
use jiff::Timestamp;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    memory::InMemory, path::Path,
};
use tokio::sync::oneshot;

use crate::ledger::{
    Claim,
    lease::{Clock, LeaseLock, register::Register},
};

/// The store and the time.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) files: InMemory,
    written: Mutex<HashMap<Path, Duration>>,
    now: Mutex<Duration>,
    sleepers: Mutex<Vec<(Duration, oneshot::Sender<()>)>>,
}

impl World {
    /// Time goes by, and whoever sleeps wakes up in between.
    pub(super) async fn pass(&self, seconds: u64) {
        let end = self.now() + Duration::from_secs(seconds);
        loop {
            settle().await;
            let next = self.sleepers.lock().unwrap().iter().map(|(due, _)| *due).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.set(next);
        }
        self.set(end);
        settle().await;
    }

    /// Time goes by while every machine is suspended: nobody has done anything yet.
    pub(super) fn suspend(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }

    pub(super) fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn set(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = time.max(*now);
        let mut sleepers = self.sleepers.lock().unwrap();
        let (due, rest) = sleepers.drain(..).partition::<Vec<_>, _>(|(due, _)| *due <= *now);
        *sleepers = rest;
        for (_, waker) in due {
            // Who has stopped sleeping for another reason is not woken.
            let _ = waker.send(());
        }
    }
}

/// Everybody who can do something does it.
pub(super) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// What is wrong with a machine's line to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Good,
    /// Nothing gets through.
    Down,
    /// The next write does not get through.
    LosesAWrite,
    /// The next write gets through, its answer does not.
    LosesAnAnswer,
    /// So it is, and then nothing gets through any more.
    LosesTheRest,
    /// Nothing ever ends.
    Hangs,
}

/// A machine: a clock that differs from the others', and a line to the store.
#[derive(Clone)]
pub(super) struct Machine {
    world: Arc<World>,
    name: &'static str,
    skew: Duration,
    line: Arc<Mutex<Line>>,
}

impl Machine {
    pub(super) fn new(world: &Arc<World>, name: &'static str, skew: u64) -> Self {
        let line = Arc::new(Mutex::new(Line::Good));
        Self { world: world.clone(), name, skew: Duration::from_secs(skew), line }
    }

    pub(super) fn line(&self, line: Line) {
        *self.line.lock().unwrap() = line;
    }

    pub(super) fn lock(&self) -> LeaseLock {
        LeaseLock {
            register: Register { store: Arc::new(self.clone()), place: "s3://ledger".into() },
            what: "board in environment production".into(),
            clock: Arc::new(self.clone()),
            kernel: None,
        }
    }

    pub(super) fn claim(&self) -> Claim {
        Claim {
            holder: self.name.into(),
            pid: 7,
            command: "mizan deploy".into(),
            since: "2026-05-01T12:00:00Z".parse().unwrap(),
        }
    }

    /// Passes, fails or hangs as the line does; true if an answer gets lost after the effect.
    async fn send(&self, writes: bool) -> object_store::Result<bool> {
        // Others come in between, as they would.
        tokio::task::yield_now().await;
        let line = *self.line.lock().unwrap();
        match line {
            Line::Good => Ok(false),
            Line::Down => Err(cut()),
            Line::LosesAWrite if writes => {
                self.line(Line::Good);
                Err(cut())
            }
            Line::LosesAnAnswer if writes => {
                self.line(Line::Good);
                Ok(true)
            }
            Line::LosesTheRest if writes => {
                self.line(Line::Down);
                Ok(true)
            }
            Line::LosesAWrite | Line::LosesAnAnswer | Line::LosesTheRest => Ok(false),
            Line::Hangs => std::future::pending().await,
        }
    }
}

fn cut() -> StoreError {
    StoreError::Generic { store: "S3", source: "the connection was cut".into() }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Clock for Machine {
    fn now(&self) -> Duration {
        self.world.now() + self.skew
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (waker, woken) = oneshot::channel();
        let due = self.world.now() + duration;
        self.world.sleepers.lock().unwrap().push((due, waker));
        Box::pin(async move {
            let _ = woken.await;
        })
    }
}

#[async_trait]
impl ObjectStore for Machine {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let answer_lost = self.send(true).await?;
        let put = self.world.files.put_opts(path, payload, options).await?;
        self.world.written.lock().unwrap().insert(path.clone(), self.world.now());
        tokio::task::yield_now().await;
        if answer_lost { Err(cut()) } else { Ok(put) }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.send(false).await?;
        let mut got = self.world.files.get_opts(path, options).await?;
        let written = self.world.written.lock().unwrap()[path];
        // Whole seconds, as S3 has them.
        got.meta.last_modified = Default::default();
        got.meta.last_modified += Duration::from_secs(written.as_secs());
        tokio::task::yield_now().await;
        Ok(got)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.world.files.put_multipart_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.world.files.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.world.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.world.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.world.files.copy_opts(from, to, options).await
    }
}
