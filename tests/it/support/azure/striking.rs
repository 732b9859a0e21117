//! Strikes at the calls of a `mizan`: each is heard by its site, and goes wrong if it is told to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use hyper::{Method, Uri};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    aws::{Fault, Moment},
    server::Answer,
    strikes::{Heard, Strike, Striker},
};

use super::{Azure, sites, words::Service};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is served.
    Served,
    /// It is refused, in the words of the service.
    Refused(Fault),
    /// The connection breaks before anybody hears of it.
    CutBefore,
    /// The connection breaks after it was done.
    CutAfter,
    /// The caller dies after it was done.
    DeadAfter,
}

/// All strikes and all calls, wherever they are asked for. They have a lock of their own: a call may
/// wait until it is known who dies of it.
#[derive(Debug, Clone, Default)]
pub struct Strikes(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    heard: Vec<(String, bool)>,
    counts: HashMap<String, usize>,
    planned: Vec<Planned>,
    victim: Option<Pid>,
    struck: usize,
    /// Calls about images, which are heard and never struck.
    of_images: usize,
}

#[derive(Debug)]
struct Planned {
    site: String,
    nth: usize,
    how: Strike,
    /// It has struck before.
    begun: bool,
}

impl Planned {
    /// Whether it strikes this call, the n-th of its site.
    fn means(&self, site: &str, nth: usize) -> bool {
        let here = self.site == site && self.nth == nth;
        here || (self.begun && matches!(self.how, Strike::FromHere(_)))
    }
}

impl Strikes {
    /// A call of this site comes: what becomes of it. One that kills before it is done does so here.
    pub fn hear(&self, site: String, is_read: bool) -> Fate {
        let how = {
            let mut state = self.lock();
            let count = state.counts.entry(site.clone()).or_default();
            *count += 1;
            let nth = *count;
            let planned = state.planned.iter_mut().find(|planned| planned.means(&site, nth));
            let how = planned.map(|planned| {
                planned.begun = true;
                planned.how
            });
            state.heard.push((site, is_read));
            state.struck += usize::from(how.is_some());
            how
        };
        match how {
            None => Fate::Served,
            Some(Strike::Once(fault) | Strike::FromHere(fault)) => match fault {
                Fault::CutBefore => Fate::CutBefore,
                Fault::CutAfter => Fate::CutAfter,
                fault => Fate::Refused(fault),
            },
            Some(Strike::Kill(Moment::Before)) => {
                self.kill();
                Fate::CutBefore
            }
            Some(Strike::Kill(Moment::After)) => Fate::DeadAfter,
        }
    }

    /// A call about an image comes to a registry.
    pub fn hear_of_image(&self) {
        self.lock().of_images += 1;
    }

    /// Serves a call, unless something becomes of it; without an answer the connection breaks.
    pub fn around(
        &self,
        service: Service,
        (method, uri): (&Method, &Uri),
        serve: impl FnOnce() -> Answer,
    ) -> Option<Answer> {
        let fate = self.hear(sites::site(method, uri), sites::is_read(method, uri));
        match fate {
            Fate::Served => Some(serve()),
            Fate::Refused(fault) => Some(service.refuses(fault)),
            Fate::CutBefore => None,
            Fate::CutAfter => {
                serve();
                None
            }
            Fate::DeadAfter => {
                serve();
                self.kill();
                None
            }
        }
    }

    /// The caller dies, as soon as it is known who that is.
    pub fn kill(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(victim) = self.lock().victim {
                // One that has ended meanwhile is dead enough.
                let _ = kill_process(victim, Signal::KILL);
                return;
            }
            assert!(Instant::now() < deadline, "nobody said whom to kill");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no call panics")
    }
}

impl Azure {
    /// How many calls about images there were, of `mizan` and of the engine that pushes.
    pub fn image_calls(&self) -> usize {
        self.strikes.lock().of_images
    }
}

impl Striker for Azure {
    fn clear(&self) {
        *self.strikes.lock() = State::default();
    }

    fn heard(&self) -> Vec<Heard> {
        let state = self.strikes.lock();
        let heard = state.heard.iter().cloned();
        heard.map(|(site, is_read)| Heard { site, is_read }).collect()
    }

    fn strike(&self, site: &str, nth: usize, how: Strike) {
        let planned = Planned { site: site.to_owned(), nth, how, begun: false };
        self.strikes.lock().planned.push(planned);
    }

    fn victim(&self, process: u32) {
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        self.strikes.lock().victim = Some(pid.expect("a process id"));
    }

    fn struck(&self) -> usize {
        self.strikes.lock().struck
    }

    fn count_of(&self, site: &str) -> usize {
        self.strikes.lock().counts.get(site).copied().unwrap_or_default()
    }
}
