//! What a plan could not know: the image, the load balancer's name, the versions of secrets. A
//! specification is resolved before it is registered, hashed into a tag, or recorded.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};

use super::{
    super::{
        failure::failure,
        spec::{BALANCER_DNS, ReleaseSpec, ServiceSpec, TaskSpec},
    },
    AwsExecutor,
};
use crate::{
    engine::StepContext,
    error::{Error, Result},
    plan::{Late, ResourceId},
    targets::EnvSpec,
};

/// The stage of the version that a new task gets.
const CURRENT: &str = "AWSCURRENT";

/// Where a container gets a secret from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretRef {
    /// Its ARN.
    pub arn: String,
    /// Its version, if it is one of ours.
    pub version: Option<String>,
}

/// The secrets of a task, by the names of their variables.
pub(super) type SecretRefs = BTreeMap<String, SecretRef>;

impl AwsExecutor {
    /// The image's tag, from the plan or from the step that built it.
    pub(super) fn image_tag(
        &self,
        image: &Late<String>,
        context: &StepContext<'_>,
    ) -> Result<String> {
        match image {
            Late::Known(tag) => Ok(tag.clone()),
            Late::After(step) => context
                .output(step, "image")
                .map(str::to_owned)
                .ok_or_else(|| Error::failed(format!("{step} did not tell its image"))),
        }
    }

    /// The image's digest, from the step that pushed it or from the repository.
    pub(super) async fn image_digest(
        &self,
        image: &Late<String>,
        context: &StepContext<'_>,
    ) -> Result<String> {
        let tag = self.image_tag(image, context)?;
        let pushed = context.outputs.values().find(|output| output.get("image") == Some(&tag));
        if let Some(digest) = pushed.and_then(|output| output.get("digest")) {
            return Ok(digest.clone());
        }
        self.pushed_digest(&tag).await?.ok_or_else(|| {
            Error::failed(format!("the repository has no image {tag}"))
                .hint("run `mizan deploy`, which builds and pushes it")
        })
    }

    /// The service with everything known.
    pub(super) async fn resolve_service(
        &self,
        spec: &ServiceSpec,
        context: &StepContext<'_>,
    ) -> Result<(ServiceSpec, SecretRefs)> {
        let (task, secrets) = self.resolve_task(&spec.task, context).await?;
        Ok((ServiceSpec { task, ..spec.clone() }, secrets))
    }

    /// The release step with everything known.
    pub(super) async fn resolve_release_step(
        &self,
        spec: &ReleaseSpec,
        context: &StepContext<'_>,
    ) -> Result<(ReleaseSpec, SecretRefs)> {
        let (task, secrets) = self.resolve_task(&spec.task, context).await?;
        Ok((ReleaseSpec { task, ..spec.clone() }, secrets))
    }

    async fn resolve_task(
        &self,
        spec: &TaskSpec,
        context: &StepContext<'_>,
    ) -> Result<(TaskSpec, SecretRefs)> {
        let secrets = self.secret_refs(&spec.env).await?;
        let mut spec = spec.clone();
        spec.image = Late::Known(self.image_tag(&spec.image, context)?);
        for (name, value) in &mut spec.env {
            match value {
                EnvSpec::Secret { fingerprint } => {
                    let version = secrets.get(name).and_then(|secret| secret.version.clone());
                    *fingerprint = version.or(fingerprint.take());
                }
                EnvSpec::Literal(text) if text.contains(BALANCER_DNS) => {
                    *text = text.replace(BALANCER_DNS, &self.balancer_dns(context)?);
                }
                EnvSpec::Literal(_) | EnvSpec::Caller { .. } => {}
            }
        }
        Ok((spec, secrets))
    }

    /// The public URL, which without a domain is the load balancer's.
    pub(super) fn resolve_url(&self, context: &StepContext<'_>) -> Result<String> {
        match &self.desired()?.url {
            Late::Known(url) => Ok(url.clone()),
            Late::After(_) => Ok(format!("http://{}", self.balancer_dns(context)?)),
        }
    }

    /// The name of the load balancer in DNS.
    pub(super) fn balancer_dns(&self, context: &StepContext<'_>) -> Result<String> {
        let probe = self.desired()?.probe.as_ref();
        let balancer = probe.map_or_else(|| self.scope.balancer(), |probe| probe.balancer.clone());
        let id = ResourceId::new("load-balancer", balancer);
        self.found(&id, "dns", context)
            .ok_or_else(|| Error::failed(format!("the DNS name of the {id} is not known")))
    }

    /// Where each secret among the variables comes from: somebody else's, as `mizan.yaml` refers
    /// to it, or the environment's own, all of which are asked for at once.
    async fn secret_refs(&self, env: &BTreeMap<String, EnvSpec>) -> Result<SecretRefs> {
        let mut refs = SecretRefs::new();
        let mut own = Vec::new();
        for (name, spec) in env {
            if !matches!(spec, EnvSpec::Secret { .. }) {
                continue;
            }
            match self.foreign_secret(name) {
                Some(arn) => {
                    refs.insert(name.clone(), SecretRef { arn: arn.to_owned(), version: None });
                }
                None => own.push(name),
            }
        }
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

    fn foreign_secret(&self, name: &str) -> Option<&str> {
        self.source.as_ref()?.app.secrets.get(name)?.from.as_deref()
    }

    /// The environment's own secrets, by their names in Secrets Manager.
    async fn stored_secrets(&self) -> Result<BTreeMap<String, SecretRef>> {
        // The prefix may be that of another environment's name too, so it ends with the slash.
        let prefix = format!("{}/", self.scope.secrets_prefix());
        let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
        let mut pages = self.clients.secrets.list_secrets().filters(filter).into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("cannot list the secrets", error))?;
            found.extend(page.secret_list.unwrap_or_default().into_iter().filter_map(reference));
        }
        Ok(found)
    }
}

/// A secret's name and where it is; the version is the one that a new task gets.
fn reference(secret: SecretListEntry) -> Option<(String, SecretRef)> {
    let versions = secret.secret_versions_to_stages.unwrap_or_default().into_iter();
    let mut current = versions.filter(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
    let version = current.next().map(|(version, _)| version);
    Some((secret.name?, SecretRef { arn: secret.arn?, version }))
}
