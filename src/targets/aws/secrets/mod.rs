//! Where the secrets of an environment are kept on AWS: Secrets Manager, one secret for each name
//! of `mizan.yaml`. Those that somebody else keeps are looked at and never written.
//!
//! A secret that is removed can be brought back for 7 days; setting it again does so.

mod vault;

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    secret::SecretValue,
};

use super::{clients::Clients, names::Scope};
pub use vault::{Kept, Removal, Vault};

/// The secrets of one environment, by their names in `mizan.yaml`, as they were when it was opened
/// and as they were set since.
#[derive(Debug)]
pub struct Store {
    vault: Vault,
    scope: Scope,
    kept: BTreeMap<String, Kept>,
}

impl Store {
    /// Looks at all of them with one question.
    pub async fn open(clients: &Clients, scope: &Scope) -> Result<Self> {
        let vault = Vault::new(clients, scope);
        let prefix = format!("{}/", scope.secrets_prefix());
        let kept = vault.list().await?.into_iter();
        let kept = kept.filter_map(|(name, kept)| Some((name.strip_prefix(&prefix)?.into(), kept)));
        Ok(Self { vault, scope: scope.clone(), kept: kept.collect() })
    }

    /// The secrets that are there, by name; those that were removed and can still be brought back
    /// among them, and those of others that have our names.
    pub fn list(&self) -> &BTreeMap<String, Kept> {
        &self.kept
    }

    /// The version of a value of ours that is in force: it changes whenever the value does.
    pub fn version(&self, name: &str) -> Option<&str> {
        let kept = self.kept.get(name).filter(|kept| kept.ours && !kept.removed)?;
        kept.version.as_deref()
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
