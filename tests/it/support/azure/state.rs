//! All that the stand-in knows, behind one lock: requests are served one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    engine::Engine,
    faults::Fault,
    operations::{Operations, Outcome},
    providers::{self, Registrations},
    store::Store,
};

/// How the stand-in behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region that operations are looked at in.
    pub location: &'static str,
    /// How often somebody has to look at an operation before it ends.
    pub looks: u32,
    /// How long to wait between two looks, in seconds.
    pub retry_after: u32,
    /// How many times a role that was just given does not work yet.
    pub propagation: u32,
    /// How many cores a region may use.
    pub cores: u32,
    /// Names of registries that others have.
    pub taken: Vec<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: "westeurope",
            looks: 1,
            retry_after: 0,
            propagation: 0,
            cores: 10,
            taken: Vec::new(),
        }
    }
}

/// The state.
pub struct State {
    pub subscription: String,
    pub tenant: String,
    /// The id of the service principal.
    pub client: String,
    /// Where it is served.
    pub endpoint: String,
    pub settings: Settings,
    pub store: Store,
    pub operations: Operations,
    pub registrations: Registrations,
    /// How many times a role assignment does not work yet, by its id.
    pub propagating: BTreeMap<String, u32>,
    /// Entra's tokens, and what they are for.
    pub tokens: BTreeMap<String, String>,
    pub refresh_tokens: BTreeSet<String>,
    /// The registry's tokens, and what they open.
    pub registry_tokens: BTreeMap<String, String>,
    pub engine: Box<dyn Engine>,
    /// How the next operation ends, if a fault says so.
    pub next_outcome: Option<Outcome>,
    /// Every request: method, path and query.
    pub log: Vec<String>,
    /// What strikes the next call of an operation, by the operation's id.
    pub faults: Vec<(String, Fault)>,
    /// Where a request or an answer was not as its spec says.
    pub violations: Vec<String>,
    ids: u32,
}

impl State {
    /// An empty subscription.
    pub fn new(settings: Settings, engine: Box<dyn Engine>) -> Self {
        let mut state = Self {
            subscription: String::new(),
            tenant: String::new(),
            client: String::new(),
            endpoint: String::new(),
            settings,
            store: Store::default(),
            operations: Operations::new(),
            registrations: providers::initial(),
            propagating: BTreeMap::new(),
            tokens: BTreeMap::new(),
            refresh_tokens: BTreeSet::new(),
            registry_tokens: BTreeMap::new(),
            engine,
            next_outcome: None,
            log: Vec::new(),
            faults: Vec::new(),
            violations: Vec::new(),
            ids: 0,
        };
        state.subscription = state.new_uuid();
        state.tenant = state.new_uuid();
        state.client = state.new_uuid();
        state
    }

    /// A new id.
    pub fn new_uuid(&mut self) -> String {
        self.ids += 1;
        format!("a2c0ffee-0000-4000-8000-{:012x}", self.ids)
    }

    /// What images of the registry begin with.
    pub fn login_server(&self) -> String {
        self.endpoint.trim_start_matches("http://").to_owned()
    }

    /// Remembers a violation.
    pub fn blame(&mut self, problem: &str) {
        self.violations.push(problem.to_owned());
    }

    /// The fault that strikes this call of an operation.
    pub fn next_fault(&mut self, operation: &str) -> Option<Fault> {
        let index = self.faults.iter().position(|(struck, _)| struck == operation)?;
        Some(self.faults.remove(index).1)
    }
}
