//! The live log of a Worker.

use std::time::Duration;

use mizan::{cloudflare::TailRequest, error::ErrorKind};
use tokio::time::timeout;

use super::{client, worker};
use crate::support::cloudflare_fake::{ACCOUNT, Fake};

#[tokio::test]
async fn a_tail_tells_what_requests_logged_until_it_is_stopped() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    let zone = fake.add_zone("example.org").await;
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("edge")).await.unwrap();
    cloudflare.put_domain(ACCOUNT, &zone, "board.example.org", "board-edge").await.unwrap();
    let tail = cloudflare.start_tail(ACCOUNT, "board-edge").await.unwrap();
    assert!(tail.expires_at > jiff::Timestamp::now());
    assert!(!format!("{tail:?}").contains(tail.url.expose()));
    let mut events = cloudflare.tail_events(&tail).await.unwrap();

    assert_eq!(fake.visit("board.example.org", "/a").await.0, 200);

    let event = timeout(Duration::from_secs(20), events.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(event.outcome, "ok");
    assert_eq!(event.logs, [("log".to_owned(), "asked /a".to_owned())]);
    assert_eq!(event.exceptions, [""; 0]);
    let Some(TailRequest { method, url, status }) = event.request else { panic!("a request") };
    assert_eq!((method.as_str(), status), ("GET", Some(200)));
    assert!(url.ends_with("board.example.org/a"), "{url}");

    cloudflare.stop_tail(ACCOUNT, "board-edge", &tail.id).await.unwrap();
    cloudflare.stop_tail(ACCOUNT, "board-edge", &tail.id).await.unwrap();
    assert!(timeout(Duration::from_secs(20), events.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_tail_that_has_ended_cannot_be_listened_to() {
    let fake = Fake::start();
    let cloudflare = client(&fake);
    cloudflare.put_script(ACCOUNT, "board-edge", &worker("edge")).await.unwrap();
    let tail = cloudflare.start_tail(ACCOUNT, "board-edge").await.unwrap();
    cloudflare.stop_tail(ACCOUNT, "board-edge", &tail.id).await.unwrap();
    let error = cloudflare.tail_events(&tail).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(!format!("{error:?}").contains(tail.url.expose()), "{error:?}");
}
