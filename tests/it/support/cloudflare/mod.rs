//! A stand-in for Cloudflare's API: it keeps state, checks every request against the vendor's
//! schemas, and answers with the vendor's shapes and codes. Each part of the API is a file with its
//! state and its endpoints; `router` says which request goes where.

mod answer;
mod dns;
mod router;
mod schema;
mod zones;

use std::sync::{Arc, Mutex, MutexGuard};

pub use dns::DnsRecord;
pub use zones::Zone;

use dns::Dns;
use zones::Zones;

pub use super::server::Answer;
use super::server::Server;

/// The token that the stand-in accepts.
pub const TOKEN: &str = "canary-cloudflare-token-3f9c";

/// The state of everything, behind one lock: requests are served one after the other.
#[derive(Default)]
pub struct State {
    pub zones: Zones,
    pub dns: Dns,
    /// Answers to give instead of serving the next requests; with `true` the request is served
    /// first and only its answer is lost.
    interruptions: Vec<(Answer, bool)>,
    /// Every request: method, path and query.
    log: Vec<String>,
    ids: u32,
}

impl State {
    /// A new id, of 32 hexadecimal digits like the vendor's.
    pub fn new_id(&mut self) -> String {
        self.ids += 1;
        format!("{:032x}", 0xc10d_f1a2_e000_u64 + u64::from(self.ids))
    }
}

/// A running stand-in; it ends when it is dropped.
pub struct Cloudflare {
    state: Arc<Mutex<State>>,
    server: Server,
}

impl Cloudflare {
    /// Starts one with no zones, on a free port of 127.0.0.1.
    pub fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let served = Arc::clone(&state);
        let server = Server::start(move |request| {
            router::serve(&mut served.lock().expect("no request panics"), request)
        });
        Self { state, server }
    }

    /// What `CLOUDFLARE_API_BASE_URL` has to be.
    pub fn base_url(&self) -> String {
        format!("http://{}/client/v4/", self.server.address)
    }

    /// Adds a zone that is active, and returns its id.
    pub fn add_zone(&self, name: &str) -> String {
        self.add_zone_with_status(name, "active")
    }

    /// Adds a zone in another status.
    pub fn add_zone_with_status(&self, name: &str, status: &str) -> String {
        let mut state = self.lock();
        let id = state.new_id();
        state.zones.add(Zone::new(&id, name, status));
        id
    }

    /// Adds a record that somebody else made.
    pub fn add_record(&self, zone: &str, kind: &str, name: &str, content: &str) -> String {
        let mut state = self.lock();
        let id = state.new_id();
        state.dns.add(zone, DnsRecord::foreign(&id, kind, name, content));
        id
    }

    /// Changes a record behind everybody's back.
    pub fn change_record(&self, name: &str, change: impl FnOnce(&mut DnsRecord)) {
        change(self.lock().dns.by_name_mut(name).expect("a record of this name"));
    }

    /// The records of all zones, by name.
    pub fn records(&self) -> Vec<DnsRecord> {
        self.lock().dns.all()
    }

    /// Answers the next request with this instead of serving it.
    pub fn interrupt(&self, answer: Answer) {
        self.lock().interruptions.push((answer, false));
    }

    /// Serves the next request that changes something, but answers with this.
    pub fn lose_answer(&self, answer: Answer) {
        self.lock().interruptions.push((answer, true));
    }

    /// Every request since the last call: method, path and query.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no request panics")
    }
}
