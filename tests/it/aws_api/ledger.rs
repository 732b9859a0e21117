//! The ledger and its lease in a bucket.

use std::{
    process,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mizan::{
    error::ErrorKind,
    ledger::{Claim, ImageRecord, LeaseLock, Ledger, Release, S3Place, bucket_url},
    model::ReleaseId,
};
use object_store::{
    ObjectStore, ObjectStoreExt,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use serde_json::json;

use super::{Peer, REGION, credentials, http, peers, unique};

const TIME: &str = "2026-05-01T12:00:00Z";

/// A ledger in a bucket of its own.
async fn ledger(peer: &Peer) -> (Ledger, AmazonS3) {
    let bucket = unique("ledger");
    let tags = [("mizan:ledger".to_owned(), "test".to_owned())].into();
    peer.bucket(&bucket, REGION).ensure(&tags).await.unwrap();
    let raw = AmazonS3Builder::new()
        .with_bucket_name(&bucket)
        .with_region(REGION)
        .with_endpoint(bucket_url(&bucket, REGION, Some(&peer.url)))
        .with_virtual_hosted_style_request(true)
        .with_allow_http(true)
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .with_http_connector(http())
        .build()
        .unwrap();
    let place = S3Place {
        bucket,
        region: REGION.into(),
        prefix: "board/production".into(),
        endpoint: Some(peer.url.clone()),
        credentials: credentials(),
    };
    (Ledger::s3(&place, &http()).unwrap(), raw)
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
    for peer in peers() {
        let (ledger, raw) = ledger(&peer).await;
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
    }
}

#[tokio::test]
async fn of_many_exactly_one_gets_the_lock_and_numbers_rise() {
    for peer in peers() {
        let (ledger, _) = ledger(&peer).await;
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
}

#[tokio::test]
async fn a_lease_runs_out_by_the_clock_of_the_store() {
    for peer in peers() {
        let (ledger, raw) = ledger(&peer).await;
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
        let begin = Instant::now();
        let error = lock.acquire(claim("ben"), None).await.unwrap_err();
        assert!(error.to_string().contains("kim@laptop runs `mizan deploy`"), "{error}");
        let guard = lock.acquire(claim("ben"), Some(Duration::from_secs(30))).await.unwrap();
        assert_eq!(guard.fencing(), 42);
        let waited = begin.elapsed().as_secs_f64();
        assert!((5.5..12.0).contains(&waited), "{waited}");
    }
}

#[tokio::test]
async fn who_finds_the_file_changed_has_lost_the_lock() {
    for peer in peers() {
        let (ledger, raw) = ledger(&peer).await;
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
}
