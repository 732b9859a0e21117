//! Where the secrets of an environment are kept on AWS: Secrets Manager, one secret for each name
//! of `mizan.yaml`. Those that somebody else keeps are looked at and never written.
//!
//! A secret that is removed can be brought back for 7 days; setting it again does so.

mod reference;
mod vault;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Error, Result},
    secret::SecretValue,
};

use self::reference::References;
use super::{clients::Clients, names::Scope};
pub use vault::{Kept, Removal, Vault};

/// The secrets of one environment, by their names in `mizan.yaml`, as they were when it was opened
/// and as they were set since.
#[derive(Debug)]
pub struct Store {
    vault: Vault,
    scope: Scope,
    kept: BTreeMap<String, Kept>,
    references: References,
}

impl Store {
    /// Looks at all of them with one question.
    pub async fn open(clients: &Clients, scope: &Scope) -> Result<Self> {
        let vault = Vault::new(clients, scope);
        let prefix = format!("{}/", scope.secrets_prefix());
        let kept = vault.list().await?.into_iter();
        let kept = kept.filter_map(|(name, kept)| Some((name.strip_prefix(&prefix)?.into(), kept)));
        let references = References::new(clients);
        Ok(Self { vault, scope: scope.clone(), kept: kept.collect(), references })
    }

    /// The secrets that are there, by name; those that were removed and can still be brought back
    /// among them, and those of others that have our names.
    pub fn list(&self) -> &BTreeMap<String, Kept> {
        &self.kept
    }

    /// The version of a value of ours that is in force: it changes whenever the value does.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.kept.get(name)?.in_force()
    }

    /// The versions of a secret of ours that are valid, by its full name: two while it is rotated.
    pub fn versions(&self, full_name: &str) -> BTreeSet<String> {
        let mut kept = self.kept.values().filter(|kept| kept.in_force().is_some());
        let found = kept.find(|kept| kept.name == full_name);
        found.map(|kept| kept.staged.clone()).unwrap_or_default()
    }

    /// Looks at a secret that somebody else keeps, in Secrets Manager or SSM, and tells its version
    /// as far as we may know it. It is never written.
    pub async fn check_reference(&self, arn: &str) -> Result<Option<String>> {
        self.references.version(arn).await
    }

    /// Sets a value.
    pub async fn set(&mut self, name: &str, value: SecretValue) -> Result<()> {
        let kept = self.vault.set(&self.scope.secret(name), &value).await?;
        self.kept.insert(name.to_owned(), kept);
        Ok(())
    }

    /// Makes up a value, in place of the one that is there.
    pub async fn generate(&mut self, name: &str) -> Result<()> {
        self.set(name, vault::generated()).await
    }

    /// Removes a value, which can be brought back for some days; false if there was none.
    pub async fn unset(&mut self, name: &str) -> Result<bool> {
        let removed = self.vault.remove(&self.scope.secret(name), Removal::Recoverable).await?;
        self.kept.remove(name);
        Ok(removed)
    }

    /// The value that is in force.
    pub async fn value(&self, name: &str) -> Result<SecretValue> {
        if self.version(name).is_none() {
            return Err(Error::failed(format!("the secret {name} has no value"))
                .hint(format!("mizan secrets set {name}")));
        }
        self.vault.value(&self.scope.secret(name), None).await
    }
}
