//! Visitors of the board who read and write while something happens, and must not notice.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use super::visitor::Visitor;

/// Requests that are answered meanwhile, at least.
const ENOUGH: usize = 300;
/// Long after a busy machine has come so far.
const PATIENCE: Duration = Duration::from_secs(120);

/// Readers and writers that do not know of each other.
pub struct Load {
    shared: Arc<Shared>,
    people: Vec<JoinHandle<()>>,
}

/// What somebody does again and again.
#[derive(Debug, Clone, Copy)]
pub enum Errand {
    /// Gets this path.
    Read(&'static str),
    /// Comments on a post.
    Comment,
}

struct Shared {
    stop: AtomicBool,
    requests: AtomicUsize,
    failures: Mutex<Vec<String>>,
    /// Lines of which each answer has one or none, and whether they were seen.
    lines: [(&'static str, AtomicBool); 2],
}

impl Load {
    /// Begins, in the runtime of the caller. The lines tell the old and the new release.
    pub fn start(people: Vec<(Visitor, Errand)>, lines: [&'static str; 2]) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::default(),
            requests: AtomicUsize::default(),
            failures: Mutex::default(),
            lines: lines.map(|line| (line, AtomicBool::default())),
        });
        let people = people.into_iter().map(|(visitor, errand)| {
            tokio::spawn(come_and_go(visitor, errand, Arc::clone(&shared)))
        });
        Self { people: people.collect(), shared }
    }

    /// Ends when enough was seen; fails the test if anybody saw a failure. Tells which of the lines
    /// were seen.
    pub async fn stop(self) -> [bool; 2] {
        let begun = Instant::now();
        let shared = &*self.shared;
        while shared.requests.load(Ordering::Relaxed) < ENOUGH
            && shared.failures.lock().unwrap().is_empty()
        {
            assert!(begun.elapsed() < PATIENCE, "only {:?} requests", shared.requests);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        shared.stop.store(true, Ordering::Relaxed);
        for person in self.people {
            person.await.unwrap();
        }
        let failures = shared.failures.lock().unwrap();
        assert_eq!(*failures, Vec::<String>::new(), "of {:?} requests", shared.requests);
        [0, 1].map(|at| shared.lines[at].1.load(Ordering::Relaxed))
    }
}

async fn come_and_go(mut visitor: Visitor, errand: Errand, shared: Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let answer = match errand {
            Errand::Read(path) => visitor.get(path).await,
            Errand::Comment => visitor.comment(2, "while it changes").await,
        };
        let failure = match answer {
            Ok(answer) if answer.status == 200 => {
                for (line, seen) in &shared.lines {
                    seen.fetch_or(answer.text.contains(line), Ordering::Relaxed);
                }
                shared.requests.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            Ok(answer) => format!("{}: {}", answer.status, answer.text),
            Err(error) => error,
        };
        shared.failures.lock().unwrap().push(failure);
        return;
    }
}
