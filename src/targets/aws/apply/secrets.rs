//! Where a container gets its secrets from.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};

use super::{
    super::{failure::failure, spec::TaskSpec},
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

    /// The environment's own secrets, by their names in Secrets Manager.
    async fn stored_secrets(&self) -> Result<SecretRefs> {
        // The prefix may be that of another environment's name too, so it ends with the slash.
        let prefix = format!("{}/", self.scope.secrets_prefix());
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let mut pages = self.clients.secrets.list_secrets().filters(filter).into_paginator().send();
        let mut found = SecretRefs::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("cannot list the secrets", error))?;
            found.extend(page.secret_list.unwrap_or_default().into_iter().filter_map(name_and_arn));
        }
        Ok(found)
    }
}

fn name_and_arn(secret: SecretListEntry) -> Option<(String, String)> {
    Some((secret.name?, secret.arn?))
}
