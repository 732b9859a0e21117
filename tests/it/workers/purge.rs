//! The Edge itself takes what `mizan edge purge` sends.

use std::collections::BTreeMap;

use mizan::{
    error::{ErrorKind, Result},
    http::Http,
    secret::SecretValue,
    workers::{
        local::Source,
        purge::{self, Invalidation, Purged},
    },
};

use super::{origin::Origin, plane::Plane};

const BUNDLE: &str = "export const mizanBundle = 1;";

fn key(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned())
}

async fn purge(plane: &Plane, key: &SecretValue) -> Result<Purged> {
    let everything = [Invalidation::of("*", &BTreeMap::new())];
    purge::send(&Http::new().unwrap(), &plane.url(), key, &everything).await
}

/// A plane whose live Edge knows these keys.
async fn live(keys: Option<&str>) -> (Plane, Origin) {
    let (plane, origin) = (Plane::start().await, Origin::start("a").await);
    let keys = keys.map(key);
    let dir = plane.write_keyed_generation("a", &origin, BUNDLE, keys.as_ref());
    plane.control.prepare("a", Source::Workers { dir }).await.unwrap();
    plane.control.activate("a").await.unwrap();
    (plane, origin)
}

#[tokio::test]
async fn the_edge_takes_a_purge_that_is_signed_with_one_of_its_keys() {
    let (plane, _origin) = live(Some("the new key, the old key")).await;
    let first = purge(&plane, &key("the new key")).await.unwrap();
    assert_eq!(first.recorded[0].to_string(), "everything");
    let second = purge(&plane, &key("the old key")).await.unwrap();
    assert!(second.seq > first.seq, "{first:?} {second:?}");
    assert_eq!(second.epoch, first.epoch);
    assert_eq!(purge(&plane, &key("another")).await.unwrap_err().kind, ErrorKind::Denied);
}

#[tokio::test]
async fn an_edge_without_a_key_takes_none() {
    let (plane, _origin) = live(None).await;
    let error = purge(&plane, &key("any")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.starts_with("the edge has no key for purges"), "{error}");
}
