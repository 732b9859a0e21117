//! Where the secrets of an environment are kept on Azure: a key vault of its own, one secret for each
//! name of `mizan.yaml`, and those that are made up for the Edge. A secret that has our name but not
//! our tags is never read, changed or removed.
//!
//! A secret that is removed can be brought back for 7 days; setting it again does so.

mod access;
mod client;
mod value;
mod vault;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    rc::Rc,
};

use self::client::{Client, Found};
use super::{Clients, api::ApiError, foreign::foreign, names::Scope};
use crate::{
    error::{Error, Result},
    plan::ResourceId,
    secret::SecretValue,
};
pub use vault::{Ensured, Removal, Vault, ensure_vault, is_deleted, look, remove_vault};

/// The tag that says which value a secret has: a listing shows it, and never the value.
const VERSION: &str = "mizan:version";

/// The secrets of one environment, as they were when it was opened and as they were set since.
pub struct Store {
    clients: Clients,
    scope: Scope,
    /// `None` if there is no vault of ours.
    vault: Option<Client>,
    /// By their names in the vault.
    kept: BTreeMap<String, Kept>,
    tell: Rc<dyn Fn(&str)>,
}

/// A secret as it is kept; without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    /// Changes whenever the value does.
    version: String,
    /// Its tags say that it is ours.
    ours: bool,
}

impl Kept {
    fn new(scope: &Scope, found: &Found) -> Self {
        let version = found.tags.get(VERSION).cloned();
        Self {
            version: version.unwrap_or_else(|| found.updated.to_string()),
            ours: scope.owns(&found.tags),
        }
    }
}

impl Store {
    /// Looks at all of them. Nothing is made: the vault may be missing.
    ///
    /// # Errors
    /// The caller may not read the vault (the error says who can change that), or Azure cannot be
    /// reached.
    pub async fn open(clients: &Clients, scope: &Scope) -> Result<Self> {
        let mut store = Self::empty(clients, scope);
        if let Some(client) = store.find_vault().await? {
            match client.list().await {
                Ok(found) => store.fill(client, &found),
                Err(error) => return Err(access::denied(clients, scope, error).await),
            }
        }
        Ok(store)
    }

    /// The same, but whoever may not read the vault gives itself the role first, if it may. A vault
    /// that is missing is not made.
    ///
    /// # Errors
    /// As above.
    pub async fn enter(clients: &Clients, scope: &Scope, tell: &dyn Fn(&str)) -> Result<Self> {
        let mut store = Self::empty(clients, scope);
        if let Some(client) = store.find_vault().await? {
            access::ensure(clients, scope, &client, tell).await?;
            let found = client.list().await?;
            store.fill(client, &found);
        }
        Ok(store)
    }

    /// Who is told what takes long.
    #[must_use]
    pub fn telling(self, tell: impl Fn(&str) + 'static) -> Self {
        Self { tell: Rc::new(tell), ..self }
    }

    /// The version of a variable's value in `mizan.yaml`, if it has one.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.version_of(&self.scope.secret(name))
    }

    /// The version of the secret that the Edge sends to the origin, if it was made.
    pub fn origin_version(&self) -> Option<&str> {
        self.version_of(&self.scope.origin_secret())
    }

    /// All secrets of ours, by their names in the vault.
    pub fn names(&self) -> BTreeSet<String> {
        let ours = self.kept.iter().filter(|(_, kept)| kept.ours);
        ours.map(|(name, _)| name.clone()).collect()
    }

    /// Every secret in the vault by its name, and whether it is ours.
    pub fn seen(&self) -> impl Iterator<Item = (&str, bool)> {
        self.kept.iter().map(|(name, kept)| (name.as_str(), kept.ours))
    }

    /// The value of a secret, by its name in the vault.
    ///
    /// # Errors
    /// It has none, it is not ours, or the caller may not read it.
    pub async fn value(&self, secret: &str) -> Result<SecretValue> {
        let found = match &self.vault {
            Some(client) => match client.get(secret).await {
                Ok(found) => found,
                Err(error) => return Err(self.explained(error).await),
            },
            None => None,
        };
        match found {
            Some((found, value)) => {
                self.require_own(secret, &found.tags)?;
                Ok(value)
            }
            None => Err(Error::failed(format!("the secret {secret} has no value")).hint(
                match variable(secret) {
                    Some(name) => format!("mizan secrets set {name}"),
                    None => "mizan deploy makes one up".to_owned(),
                },
            )),
        }
    }

    /// Without having looked.
    pub fn empty(clients: &Clients, scope: &Scope) -> Self {
        Self {
            clients: clients.clone(),
            scope: scope.clone(),
            vault: None,
            kept: BTreeMap::new(),
            tell: Rc::new(|text| tracing::info!("{text}")),
        }
    }

    /// What asks the vault, if it is there and ours. A foreign one is the planner's to refuse.
    async fn find_vault(&self) -> Result<Option<Client>> {
        match vault::find(&self.clients, &self.scope).await? {
            Some(vault) if self.scope.owns_resource(&vault) => {
                Ok(Some(Client::new(&self.clients, vault::uri(&vault)?)))
            }
            _ => Ok(None),
        }
    }

    /// With what a caller does who may not enter.
    async fn explained(&self, error: ApiError) -> Error {
        access::denied(&self.clients, &self.scope, error).await
    }

    fn fill(&mut self, client: Client, found: &[Found]) {
        let kept = found.iter().map(|it| (it.name.clone(), Kept::new(&self.scope, it)));
        self.kept = kept.collect();
        self.vault = Some(client);
    }

    fn version_of(&self, secret: &str) -> Option<&str> {
        self.kept.get(secret).filter(|kept| kept.ours).map(|kept| kept.version.as_str())
    }

    fn require_own(&self, secret: &str, tags: &BTreeMap<String, String>) -> Result<()> {
        match self.scope.owns(tags) {
            true => Ok(()),
            false => Err(foreign(&ResourceId::new("secret", secret))),
        }
    }
}

/// The variable in `mizan.yaml` that a secret in the vault is of.
fn variable(secret: &str) -> Option<String> {
    secret.strip_prefix("env-").map(|name| name.replace('-', "_"))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("kept", &self.kept).finish_non_exhaustive()
    }
}
