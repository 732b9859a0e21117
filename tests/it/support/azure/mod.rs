//! A stand-in for Azure: ARM with the resources that a deploy makes, the token endpoint of Entra,
//! the secrets of key vaults, the blobs of storage accounts, and the tokens of a registry. It keeps state, runs containers, and holds every request and every
//! answer of ARM against Microsoft's specs; a test ends with a failure if one is not as they say.

mod azurite;
mod blobs;
mod call;
mod canaries;
mod client;
mod container_groups;
pub mod engine;
mod entra;
mod faults;
mod front;
mod gates;
mod identities;
mod locations;
mod operations;
mod providers;
mod registries;
mod registry;
mod removal;
mod reply;
mod resource_groups;
mod roles;
mod router;
mod secrets;
mod seen;
mod sites;
mod specs;
mod state;
mod storage;
mod store;
mod striking;
mod subscription;
#[cfg(test)]
mod tests;
mod tokens;
mod vaults;
mod words;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

pub use blobs::Blobs;
pub use client::{Client, Reply};
pub use entra::{ASSERTION, CLIENT_SECRET};
pub use faults::Fault;
pub use operations::LOOK;
pub use registry::exchange::{AUDIENCE as REGISTRY, USER};
pub use roles::ACR_PULL;
pub use secrets::{AUDIENCE as VAULT, OFFICER as SECRETS_OFFICER};
pub use seen::Seen;
pub use state::Settings;
pub use subscription::Role;

use call::Call;
use engine::Engine;
use operations::Outcome;
use state::State;
use striking::Strikes;
use words::Service;

use super::server::Server;

/// The audience of tokens for ARM.
pub const ARM: &str = "https://management.azure.com";

/// A running stand-in with one subscription; it ends when it is dropped.
pub struct Azure {
    state: Arc<Mutex<State>>,
    strikes: Strikes,
    server: Server,
}

impl Azure {
    /// Starts one with an empty subscription, on a free port of 127.0.0.1.
    pub fn start(settings: Settings, engine: impl Engine + 'static) -> Self {
        let strikes = Strikes::default();
        let state = State::new(settings, Box::new(engine), strikes.clone());
        let state = Arc::new(Mutex::new(state));
        let (served, striking) = (Arc::clone(&state), strikes.clone());
        let server = Server::start_cutting(move |request| {
            let serve = || router::serve(&mut served.lock().expect("no request panics"), request);
            match Service::at(request.uri().path()) {
                None => Some(serve()),
                Some(service) => striking.around(service, (request.method(), request.uri()), serve),
            }
        });
        let azure = Self { state, strikes, server };
        azure.lock().endpoint = azure.endpoint();
        azure
    }

    /// The address of ARM, of Entra, and of the registry.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The id of the subscription.
    pub fn subscription(&self) -> String {
        self.lock().subscription.clone()
    }

    /// The ids of the tenant and of the service principal in it.
    pub fn principal(&self) -> (String, String) {
        let state = self.lock();
        (state.tenant.clone(), state.client.clone())
    }

    /// The service principal as roles know it: the id of its object.
    pub fn object(&self) -> String {
        self.lock().object.clone()
    }

    /// What a `mizan` that is to use this subscription finds in its environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let (state, endpoint) = (self.lock(), self.endpoint());
        vec![
            ("AZURE_TENANT_ID", state.tenant.clone()),
            ("AZURE_CLIENT_ID", state.client.clone()),
            ("AZURE_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            ("AZURE_SUBSCRIPTION_ID", state.subscription.clone()),
            ("AZURE_AUTHORITY_HOST", endpoint.clone()),
            ("AZURE_RESOURCE_MANAGER_ENDPOINT", endpoint),
            ("MIZAN_AZURE_GROUPS", state.groups_port.to_string()),
        ]
    }

    /// Strikes the next call of an operation, named as in its spec, or the next [`LOOK`] at one that
    /// has begun.
    pub fn strike(&self, operation: &str, fault: Fault) {
        self.lock().faults.push((operation.to_owned(), fault));
    }

    /// The port of 127.0.0.1 that leads to this port of a container group.
    pub fn published(&self, group: &str, port: u16) -> Option<u16> {
        self.lock().engine.published(group, port)
    }

    /// The ids of all resources.
    pub fn ids(&self) -> Vec<String> {
        self.lock().store.all().map(|resource| resource.id.clone()).collect()
    }

    /// Every request since the last call: method, path and query.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().log)
    }

    /// Where requests and answers were not as the specs say; a test that takes them does not fail
    /// by them.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().violations)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no request panics")
    }
}

impl Drop for Azure {
    fn drop(&mut self) {
        let violations = match self.state.lock() {
            Ok(mut state) => std::mem::take(&mut state.violations),
            Err(_) => vec!["a request made the stand-in panic".to_owned()],
        };
        assert!(
            violations.is_empty() || thread::panicking(),
            "not as Microsoft's specs say: {violations:#?}"
        );
    }
}
