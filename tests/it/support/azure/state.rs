//! All that the stand-in knows, behind one lock: requests are served one after the other.

use std::collections::BTreeMap;

use super::{
    engine::Engine,
    faults::Fault,
    gates::Gate,
    operations::{Operations, Outcome},
    providers::{self, Registrations},
    registry::Registry,
    secrets::Secrets,
    storage,
    store::{Resource, Store},
    striking::Strikes,
    subscription::{OWNER, Role},
    tokens::Shared,
};

use crate::support::free_port;

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
    /// Registries keep images; else they hand out tokens only.
    pub images: bool,
    /// What the service principal is told that it may do.
    pub roles: Vec<Role>,
    /// Names of registries, vaults and storage accounts that others have.
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
            images: false,
            roles: vec![OWNER],
            taken: Vec::new(),
        }
    }
}

/// The state.
pub struct State {
    pub subscription: String,
    pub tenant: String,
    /// The id of the service principal's application.
    pub client: String,
    /// The id of the service principal itself, which roles are given to.
    pub object: String,
    /// Where it is served.
    pub endpoint: String,
    pub settings: Settings,
    pub store: Store,
    pub operations: Operations,
    pub registrations: Registrations,
    /// How many times a role assignment does not work yet, by its id.
    pub propagating: BTreeMap<String, u32>,
    pub tokens: Shared,
    /// What strikes calls that do not come to the stand-in's own address.
    pub strikes: Strikes,
    /// What is in each vault, by the vault's name; also in those that were deleted.
    pub vaults: BTreeMap<String, Secrets>,
    /// Vaults that were deleted, as they were, by name.
    pub recoverable: BTreeMap<String, Resource>,
    /// What is behind each storage account, by its name.
    pub accounts: BTreeMap<String, storage::Account>,
    /// The gates of the groups that run, by the id of the group.
    pub gates: BTreeMap<String, Gate>,
    /// The port that all of them have.
    pub groups_port: u16,
    pub engine: Box<dyn Engine>,
    /// The images of each registry, by the registry's name. They go after the containers.
    pub registries: BTreeMap<String, Registry>,
    /// How the next operation ends, if a fault says so.
    pub next_outcome: Option<Outcome>,
    /// Every request: method, path and query.
    pub log: Vec<String>,
    /// What ARM answered, but for keys.
    pub answers: Vec<String>,
    /// What strikes the next call of an operation, by the operation's id.
    pub faults: Vec<(String, Fault)>,
    /// Where a request or an answer was not as its spec says.
    pub violations: Vec<String>,
    ids: u32,
}

impl State {
    /// An empty subscription.
    pub fn new(settings: Settings, engine: Box<dyn Engine>, strikes: Strikes) -> Self {
        let mut state = Self {
            subscription: String::new(),
            tenant: String::new(),
            client: String::new(),
            object: String::new(),
            endpoint: String::new(),
            settings,
            store: Store::default(),
            operations: Operations::new(),
            registrations: providers::initial(),
            propagating: BTreeMap::new(),
            tokens: Shared::default(),
            strikes,
            registries: BTreeMap::new(),
            vaults: BTreeMap::new(),
            recoverable: BTreeMap::new(),
            accounts: BTreeMap::new(),
            gates: BTreeMap::new(),
            groups_port: free_port(),
            engine,
            next_outcome: None,
            log: Vec::new(),
            answers: Vec::new(),
            faults: Vec::new(),
            violations: Vec::new(),
            ids: 0,
        };
        state.subscription = state.new_uuid();
        state.tenant = state.new_uuid();
        state.client = state.new_uuid();
        state.object = state.new_uuid();
        state
    }

    /// A new id.
    pub fn new_uuid(&mut self) -> String {
        self.ids += 1;
        format!("a2c0ffee-0000-4000-8000-{:012x}", self.ids)
    }

    /// What images of a registry on paper begin with.
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
