//! The environment's secrets in Secrets Manager: their names and versions, never their values.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};

use super::super::{
    super::{
        clients::Clients,
        names::Scope,
        spec::{Secret, Thing},
    },
    answer::{Read, answer, tags},
};
use crate::targets::aws::SeenThing;

const CURRENT: &str = "AWSCURRENT";

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The version of its value; absent while it has none.
    pub version: Option<String>,
    /// All versions that have a stage, the current one and the one before it among them.
    pub versions: BTreeSet<String>,
    /// Its tags say that it is ours.
    pub ours: bool,
}

/// All secrets of the environment, by name; those that are being deleted are not among them.
pub async fn secrets(clients: &Clients, scope: &Scope) -> Read<BTreeMap<String, StoredSecret>> {
    let prefix = format!("{}/", scope.secrets_prefix());
    let what = format!("cannot list the secrets {prefix}*");
    let filter = Filter::builder().key(FilterNameStringType::Name).values(&prefix).build();
    let mut pages = clients.secrets.list_secrets().filters(filter).into_paginator().send();
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for entry in answer(&what, page)?.secret_list.unwrap_or_default() {
            let secret = stored(scope, entry);
            // The filter finds words within names too.
            if secret.name.starts_with(&prefix) {
                found.insert(secret.name.clone(), secret);
            }
        }
    }
    Ok(found)
}

fn stored(scope: &Scope, entry: SecretListEntry) -> StoredSecret {
    let stages = entry.secret_versions_to_stages.unwrap_or_default();
    let tagged = entry.tags.unwrap_or_default().into_iter();
    StoredSecret {
        name: entry.name.unwrap_or_default(),
        arn: entry.arn.unwrap_or_default(),
        version: current(&stages),
        versions: stages.into_keys().collect(),
        ours: scope.owns(&tags(tagged.map(|tag| (tag.key, tag.value)))),
    }
}

fn current(stages: &HashMap<String, Vec<String>>) -> Option<String> {
    let mut versions = stages.iter();
    let current = versions.find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
    current.map(|(version, _)| version.clone())
}

/// A secret as a thing.
pub fn seen(secret: &StoredSecret) -> SeenThing {
    let version = secret.version.clone().map(|version| ("version".to_owned(), version));
    SeenThing {
        thing: Thing::Secret(Secret { name: secret.name.clone() }),
        arn: secret.arn.clone(),
        ours: secret.ours,
        attributes: version.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::scope, *};

    #[test]
    fn the_version_is_the_one_that_is_current() {
        let entry = SecretListEntry::builder()
            .name("mizan/board/production/SECRET_KEY")
            .secret_versions_to_stages("v1", vec!["AWSPREVIOUS".to_owned()])
            .secret_versions_to_stages("v2", vec![CURRENT.to_owned()])
            .build();
        let secret = stored(&scope(), entry);
        assert_eq!(secret.version.as_deref(), Some("v2"));
        assert_eq!(secret.versions, BTreeSet::from(["v1".to_owned(), "v2".to_owned()]));
        assert!(!secret.ours);
    }
}
