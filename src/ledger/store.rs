//! Release records of one environment over an object store. The `current` pointer is written
//! after the record, so a crash between the two leaves a record that nobody points at, never a
//! pointer to nothing.

use std::{fs, path::Path as FilePath, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, local::LocalFileSystem, path::Path,
};
use serde::{Deserialize, Serialize};

use super::{
    azure::BlobPlace,
    document::{self, Format},
    failure::failure,
    lease::LeaseLock,
    record::Release,
    s3::S3Place,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    http::Http,
    model::ReleaseId,
};

/// The folder of the release records.
const RELEASES: &str = "releases";
/// The pointer to the release that is live.
const CURRENT: &str = "current.json";
/// Records that are read at the same time.
const READ_AT_ONCE: usize = 16;

/// Which release is live.
#[derive(Serialize, Deserialize)]
struct Current {
    release: ReleaseId,
}

impl Format for Current {
    const NAME: &'static str = "mizan-current";
}

impl Format for Release {
    const NAME: &'static str = "mizan-release";
}

/// The releases of one environment.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Arc<dyn ObjectStore>,
    place: String,
}

impl Ledger {
    /// The ledger in `store`, which holds nothing but this environment's; `place` is what errors
    /// put before the names of its files.
    pub fn new(store: Arc<dyn ObjectStore>, place: impl Into<String>) -> Self {
        Self { store, place: place.into() }
    }

    /// The ledger in a folder of this machine, which is created if need be.
    pub fn local(folder: &FilePath) -> Result<Self> {
        let place = folder.display().to_string();
        let message = || format!("could not open the ledger in {place}");
        fs::create_dir_all(folder).context(ErrorKind::Failed, message)?;
        let store = LocalFileSystem::new_with_prefix(folder)
            .context(ErrorKind::Failed, message)?
            // A deploy is rare and its record must outlive a power cut.
            .with_fsync(true);
        Ok(Self::new(Arc::new(store), place))
    }

    /// The ledger in a bucket, which exists.
    ///
    /// # Errors
    /// The bucket's name or address makes no sense.
    pub fn s3(place: &S3Place, http: &Http) -> Result<Self> {
        Ok(Self::new(place.open(http)?, place.to_string()))
    }

    /// The ledger in a container of a storage account on Azure, which exists.
    ///
    /// # Errors
    /// The account's key or address makes no sense.
    pub fn blob(place: &BlobPlace, http: &Http) -> Result<Self> {
        Ok(Self::new(place.open(http)?, place.to_string()))
    }

    /// The lock of `what` ("board in environment production"), a lease in the same place. The
    /// store must be one that can replace a file conditionally: a bucket or a container, not a folder.
    pub fn lease(&self, what: impl Into<String>) -> LeaseLock {
        LeaseLock::new(self.store.clone(), self.place.clone(), what)
    }

    /// All recorded releases, newest first.
    pub async fn releases(&self) -> Result<Vec<Release>> {
        let ids = self.ids().await?;
        let read = ids.into_iter().map(async |id| self.read(&record_path(id)).await);
        let found: Vec<Option<Release>> =
            stream::iter(read).buffered(READ_AT_ONCE).try_collect().await?;
        // One that is being forgotten may be gone by now.
        Ok(found.into_iter().flatten().collect())
    }

    /// The record of one release.
    pub async fn release(&self, id: ReleaseId) -> Result<Release> {
        match self.read(&record_path(id)).await? {
            Some(release) => Ok(release),
            None => Err(self.no_such_release(id).await?),
        }
    }

    /// The release that is live, if there ever was one.
    pub async fn current(&self) -> Result<Option<Release>> {
        match self.current_id().await? {
            Some(id) => self.release(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The number of the release that is live.
    pub async fn current_id(&self) -> Result<Option<ReleaseId>> {
        let current = self.read::<Current>(&Path::from(CURRENT)).await?;
        Ok(current.map(|current| current.release))
    }

    /// The number of the next release: above every number that was ever recorded.
    pub async fn next_id(&self) -> Result<ReleaseId> {
        let newest = self.ids().await?.first().map_or(0, |id| id.0);
        let current = self.current_id().await?.map_or(0, |id| id.0);
        Ok(ReleaseId(newest.max(current) + 1))
    }

    /// Records a release and makes it the live one. A number is recorded only once; recording the
    /// same release again is allowed, as one whose answer got lost is recorded all the same.
    pub async fn record(&self, release: &Release) -> Result<()> {
        let path = record_path(release.id);
        if let Err(error) = self.write(&path, release, PutMode::Create).await
            && self.read(&path).await?.as_ref() != Some(release)
        {
            return Err(error);
        }
        self.point_to(release.id).await
    }

    /// Makes a recorded release the live one again.
    pub async fn set_current(&self, id: ReleaseId) -> Result<()> {
        self.release(id).await?;
        self.point_to(id).await
    }

    /// No release is the live one any more.
    pub async fn clear_current(&self) -> Result<()> {
        self.remove(&Path::from(CURRENT)).await
    }

    /// Forgets all but the newest `keep` releases, never the live one; returns the forgotten.
    pub async fn prune(&self, keep: usize) -> Result<Vec<Release>> {
        let current = self.current().await?.map(|release| release.id);
        let mut forgotten = Vec::new();
        for id in self.ids().await?.into_iter().skip(keep) {
            if Some(id) != current {
                let release = self.release(id).await?;
                let path = record_path(id);
                self.store.delete(&path).await.map_err(|error| self.failure(&path, error))?;
                forgotten.push(release);
            }
        }
        Ok(forgotten)
    }

    /// True if a release of this number is recorded.
    pub async fn has(&self, id: ReleaseId) -> Result<bool> {
        Ok(self.ids().await?.contains(&id))
    }

    /// Forgets one release; one that is not recorded is forgotten already.
    pub async fn forget(&self, id: ReleaseId) -> Result<()> {
        self.remove(&record_path(id)).await
    }

    /// Removes everything of the environment, but for files whose names begin with `but`.
    pub async fn remove_all(&self, but: Option<&str>) -> Result<()> {
        let root = Path::default();
        let found: Vec<_> =
            self.store.list(None).try_collect().await.map_err(|it| self.failure(&root, it))?;
        let stays = |path: &Path| but.is_some_and(|but| path.as_ref().starts_with(but));
        for meta in found.iter().filter(|meta| !stays(&meta.location)) {
            self.remove(&meta.location).await?;
        }
        Ok(())
    }

    /// The recorded numbers, newest first.
    pub async fn ids(&self) -> Result<Vec<ReleaseId>> {
        let folder = Path::from(RELEASES);
        let found: Vec<_> = self
            .store
            .list(Some(&folder))
            .try_collect()
            .await
            .map_err(|error| self.failure(&folder, error))?;
        let name = |path: &Path| path.filename()?.strip_suffix(".json")?.parse().ok();
        let mut ids: Vec<ReleaseId> =
            found.iter().filter_map(|meta| name(&meta.location)).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    async fn remove(&self, path: &Path) -> Result<()> {
        match self.store.delete(path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failure(path, error)),
        }
    }

    async fn point_to(&self, release: ReleaseId) -> Result<()> {
        self.write(&Path::from(CURRENT), &Current { release }, PutMode::Overwrite).await
    }

    async fn read<T: Format>(&self, path: &Path) -> Result<Option<T>> {
        let found = match self.store.get(path).await {
            Ok(found) => found,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failure(path, error)),
        };
        let bytes = found.bytes().await.map_err(|error| self.failure(path, error))?;
        document::read(&self.name(path), &bytes).map(Some)
    }

    async fn write<T: Format>(&self, path: &Path, body: &T, mode: PutMode) -> Result<()> {
        let text = document::write(body)?;
        let put = self.store.put_opts(path, text.into(), mode.into()).await;
        put.map(drop).map_err(|error| self.failure(path, error))
    }

    async fn no_such_release(&self, id: ReleaseId) -> Result<Error> {
        let known: Vec<_> = self.ids().await?.iter().map(ToString::to_string).collect();
        let hint = match known.as_slice() {
            [] => "nothing was released to this environment yet".to_owned(),
            known => format!("these are recorded: {}", known.join(", ")),
        };
        Ok(Error::failed(format!("release {id} is not in the ledger {}", self.place)).hint(hint))
    }

    fn name(&self, path: &Path) -> String {
        format!("{}/{path}", self.place)
    }

    fn failure(&self, path: &Path, error: StoreError) -> Error {
        failure(&self.name(path), &error)
    }
}

fn record_path(id: ReleaseId) -> Path {
    Path::from(format!("{RELEASES}/{id}.json"))
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use serde_json::json;

    use super::*;
    use crate::ledger::{GitRevision, ImageRecord, InventoryItem};

    fn release(id: u64) -> Release {
        Release {
            id: ReleaseId(id),
            created: "2026-05-01T12:00:00Z".parse().expect("a timestamp"),
            git: Some(GitRevision { revision: "7cd4b7e".into(), dirty: true }),
            image: ImageRecord { reference: "board:7cd4".into(), id: "sha256:ab".into() },
            edge: Some("e1".into()),
            render: None,
            rollback_to: None,
            schema: None,
            config: json!({"app": "board", "secrets": ["SECRET_KEY"]}),
            inventory: vec![InventoryItem {
                kind: "container".into(),
                name: "board-web-1".into(),
                attributes: [("port".to_owned(), "49153".to_owned())].into(),
            }],
        }
    }

    fn ledger() -> Ledger {
        Ledger::new(Arc::new(InMemory::new()), "memory")
    }

    async fn put(ledger: &Ledger, path: &str, text: &str) {
        let text = text.to_owned();
        ledger.store.put(&Path::from(path), text.into()).await.expect("stored");
    }

    fn ids(releases: &[Release]) -> Vec<u64> {
        releases.iter().map(|release| release.id.0).collect()
    }

    #[tokio::test]
    async fn a_new_ledger_has_nothing_and_begins_at_one() {
        let ledger = ledger();
        assert_eq!(ledger.releases().await, Ok(vec![]));
        assert_eq!(ledger.current().await, Ok(None));
        assert_eq!(ledger.next_id().await, Ok(ReleaseId(1)));
    }

    #[tokio::test]
    async fn everything_is_removed_or_all_but_the_lock() {
        let ledger = ledger();
        ledger.record(&release(1)).await.expect("recorded");
        put(&ledger, "lock.json", "{}").await;
        let files = async || {
            let found: Vec<_> = ledger.store.list(None).try_collect().await.expect("files");
            found.into_iter().map(|meta| meta.location.to_string()).collect::<Vec<_>>()
        };
        ledger.remove_all(Some("lock")).await.expect("removed");
        assert_eq!(files().await, ["lock.json"]);
        ledger.remove_all(None).await.expect("removed");
        assert_eq!(files().await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_was_recorded_is_read_back_from_a_folder_newest_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::local(&folder.path().join("board/local")).expect("a ledger");
        for id in [1, 2, 10] {
            ledger.record(&release(id)).await.expect("recorded");
        }
        let again = Ledger::local(&folder.path().join("board/local")).expect("a ledger");
        assert_eq!(ids(&again.releases().await.expect("releases")), [10, 2, 1]);
        assert_eq!(again.current().await, Ok(Some(release(10))));
        assert_eq!(again.next_id().await, Ok(ReleaseId(11)));
    }

    #[tokio::test]
    async fn the_stored_form_is_stable() {
        let ledger = ledger();
        ledger.record(&release(1)).await.expect("recorded");
        let stored = ledger.store.get(&Path::from("releases/r1.json")).await.expect("a file");
        let text = stored.bytes().await.expect("bytes");
        insta::assert_snapshot!(String::from_utf8_lossy(&text), @r#"
        {
          "format": "mizan-release",
          "version": 1,
          "id": 1,
          "created": "2026-05-01T12:00:00Z",
          "git": {
            "revision": "7cd4b7e",
            "dirty": true
          },
          "image": {
            "reference": "board:7cd4",
            "id": "sha256:ab"
          },
          "edge": "e1",
          "config": {
            "app": "board",
            "secrets": [
              "SECRET_KEY"
            ]
          },
          "inventory": [
            {
              "kind": "container",
              "name": "board-web-1",
              "attributes": {
                "port": "49153"
              }
            }
          ]
        }
        "#);
    }

    #[tokio::test]
    async fn a_crash_before_the_pointer_leaves_the_old_release_live() {
        let ledger = ledger();
        ledger.record(&release(1)).await.expect("recorded");
        let crashed = document::write(&release(2)).expect("written");
        put(&ledger, "releases/r2.json", &crashed).await;
        assert_eq!(ledger.current().await, Ok(Some(release(1))));
        assert_eq!(ledger.next_id().await, Ok(ReleaseId(3)), "its number is not used again");
    }

    #[tokio::test]
    async fn a_number_is_recorded_only_once() {
        let ledger = ledger();
        ledger.record(&release(1)).await.expect("recorded");
        let again = Release { schema: Some("2".into()), ..release(1) };
        assert!(ledger.record(&again).await.is_err());
        assert_eq!(ledger.release(ReleaseId(1)).await, Ok(release(1)));
    }

    #[tokio::test]
    async fn rolling_back_moves_the_pointer_to_a_recorded_release_only() {
        let ledger = ledger();
        ledger.record(&release(1)).await.expect("recorded");
        ledger.record(&release(2)).await.expect("recorded");
        ledger.set_current(ReleaseId(1)).await.expect("moved");
        assert_eq!(ledger.current().await, Ok(Some(release(1))));
        let error = ledger.set_current(ReleaseId(7)).await.expect_err("no such release");
        assert_eq!(error.to_string(), "release r7 is not in the ledger memory");
        assert_eq!(error.hints, ["these are recorded: r2, r1"]);
    }

    #[tokio::test]
    async fn pruning_keeps_the_newest_and_the_live_one() {
        let ledger = ledger();
        for id in 1..=5 {
            ledger.record(&release(id)).await.expect("recorded");
        }
        ledger.set_current(ReleaseId(2)).await.expect("moved");
        assert_eq!(ids(&ledger.prune(2).await.expect("pruned")), [3, 1]);
        assert_eq!(ids(&ledger.releases().await.expect("releases")), [5, 4, 2]);
    }

    #[tokio::test]
    async fn a_damaged_file_is_named_with_what_to_do() {
        let ledger = ledger();
        put(&ledger, "releases/r1.json", r#"{"format": "mizan-release", "version": 1, "id"#).await;
        let error = ledger.releases().await.expect_err("damaged");
        assert_eq!(error.message, "the ledger's file memory/releases/r1.json cannot be used");
        assert!(error.hints[0].starts_with("restore it from a backup"), "{:?}", error.hints);
    }

    #[tokio::test]
    async fn a_file_of_another_version_is_refused_not_misread() {
        let ledger = ledger();
        put(&ledger, "current.json", r#"{"format": "mizan-current", "version": 9}"#).await;
        let error = ledger.current().await.expect_err("refused");
        assert_eq!(error.causes, ["it has version 9, this mizan reads 1"]);
        put(&ledger, "current.json", r#"{"format": "mizan-lock", "version": 1}"#).await;
        let error = ledger.current().await.expect_err("refused");
        assert_eq!(error.causes, [r#"it says it is a "mizan-lock", not a "mizan-current""#]);
    }

    #[tokio::test]
    async fn foreign_files_between_the_records_are_left_alone() {
        let ledger = ledger();
        put(&ledger, "releases/notes.txt", "ours").await;
        assert_eq!(ledger.releases().await, Ok(vec![]));
    }
}
