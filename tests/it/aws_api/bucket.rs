//! The life of a bucket.

use bytes::Bytes;
use mizan::{
    error::ErrorKind,
    http::Request,
    targets::aws::api::s3::{Bucket, Tags},
};

use super::{Peer, REGION, http, peers, unique};

fn tags() -> Tags {
    Tags::from([("mizan:ledger".to_owned(), "a & b".to_owned())])
}

/// A file that somebody else has put there; the emulators believe who does not sign.
async fn put(peer: &Peer, bucket: &str, name: &str) {
    let request = Request::put(format!("{}/{bucket}/{name}", peer.url));
    let answer = http().fetch(request.body(Bytes::from("ours")).unwrap()).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

async fn made(peer: &Peer, region: &str) -> (String, Bucket) {
    let name = unique("bucket");
    let bucket = peer.bucket(&name, region);
    assert_eq!(bucket.exists().await, Ok(false));
    bucket.ensure(&tags()).await.unwrap();
    assert_eq!(bucket.exists().await, Ok(true));
    (name, bucket)
}

#[tokio::test]
async fn it_is_made_once_and_marked() {
    for peer in peers() {
        for region in [REGION, "us-east-1"] {
            let (_, bucket) = made(&peer, region).await;
            bucket.ensure(&tags()).await.unwrap();
            assert_eq!(bucket.tags().await, Ok(tags()));
            assert_eq!(bucket.delete_if_empty().await, Ok(true));
            assert_eq!(bucket.delete_if_empty().await, Ok(true), "it is gone already");
        }
    }
}

#[tokio::test]
async fn one_that_a_cut_left_without_a_mark_is_finished_and_a_foreign_one_is_refused() {
    for peer in peers() {
        let (name, bucket) = made(&peer, REGION).await;
        let untag = Request::delete(format!("{}/{name}?tagging", peer.url));
        http().fetch(untag.body(Bytes::new()).unwrap()).await.unwrap();
        assert_eq!(bucket.tags().await, Ok(Tags::new()));
        bucket.ensure(&tags()).await.unwrap();
        assert_eq!(bucket.tags().await, Ok(tags()));

        let untag = Request::delete(format!("{}/{name}?tagging", peer.url));
        http().fetch(untag.body(Bytes::new()).unwrap()).await.unwrap();
        put(&peer, &name, "theirs").await;
        let error = bucket.ensure(&tags()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed);
        assert_eq!(error.message, format!("the bucket {name} exists and is not ours"));
        assert_eq!(bucket.tags().await, Ok(Tags::new()), "and it is left alone");
    }
}

#[tokio::test]
async fn only_what_is_below_the_prefix_is_removed() {
    for peer in peers() {
        let (name, bucket) = made(&peer, REGION).await;
        for file in ["a/one.json", "a/b%20c/two%2B.json", "ab/three.json"] {
            put(&peer, &name, file).await;
        }
        assert_eq!(bucket.delete_prefix("a/", None).await, Ok(2));
        assert_eq!(bucket.delete_if_empty().await, Ok(false));
        assert_eq!(bucket.delete_prefix("a", None).await, Ok(1));
        assert_eq!(bucket.delete_prefix("", None).await, Ok(0));
        assert_eq!(bucket.delete_if_empty().await, Ok(true));
    }
}
