//! The local data plane with a real `workerd`: nothing is lost when a release is switched, when a
//! process dies, or when the supervisor itself is killed.

mod origin;
pub mod plane;
mod purge;
mod visitor;

use std::{
    fs::{self, File},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use hyper::StatusCode;
use mizan::{
    error::ErrorKind,
    workers::local::{GenerationState, Source},
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use origin::Origin;
use plane::{Plane, kill, wait_until_gone};
use visitor::{Connections, Tally, Visitor, load};

use crate::support::free_port;

/// Switching under load: this many requests at least, else the test proves little.
const ENOUGH_REQUESTS: usize = 2000;
/// How long requests that are under way are waited for: a busy machine needs less, too.
const DRAIN: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_supervisor_keeps_nothing_that_its_caller_has_open() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("a lock of the caller");
    let held = File::create(&lock).unwrap();
    rustix::io::fcntl_setfd(&held, rustix::io::FdFlags::empty()).unwrap();
    let plane = Plane::start().await;
    let pid = plane.status().await.pid;
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<_> = open.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()).collect();
    assert!(!open.is_empty() && !open.contains(&lock), "{open:?}");
}

#[tokio::test]
async fn switching_under_load_loses_nothing() {
    let origins = [Origin::start("a").await, Origin::start("b").await];
    let plane = Plane::start().await;
    plane.prepare_workers("g0", &origins[0]).await;
    plane.control.activate("g0").await.unwrap();

    let tally = Arc::new(Tally::default());
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = [Connections::Kept, Connections::Kept, Connections::Fresh]
        .map(|connections| tokio::spawn(load(plane.port, connections, tally.clone(), stop.clone())))
        .into();

    let mut round = 0;
    while tally.done() < ENOUGH_REQUESTS || round < 4 {
        let (old, new) = (format!("g{round}"), format!("g{}", round + 1));
        let origin = &origins[(round + 1) % 2];
        // Every third generation has no edge: the two kinds follow each other, too.
        if round % 3 == 2 {
            plane.control.prepare(&new, origin.direct()).await.unwrap();
        } else {
            plane.prepare_workers(&new, origin).await;
        }
        plane.control.activate(&new).await.unwrap();
        assert_eq!(Visitor::connect(plane.port).await.get("/name").await.text, origin.name);
        let open = plane.control.retire(&old, DRAIN).await.unwrap();
        assert_eq!(open, 0, "{old} did not drain");
        round += 1;
    }
    stop.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.await.unwrap();
    }
    assert_eq!(tally.failures(), Vec::<String>::new());
    assert!(tally.done() >= ENOUGH_REQUESTS, "{tally:?}");
}

#[tokio::test]
async fn a_websocket_stays_where_it_is_until_its_app_closes_it() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let plane = Plane::start().await;
    plane.prepare_workers("a", &a).await;
    plane.prepare_workers("b", &b).await;
    websocket_survives(&plane, &a).await;
}

#[tokio::test]
async fn without_an_edge_a_websocket_stays_as_well() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let plane = Plane::start().await;
    plane.control.prepare("a", a.direct()).await.unwrap();
    plane.control.prepare("b", b.direct()).await.unwrap();
    websocket_survives(&plane, &a).await;
}

/// Opened at `a`, used after the switch to `b`, ended by `a`.
async fn websocket_survives(plane: &Plane, a: &Origin) {
    plane.control.activate("a").await.unwrap();
    let mut socket = visitor::websocket(plane.port).await;
    plane.control.activate("b").await.unwrap();

    socket.send(Message::text("still here")).await.unwrap();
    let echo = socket.next().await.unwrap().unwrap();
    assert_eq!(echo.into_text().unwrap(), "a: still here");
    // Nobody waits for it: it would last as long as its visitor stays.
    let drained = plane.control.drain("a", DRAIN * 100);
    let open = tokio::time::timeout(DRAIN, drained).await.unwrap();
    assert_eq!(open.unwrap(), 1);

    // As a container that is stopped: it says why, and the visitor hears it.
    a.close_websockets();
    let close = socket.next().await.unwrap().unwrap();
    let Message::Close(Some(frame)) = close else { panic!("no close frame: {close:?}") };
    assert_eq!(frame.code, CloseCode::Restart);
    assert!(socket.next().await.is_none_or(|end| end.is_err()), "the connection ends");
    assert_eq!(plane.control.retire("a", DRAIN).await.unwrap(), 0);
}

#[tokio::test]
async fn a_slow_request_finishes_where_it_began() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let plane = Plane::start().await;
    plane.prepare_workers("a", &a).await;
    plane.prepare_workers("b", &b).await;
    plane.control.activate("a").await.unwrap();
    let mut slow = Visitor::connect(plane.port).await.stream("/slow").await;
    // Before the origin has the rest: the answer is streamed.
    assert_eq!(slow.piece().await.as_deref(), Some("a: first"));
    assert_eq!(plane.status().await.generations[0].open, 1);
    plane.control.activate("b").await.unwrap();
    assert_eq!(Visitor::connect(plane.port).await.get("/name").await.text, "b");

    let rest = async {
        a.finish_slow_answers();
        (slow.piece().await, slow.piece().await)
    };
    let (open, rest) = tokio::join!(plane.control.retire("a", DRAIN), rest);
    assert_eq!(open.unwrap(), 0);
    assert_eq!(rest, (Some(", second".to_owned()), None));
}

#[tokio::test]
async fn a_crashed_workerd_is_started_again_while_visitors_wait() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.prepare_workers("a", &origin).await;
    plane.control.activate("a").await.unwrap();

    for _ in 0..2 {
        let before = plane.status().await;
        let pid = before.generations[0].process.as_ref().unwrap().pid.unwrap();
        let mut visitor = Visitor::connect(plane.port).await;
        assert_eq!(visitor.get("/name").await.text, "a");
        kill(pid);
        assert_eq!(visitor.get("/name").await.text, "a", "a kept connection");
        let answer = Visitor::connect(plane.port).await.post("/echo", "x").await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "a: x"));
    }
    let process = plane.status().await.generations[0].process.clone().unwrap();
    assert_eq!((process.state, process.restarts), (GenerationState::Ready, 2));

    let hub = plane.status().await.hub.unwrap().pid.unwrap();
    kill(hub);
    plane.control.record_everything().await.unwrap();
}

/// What can be repeated is repeated; what cannot is told to be in doubt. An answer that had begun
/// breaks off for all to see, so that nobody takes half of it for the whole.
#[tokio::test]
async fn a_crash_under_load_loses_at_most_what_was_under_way() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.prepare_workers("a", &origin).await;
    plane.control.activate("a").await.unwrap();
    let tally = Arc::new(Tally::default());
    let stop = Arc::new(AtomicBool::new(false));
    let visitors = [Connections::Kept, Connections::Fresh]
        .map(|kind| tokio::spawn(load(plane.port, kind, tally.clone(), stop.clone())));
    let (crashes, visitor_count) = (3, visitors.len());
    for crash in 1..=crashes {
        let process = plane.status().await.generations[0].process.clone().unwrap();
        kill(process.pid.unwrap());
        let done = tally.done();
        while tally.done() < done + 100 || plane.restarts().await < crash {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.await.unwrap();
    }
    let failures = tally.failures();
    assert!(failures.len() <= crashes as usize * visitor_count, "{failures:#?}");
    let is_honest = |failure: &String| {
        let in_doubt = failure.contains("POST") && failure.contains("is unknown");
        in_doubt || failure.contains("IncompleteBody")
    };
    assert!(failures.iter().all(is_honest), "{failures:#?}");
}

#[tokio::test]
async fn a_killed_supervisor_is_followed_by_one_that_knows_everything() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.prepare_workers("a", &origin).await;
    plane.control.prepare("next", origin.direct()).await.unwrap();
    plane.control.activate("a").await.unwrap();
    let before = plane.status().await;
    let children = [
        before.hub.unwrap().pid.unwrap(),
        before.generations.iter().find_map(|it| it.process.clone()?.pid).unwrap(),
    ];

    kill(before.pid);
    wait_until_gone(before.pid).await;
    assert!(plane.control.status().await.unwrap().is_none());
    let after = plane.ensure_running().await;

    assert_ne!(after.pid, before.pid);
    assert_eq!(after.active.as_deref(), Some("a"));
    let ids: Vec<_> = after.generations.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["a", "next"]);
    for child in children {
        wait_until_gone(child).await;
    }
    assert_eq!(Visitor::connect(plane.port).await.get("/name").await.text, "a");
}

#[tokio::test]
async fn what_a_killed_supervisor_left_running_is_stopped_too() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.prepare_workers("a", &origin).await;
    let before = plane.status().await;
    let orphan = before.generations[0].process.as_ref().unwrap().pid.unwrap();

    kill(before.pid);
    wait_until_gone(before.pid).await;
    plane.control.stop().await.unwrap();
    wait_until_gone(orphan).await;
    wait_until_gone(before.hub.unwrap().pid.unwrap()).await;
}

#[tokio::test]
async fn a_supervisor_of_other_settings_is_replaced_while_visitors_wait() {
    let origin = Origin::start("a").await;
    let mut plane = Plane::start().await;
    plane.prepare_workers("a", &origin).await;
    plane.control.activate("a").await.unwrap();
    let before = plane.status().await.pid;

    let tally = Arc::new(Tally::default());
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = [Connections::Fresh, Connections::Kept, Connections::Kept]
        .map(|connections| tokio::spawn(load(plane.port, connections, tally.clone(), stop.clone())))
        .into();
    plane.settings.hosts.push("board.example".into());
    let after = plane.ensure_running().await;
    assert_ne!(after.pid, before);
    let done = tally.done();
    while tally.done() < done + 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for visitor in visitors {
        visitor.await.unwrap();
    }
    assert_eq!(tally.failures(), Vec::<String>::new());
    assert_eq!(after.active.as_deref(), Some("a"));

    let answer = Visitor::connect(plane.port).await.get_from("board.example", "/name").await;
    assert_eq!(answer.text, "a");
}

#[tokio::test]
async fn two_runs_at_once_get_one_supervisor() {
    let plane = Plane::prepare_folder();
    let (one, other) = tokio::join!(
        plane.control.ensure_running(&plane.settings),
        plane.control.ensure_running(&plane.settings)
    );
    plane.note(&one.clone().unwrap());
    assert_eq!(one.unwrap().pid, other.unwrap().pid);
    plane.control.stop().await.unwrap();
    assert!(plane.control.status().await.unwrap().is_none());
    plane.control.stop().await.unwrap();
}

#[tokio::test]
async fn a_foreign_host_name_is_refused() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.control.prepare("a", origin.direct()).await.unwrap();
    plane.control.activate("a").await.unwrap();
    let mut visitor = Visitor::connect(plane.port).await;
    for host in ["evil.example", "board.localhost.evil.example"] {
        let answer = visitor.get_from(host, "/name").await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    assert_eq!(visitor.get_from("BOARD.localhost:1", "/name").await.text, "a");
}

/// What the bytes on the wire say must be what the origin gets: no second reading.
#[tokio::test]
async fn the_wire_has_one_reading() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.control.prepare("a", origin.direct()).await.unwrap();
    plane.control.activate("a").await.unwrap();
    let host = "Host: localhost\r\n";
    let chunked = "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n";
    let smuggled = "0\r\n\r\nGET /name HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for (request, first, answers) in [
        ("GET /name HTTP/1.1\r\n\r\n".to_owned(), "400", 1),
        (format!("GET /name HTTP/1.1\r\n{host}{host}\r\n"), "400", 1),
        ("GET /name HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), "421", 1),
        (format!("GET http://evil.example/name HTTP/1.1\r\n{host}\r\n"), "421", 1),
        (format!("CONNECT localhost:1 HTTP/1.1\r\n{host}\r\n"), "400", 1),
        (format!("OPTIONS * HTTP/1.1\r\n{host}\r\n"), "400", 1),
        (format!("GET //evil.example/name HTTP/1.1\r\n{host}\r\n"), "200", 1),
        // The second request is the visitor's own: it is checked like any other.
        (format!("POST /echo HTTP/1.1\r\n{host}{chunked}\r\n{smuggled}"), "", 2),
    ] {
        let answer = visitor::raw(plane.port, &request).await;
        let statuses: Vec<_> =
            answer.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).collect();
        assert!(statuses[0].starts_with(first), "{request:?}: {answer}");
        assert!(statuses.len() <= answers, "{request:?}: {answer}");
        assert!(
            statuses[1..].iter().all(|status| status.starts_with('4')),
            "{request:?}: {answer}"
        );
    }
    let answer = visitor::raw(plane.port, &format!("GET //evil/x HTTP/1.1\r\n{host}\r\n")).await;
    assert!(answer.ends_with("nothing at //evil/x"), "{answer}");
}

#[tokio::test]
async fn the_origin_is_told_who_asked_by_the_front_alone() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.control.prepare("direct", origin.direct()).await.unwrap();
    plane.prepare_workers("edge", &origin).await;
    for generation in ["direct", "edge"] {
        plane.control.activate(generation).await.unwrap();
        let headers = Visitor::connect(plane.port).await.headers_seen_by_origin().await;
        let seen = |name: &str| headers.get(name).map(String::as_str);
        assert_eq!(seen("x-forwarded-for"), Some("127.0.0.1"), "{generation}");
        assert_eq!(seen("x-forwarded-proto"), Some("http"), "{generation}");
        let host = format!("board.localhost:{}", plane.port);
        assert_eq!(seen("x-forwarded-host"), Some(host.as_str()), "{generation}");
        assert_eq!(seen("x-secret-hop"), None, "{generation}");
        assert_eq!(seen("x-request-id"), Some("7"), "{generation}");
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plane = Plane::prepare_folder();
    plane.settings.port = taken.local_addr().unwrap().port();
    let error = plane.control.ensure_running(&plane.settings).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains(&plane.settings.port.to_string()), "{error}");
}

#[tokio::test]
async fn a_broken_release_never_gets_traffic() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.prepare_workers("good", &origin).await;
    plane.control.activate("good").await.unwrap();

    let dir = plane.write_generation("bad", &origin, "this is no JavaScript");
    let error = plane.control.prepare("bad", Source::Workers { dir }).await.unwrap_err();
    assert!(error.message.contains("bad"), "{error}");
    assert!(error.log.iter().any(|line| line.contains("SyntaxError")), "{error:?}");
    assert!(plane.control.activate("bad").await.is_err());
    assert_eq!(Visitor::connect(plane.port).await.get("/name").await.text, "a");
    assert_eq!(plane.status().await.generations.len(), 1);
}

#[tokio::test]
async fn operations_may_be_repeated() {
    let origin = Origin::start("a").await;
    let plane = Plane::start().await;
    plane.prepare_workers("a", &origin).await;
    let pid = |status: mizan::workers::local::Status| status.generations[0].process.clone();
    let first = pid(plane.status().await);
    plane.prepare_workers("a", &origin).await;
    assert_eq!(pid(plane.status().await), first);
    plane.control.activate("a").await.unwrap();
    plane.control.activate("a").await.unwrap();
    assert!(plane.control.retire("a", Duration::ZERO).await.is_err(), "it is live");
    assert_eq!(plane.control.retire("unknown", Duration::ZERO).await.unwrap(), 0);
    assert!(plane.control.activate("unknown").await.is_err());
}

#[tokio::test]
async fn an_app_that_is_down_is_told_so() {
    let plane = Plane::start().await;
    let nothing = Visitor::connect(plane.port).await.get("/").await;
    assert_eq!(nothing.status, StatusCode::SERVICE_UNAVAILABLE);

    let unused = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let source = Source::Direct { origin: format!("http://{unused}") };
    plane.control.prepare("a", source).await.unwrap();
    plane.control.activate("a").await.unwrap();
    let answer = Visitor::connect(plane.port).await.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(answer.text.starts_with("the app does not answer"), "{}", answer.text);

    // One that comes back soon is waited for.
    let port = plane.port;
    let waiting =
        tokio::spawn(async move { Visitor::connect(port).await.post("/echo", "x").await });
    while plane.status().await.generations[0].open == 0 && !waiting.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _origin = Origin::start_at("late", unused).await;
    assert_eq!(waiting.await.unwrap().text, "late: x");
}
