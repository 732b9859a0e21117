//! Where a container gets its secrets from.

use std::collections::BTreeMap;

use super::{
    super::{secrets::Vault, spec::TaskSpec},
    AwsExecutor,
};
use crate::{
    error::{Error, Result},
    targets::EnvSpec,
};

/// The ARNs of a task's secrets, by the names of their variables.
pub(super) type SecretRefs = BTreeMap<String, String>;

impl AwsExecutor {
    /// Where each secret among the variables comes from: somebody else's, as `mizan.yaml` refers
    /// to it, or the environment's own, all of which are asked for at once.
    pub(super) async fn secret_refs(&self, spec: &TaskSpec) -> Result<SecretRefs> {
        let secrets = spec.env.iter().filter(|(_, it)| matches!(it, EnvSpec::Secret { .. }));
        let (foreign, own): (Vec<_>, Vec<_>) =
            secrets.map(|(name, _)| name).partition(|name| spec.references.contains_key(*name));
        let given = foreign.into_iter().map(|name| (name.clone(), spec.references[name].clone()));
        let mut refs: SecretRefs = given.collect();
        if own.is_empty() {
            return Ok(refs);
        }
        let mut stored = self.stored_secrets().await?;
        for name in own {
            let found = stored.remove(&self.scope.secret(name)).ok_or_else(|| {
                Error::failed(format!("the secret {name} has no value"))
                    .hint(format!("mizan secrets set {name}"))
            })?;
            refs.insert(name.clone(), found);
        }
        Ok(refs)
    }

    /// The environment's own secrets that have a value, by their names in Secrets Manager.
    async fn stored_secrets(&self) -> Result<SecretRefs> {
        let kept = self.secrets().list().await?.into_iter();
        let usable = kept.filter(|(_, kept)| kept.in_force().is_some());
        Ok(usable.map(|(name, kept)| (name, kept.arn)).collect())
    }

    /// The secrets of this environment.
    pub(super) fn secrets(&self) -> Vault {
        Vault::new(&self.clients, &self.scope)
    }
}
