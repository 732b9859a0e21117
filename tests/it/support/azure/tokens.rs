//! The tokens that were given out, and what they open. They have a lock of their own: the engine
//! comes with some while the stand-in waits for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

/// All tokens.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Entra's, and the audience of each.
    entra: BTreeMap<String, String>,
    /// Those that open registries for other tokens.
    refresh: BTreeSet<String>,
    /// The registries': which one of them, and which scopes.
    registry: BTreeMap<String, (String, Vec<String>)>,
    count: u32,
}

impl Tokens {
    /// Remembers one of Entra's.
    pub fn add(&mut self, token: &str, audience: &str) {
        self.entra.insert(token.to_owned(), audience.to_owned());
    }

    /// What one of Entra's is for.
    pub fn audience(&self, token: &str) -> Option<&str> {
        self.entra.get(token).map(String::as_str)
    }

    /// A token that opens registries for other tokens.
    pub fn new_refresh(&mut self) -> String {
        let token = self.new_token("refresh");
        self.refresh.insert(token.clone());
        token
    }

    /// Whether this is one of those.
    pub fn is_refresh(&self, token: &str) -> bool {
        self.refresh.contains(token)
    }

    /// A token for these scopes of a registry.
    pub fn new_access(&mut self, registry: &str, scopes: Vec<String>) -> String {
        let token = self.new_token("registry");
        self.registry.insert(token.clone(), (registry.to_owned(), scopes));
        token
    }

    /// The scopes that a token opens of a registry.
    pub fn scopes(&self, registry: &str, token: &str) -> Option<&[String]> {
        let (opened, scopes) = self.registry.get(token)?;
        (opened == registry).then_some(scopes.as_slice())
    }

    fn new_token(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("canary-azure-{kind}-{:08x}", self.count)
    }
}

/// The tokens, wherever they are asked for.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Tokens>>);

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Tokens> {
        self.0.lock().expect("no request panics")
    }
}
