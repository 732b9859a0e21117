//! The secrets of one environment in Secrets Manager, one by one and by their full names. A secret
//! that has our name but not our tags is never read, changed or removed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_secretsmanager::{
    Client,
    operation::{create_secret::CreateSecretError, describe_secret::DescribeSecretOutput},
    types::{Filter, FilterNameStringType, SecretListEntry, Tag},
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rand::{Rng, distr::Alphanumeric};

use crate::{
    error::{Error, ErrorKind, Result},
    plan::ResourceId,
    secret::SecretValue,
    targets::aws::{
        clients::Clients,
        failure::{code, failure, foreign},
        names::Scope,
    },
};

/// Characters of a generated secret: 50 of 62 carry 297 bits.
const GENERATED_LENGTH: usize = 50;
/// A version id must have at least 32 characters.
const TOKEN_LENGTH: usize = 32;
/// The stage of the version that is given to whoever asks for none.
const CURRENT: &str = "AWSCURRENT";
/// Days that a removed secret can be brought back; Amazon's minimum. It costs nothing meanwhile.
const RECOVERY_DAYS: i64 = 7;
const ABSENT: &str = "ResourceNotFoundException";

/// The secrets of one environment.
#[derive(Debug, Clone)]
pub struct Vault {
    client: Client,
    scope: Scope,
}

/// A secret as it is kept; without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its full name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The id of the version that is in force, if it has a value.
    pub version: Option<String>,
    /// The ids of all versions that have a stage: the one in force and the one before.
    pub staged: BTreeSet<String>,
    /// It was removed, but can still be brought back.
    pub removed: bool,
    /// Its tags say that it is ours.
    pub ours: bool,
}

impl Kept {
    /// The version that containers get: of a secret that is ours, has a value and was not removed.
    pub fn in_force(&self) -> Option<&str> {
        self.version.as_deref().filter(|_| self.ours && !self.removed)
    }
}

/// How a secret is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Within some days it can be brought back.
    Recoverable,
    /// At once and for good.
    Final,
}

impl Vault {
    /// The secrets of an environment.
    pub fn new(clients: &Clients, scope: &Scope) -> Self {
        Self { client: clients.secrets.clone(), scope: scope.clone() }
    }

    /// All secrets whose names say that they are of this environment, those that were removed
    /// among them, by name.
    pub async fn list(&self) -> Result<BTreeMap<String, Kept>> {
        let prefix = format!("{}/", self.scope.secrets_prefix());
        let by_name = Filter::builder().key(FilterNameStringType::Name).values(&prefix).build();
        let call = self.client.list_secrets().filters(by_name).include_planned_deletion(true);
        let mut pages = call.into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let what = format!("cannot list the secrets below {prefix}");
            let page = page.map_err(|error| failure(what, error))?;
            let kept = page.secret_list.unwrap_or_default().into_iter().map(|it| self.listed(it));
            let ours = kept.filter(|kept| kept.name.starts_with(&prefix));
            found.extend(ours.map(|kept| (kept.name.clone(), kept)));
        }
        Ok(found)
    }

    /// One secret.
    pub async fn find(&self, name: &str) -> Result<Option<Kept>> {
        match self.client.describe_secret().secret_id(name).send().await {
            Ok(found) => Ok(Some(self.described(name, found))),
            Err(error) if code(&error) == Some(ABSENT) => Ok(None),
            Err(error) => Err(failure(format!("cannot read the secret {name}"), error)),
        }
    }

    /// The secret with a value made up once; a value that is there is left alone. Nothing if one of
    /// its name is going away just now, which takes a moment.
    pub async fn ensure(&self, name: &str) -> Result<Option<Kept>> {
        if let Some(made) = self.create(name, &generated()).await? {
            return Ok(Some(made));
        }
        let Some(kept) = self.own(name).await? else { return Ok(None) };
        match kept.version {
            Some(_) if !kept.removed => Ok(Some(kept)),
            // What was removed does not come back with the value that it had.
            _ => self.replace(kept, &generated()).await.map(Some),
        }
    }

    /// The secret with this value.
    pub async fn set(&self, name: &str, value: &SecretValue) -> Result<Kept> {
        if let Some(kept) = self.own(name).await? {
            return self.replace(kept, value).await;
        }
        match self.create(name, value).await? {
            Some(made) => Ok(made),
            None => Err(Error::new(
                ErrorKind::Unavailable,
                format!("the secret {name} was removed a moment ago and is going away just now"),
            )
            .hint("run the same command again in a minute")),
        }
    }

    /// The secret is gone; false if it was. A foreign one is an error.
    pub async fn remove(&self, name: &str, how: Removal) -> Result<bool> {
        let Some(kept) = self.own(name).await? else { return Ok(false) };
        if kept.removed && how == Removal::Recoverable {
            return Ok(false);
        }
        let call = self.client.delete_secret().secret_id(&kept.arn);
        let call = match how {
            Removal::Recoverable => call.recovery_window_in_days(RECOVERY_DAYS),
            Removal::Final => call.force_delete_without_recovery(true),
        };
        match call.send().await {
            Ok(_) => Ok(!kept.removed),
            Err(error) if code(&error) == Some(ABSENT) => Ok(false),
            Err(error) => Err(failure(format!("cannot remove the secret {name}"), error)),
        }
    }

    /// The values of some versions; the one in force if none is named.
    pub async fn values(
        &self,
        name: &str,
        versions: &BTreeSet<String>,
    ) -> Result<Vec<SecretValue>> {
        if versions.is_empty() {
            return Ok(vec![self.value(name, None).await?]);
        }
        let mut values = Vec::new();
        for version in versions {
            values.push(self.value(name, Some(version)).await?);
        }
        Ok(values)
    }

    /// The value of a version; of the one in force if none is named.
    pub async fn value(&self, name: &str, version: Option<&str>) -> Result<SecretValue> {
        let call = self.client.get_secret_value().secret_id(name);
        let call = call.set_version_id(version.map(str::to_owned));
        let what = || format!("cannot read the value of the secret {name}");
        let answer = call.send().await.map_err(|error| failure(what(), error))?;
        let value = answer.secret_string.map(SecretValue::new);
        value.ok_or_else(|| Error::failed(what()).cause("it is not a text"))
    }

    /// Nothing if the name is taken, be it by one that was removed.
    async fn create(&self, name: &str, value: &SecretValue) -> Result<Option<Kept>> {
        let tags = self.scope.tags().into_iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let call = self
            .client
            .create_secret()
            .name(name)
            .client_request_token(token())
            .secret_string(value.expose())
            .set_tags(Some(tags.collect()));
        match call.send().await {
            Ok(made) => Ok(Some(Kept {
                name: name.to_owned(),
                arn: made.arn.unwrap_or_default(),
                staged: made.version_id.iter().cloned().collect(),
                version: made.version_id,
                removed: false,
                ours: true,
            })),
            Err(error) if is_taken(&error) => Ok(None),
            Err(error) => Err(failure(format!("cannot create the secret {name}"), error)),
        }
    }

    async fn replace(&self, kept: Kept, value: &SecretValue) -> Result<Kept> {
        let what = || format!("cannot set the secret {}", kept.name);
        if kept.removed {
            let call = self.client.restore_secret().secret_id(&kept.arn);
            call.send().await.map_err(|error| failure(what(), error))?;
        }
        let call = self.client.put_secret_value().secret_id(&kept.arn);
        let call = call.client_request_token(token()).secret_string(value.expose());
        let answer = call.send().await.map_err(|error| failure(what(), error))?;
        // The version before stays in force for whoever has not heard of this one.
        let staged = kept.version.iter().chain(&answer.version_id).cloned().collect();
        Ok(Kept { version: answer.version_id, staged, removed: false, ..kept })
    }

    async fn own(&self, name: &str) -> Result<Option<Kept>> {
        match self.find(name).await? {
            Some(kept) if !kept.ours => Err(foreign(&ResourceId::new("secret", name))),
            kept => Ok(kept),
        }
    }

    fn described(&self, name: &str, found: DescribeSecretOutput) -> Kept {
        Kept {
            name: name.to_owned(),
            ours: self.is_ours(found.tags()),
            removed: found.deleted_date.is_some(),
            staged: staged(found.version_ids_to_stages()),
            version: current(found.version_ids_to_stages()),
            arn: found.arn.unwrap_or_default(),
        }
    }

    fn listed(&self, found: SecretListEntry) -> Kept {
        Kept {
            ours: self.is_ours(found.tags()),
            removed: found.deleted_date.is_some(),
            staged: staged(found.secret_versions_to_stages()),
            version: current(found.secret_versions_to_stages()),
            name: found.name.unwrap_or_default(),
            arn: found.arn.unwrap_or_default(),
        }
    }

    fn is_ours(&self, tags: &[Tag]) -> bool {
        let tags = tags.iter().filter_map(|tag| Some((tag.key()?.into(), tag.value()?.into())));
        self.scope.owns(&tags.collect())
    }
}

/// A value made up.
pub(super) fn generated() -> SecretValue {
    SecretValue::new(random(GENERATED_LENGTH))
}

/// Names a version, so that a call that is repeated makes no second one.
fn token() -> String {
    random(TOKEN_LENGTH)
}

fn random(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// Version ids with their stages.
type Stages = HashMap<String, Vec<String>>;

/// The version that is in force.
pub(super) fn current(stages: Option<&Stages>) -> Option<String> {
    let mut versions = stages?.iter();
    let is_current = |stages: &[String]| stages.iter().any(|stage| stage == CURRENT);
    versions.find(|(_, stages)| is_current(stages)).map(|(version, _)| version.clone())
}

/// The versions that have a stage, as opposed to those that are only remembered.
fn staged(stages: Option<&Stages>) -> BTreeSet<String> {
    let versions = stages.into_iter().flatten().filter(|(_, stages)| !stages.is_empty());
    versions.map(|(version, _)| version.clone()).collect()
}

/// The name is in use, or was until a moment ago.
fn is_taken<R>(error: &SdkError<CreateSecretError, R>) -> bool {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    match code(error) {
        Some("ResourceExistsException") => true,
        Some("InvalidRequestException") => {
            message.is_some_and(|message| message.contains("scheduled for deletion"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_values_are_long_and_differ() {
        let (one, two) = (generated(), generated());
        assert_eq!(one.expose().len(), 50);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one.expose(), two.expose());
    }

    #[test]
    fn the_version_in_force_is_the_one_of_the_stage() {
        let stages = |pairs: &[(&str, &str)]| -> Stages {
            pairs.iter().map(|(id, stage)| ((*id).into(), vec![(*stage).into()])).collect()
        };
        let rotated = stages(&[("old", "AWSPREVIOUS"), ("new", "AWSCURRENT")]);
        assert_eq!(current(Some(&rotated)).as_deref(), Some("new"));
        assert_eq!(current(Some(&stages(&[("next", "AWSPENDING")]))), None);
        assert_eq!(current(None), None);
    }
}
