//! The ledger and its lease in a container of Azure Blob Storage.

mod azurite;
mod commands;

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use mizan::{
    error::ErrorKind,
    http::Http,
    ledger::{BlobPlace, Claim, ImageRecord, LeaseLock, Ledger, Release},
    model::ReleaseId,
    secret::SecretValue,
};
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt,
    azure::{MicrosoftAzure, MicrosoftAzureBuilder},
    path::Path,
};
use serde_json::json;

use azurite::{ACCOUNT, KEY};

const TIME: &str = "2026-05-01T12:00:00Z";

fn http() -> Http {
    Http::new().unwrap()
}

/// A place in a container of its own, which is not there yet.
fn place() -> BlobPlace {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    BlobPlace {
        account: ACCOUNT.into(),
        container: format!("mizan-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)),
        prefix: "board/production".into(),
        endpoint: Some(azurite::endpoint()),
        key: SecretValue::new(KEY.into()),
    }
}

/// The container as another client sees it: object_store's own settings, all of the container.
fn raw(place: &BlobPlace) -> MicrosoftAzure {
    MicrosoftAzureBuilder::new()
        .with_account(ACCOUNT)
        .with_access_key(KEY)
        .with_container_name(&place.container)
        .with_endpoint(azurite::endpoint().trim_end_matches('/').to_owned())
        .with_allow_http(true)
        .with_http_connector(http())
        .build()
        .unwrap()
}

/// A ledger in a container of its own.
async fn ledger() -> (Ledger, MicrosoftAzure) {
    let place = place();
    place.ensure_container(&http()).await.unwrap();
    (Ledger::blob(&place, &http()).unwrap(), raw(&place))
}

fn lock(ledger: &Ledger) -> LeaseLock {
    ledger.lease("board in environment production")
}

fn claim(holder: &str) -> Claim {
    let since = TIME.parse().unwrap();
    // The lock of a process that is gone would be anybody's.
    Claim { holder: holder.into(), pid: process::id(), command: "mizan deploy".into(), since }
}

fn release(id: u64) -> Release {
    Release {
        id: ReleaseId(id),
        created: TIME.parse().unwrap(),
        git: None,
        image: ImageRecord { reference: "board:1".into(), id: "sha256:ab".into() },
        edge: None,
        render: None,
        rollback_to: None,
        schema: None,
        config: json!({"app": "board"}),
        inventory: vec![],
    }
}

#[tokio::test]
async fn releases_are_recorded_read_and_forgotten() {
    let (ledger, raw) = ledger().await;
    assert_eq!(ledger.current().await, Ok(None));
    for id in 1..=3 {
        ledger.record(&release(id)).await.unwrap();
    }
    ledger.record(&release(3)).await.unwrap();
    let other = Release { edge: Some("e".into()), ..release(3) };
    assert!(ledger.record(&other).await.is_err(), "a number is recorded once");
    assert_eq!(ledger.current().await, Ok(Some(release(3))));
    assert_eq!(ledger.prune(1).await.unwrap().len(), 2);
    assert_eq!(ledger.releases().await, Ok(vec![release(3)]));
    let path = Path::from("board/production/releases/r3.json");
    assert!(raw.head(&path).await.is_ok(), "it is below the prefix");
    ledger.forget(ReleaseId(9)).await.unwrap();
}

#[tokio::test]
async fn what_is_removed_is_of_this_environment_alone() {
    let (ledger, raw) = ledger().await;
    ledger.record(&release(1)).await.unwrap();
    let guard = lock(&ledger).acquire(claim("anna"), None).await.unwrap();
    let theirs = Path::from("board/staging/current.json");
    raw.put(&theirs, "{}".into()).await.unwrap();
    ledger.remove_all(Some("lock")).await.unwrap();
    assert_eq!(ledger.current().await, Ok(None));
    assert_eq!(guard.check().await, Ok(()));
    guard.release().await.unwrap();
    ledger.remove_all(None).await.unwrap();
    let all = raw.list_with_delimiter(Some(&Path::from("board"))).await.unwrap();
    assert_eq!(all.common_prefixes, [Path::from("board/staging")]);
    assert!(raw.head(&theirs).await.is_ok());
}

#[tokio::test]
async fn of_many_exactly_one_gets_the_lock_and_numbers_rise() {
    let (ledger, _) = ledger().await;
    for fencing in 1..=3 {
        let lock = lock(&ledger);
        let all = (0..8).map(|at| lock.acquire(claim(&format!("user-{at}")), None));
        let (won, lost): (Vec<_>, Vec<_>) =
            join_all(all).await.into_iter().partition(Result::is_ok);
        let [Ok(guard)] = won.as_slice() else { panic!("{} have it", won.len()) };
        assert_eq!(guard.fencing(), fencing);
        assert_eq!(guard.check().await, Ok(()));
        for error in lost.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind, ErrorKind::Locked, "{error}");
        }
        for guard in won.into_iter().flatten() {
            guard.release().await.unwrap();
        }
        assert_eq!(lock.holder().await, Ok(None));
    }
}

#[tokio::test]
async fn a_lease_runs_out_by_the_clock_of_the_store() {
    let (ledger, raw) = ledger().await;
    let lock = lock(&ledger);
    // Its holder says it lasts two seconds, and that it ends in a thousand years.
    let stale = json!({
        "format": "mizan-lease", "version": 1, "fencing": 41, "mark": "theirs",
        "held": {
            "holder": "kim@laptop", "pid": 9, "command": "mizan deploy", "since": TIME,
            "lease_seconds": 2, "expires": "3026-05-01T12:00:00Z",
        },
    });
    let path = Path::from("board/production/lock.json");
    raw.put(&path, stale.to_string().into()).await.unwrap();
    let error = lock.acquire(claim("ben"), None).await.unwrap_err();
    assert!(error.to_string().contains("kim@laptop runs `mizan deploy`"), "{error}");
    let guard = lock.acquire(claim("ben"), Some(Duration::from_secs(60))).await.unwrap();
    assert_eq!(guard.fencing(), 42);
}

#[tokio::test]
async fn who_finds_the_file_changed_has_lost_the_lock() {
    let (ledger, raw) = ledger().await;
    let guard = lock(&ledger).acquire(claim("anna"), None).await.unwrap();
    let raw: Arc<dyn ObjectStore> = Arc::new(raw);
    let path = Path::from("board/production/lock.json");
    let theirs = json!({
        "format": "mizan-lease", "version": 1, "fencing": 2, "mark": "theirs",
    });
    raw.put(&path, theirs.to_string().into()).await.unwrap();
    // The loser gives nothing back: its conditional write is refused.
    guard.release().await.unwrap();
    let stored = raw.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(stored, theirs.to_string());
    assert_eq!(lock(&ledger).acquire(claim("ben"), None).await.unwrap().fencing(), 3);
}

#[tokio::test]
async fn a_lock_file_that_is_deleted_is_not_written_again_by_who_had_it() {
    let (ledger, raw) = ledger().await;
    let guard = lock(&ledger).acquire(claim("anna"), None).await.unwrap();
    let path = Path::from("board/production/lock.json");
    raw.delete(&path).await.unwrap();
    guard.release().await.unwrap();
    assert!(matches!(raw.head(&path).await, Err(StoreError::NotFound { .. })));
    let again = lock(&ledger).acquire(claim("ben"), None).await.unwrap();
    assert_eq!(lock(&ledger).holder().await.unwrap().unwrap().claim.holder, "ben");
    again.release().await.unwrap();
}

#[tokio::test]
async fn a_container_is_made_once_and_needed() {
    let place = place();
    let ledger = Ledger::blob(&place, &http()).unwrap();
    let error = ledger.record(&release(1)).await.unwrap_err();
    assert!(error.causes[0].starts_with("ContainerNotFound"), "{error}");
    assert!(error.hints[0].contains("az storage container create"), "{:?}", error.hints);
    assert!(lock(&ledger).acquire(claim("anna"), None).await.is_err());
    for _ in 0..2 {
        place.ensure_container(&http()).await.unwrap();
    }
    ledger.record(&release(1)).await.unwrap();
}

#[tokio::test]
async fn a_key_that_the_account_does_not_know_is_told_with_what_to_do() {
    let stranger = BlobPlace { key: SecretValue::new("c3RyYW5nZXI=".into()), ..place() };
    let read = Ledger::blob(&stranger, &http()).unwrap().current().await.unwrap_err();
    let made = stranger.ensure_container(&http()).await.unwrap_err();
    for error in [read, made] {
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(error.causes[0].starts_with("AuthorizationFailure"), "{error}");
        assert!(!error.hints.is_empty(), "{error}");
        assert!(!format!("{error:?}").contains("c3RyYW5nZXI"), "{error:?}");
    }
}
