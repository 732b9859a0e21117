//! Specifications with everything known that a plan could not know: the image's tag after a build,
//! the load balancer's name, the versions of fresh secrets. What is compared, hashed and recorded
//! is always the resolved form.

use std::collections::BTreeMap;

use super::{
    desired::Desired,
    names::Scope,
    spec::{Condition, ReleaseSpec, ServiceSpec, TaskSpec, Thing},
};
use crate::{
    plan::{Late, ResourceId, StepId},
    targets::EnvSpec,
    workers::cloud::CloudSpec,
};

/// Looks up what a step found out, by the name of its output.
pub type Find<'a> = &'a dyn Fn(&StepId, &str) -> Option<String>;

impl ServiceSpec {
    /// With everything known that the steps found out.
    #[must_use]
    pub fn resolved(&self, scope: &Scope, find: Find<'_>) -> Self {
        Self { task: self.task.resolved(scope, find), ..self.clone() }
    }
}

impl ReleaseSpec {
    /// With everything known that the steps found out.
    #[must_use]
    pub fn resolved(&self, scope: &Scope, find: Find<'_>) -> Self {
        Self { task: self.task.resolved(scope, find), ..self.clone() }
    }
}

impl TaskSpec {
    /// With everything known that the steps found out.
    #[must_use]
    pub fn resolved(&self, scope: &Scope, find: Find<'_>) -> Self {
        let env = self.env.iter().map(|(name, value)| {
            let own = !self.references.contains_key(name);
            (name.clone(), variable(name, value, scope, own, find))
        });
        Self { image: late(&self.image, "image", find), env: env.collect(), ..self.clone() }
    }
}

impl Desired {
    /// With everything known that the steps found out: what the ledger records.
    #[must_use]
    pub fn resolved(&self, find: Find<'_>) -> Self {
        let scope = &self.scope;
        let services = self.services.iter();
        let services: BTreeMap<String, ServiceSpec> =
            services.map(|(name, spec)| (name.clone(), spec.resolved(scope, find))).collect();
        Self {
            image: late(&self.image, "image", find),
            url: match &self.url {
                Late::After(step) => find(step, "dns")
                    .map_or_else(|| self.url.clone(), |dns| Late::Known(format!("http://{dns}"))),
                Late::Known(_) => self.url.clone(),
            },
            services,
            release_step: self.release_step.as_ref().map(|step| step.resolved(scope, find)),
            things: self.things.iter().map(|thing| resolved_thing(thing, find)).collect(),
            plane: self.plane.as_ref().map(|plane| self.resolved_plane(plane, find)),
            ..self.clone()
        }
    }
}

impl Desired {
    fn resolved_plane(&self, plane: &CloudSpec, find: Find<'_>) -> CloudSpec {
        let made =
            || find(&ResourceId::new("secret", self.scope.origin_secret()).step_id(), "version");
        CloudSpec {
            source: late(&plane.source, "image", find),
            origin: origin(&plane.origin, find),
            origin_secret: plane.origin_secret.clone().or_else(made),
            purge_key: plane.purge_key.as_ref().map(|key| late(key, "version", find)),
            ..plane.clone()
        }
    }
}

/// The load balancer's base URL, once it is there.
pub(super) fn origin(origin: &Late<String>, find: Find<'_>) -> Late<String> {
    match origin {
        Late::After(step) => find(step, "dns")
            .map_or_else(|| origin.clone(), |dns| Late::Known(format!("http://{dns}"))),
        Late::Known(_) => origin.clone(),
    }
}

/// The thing with the version of a secret that was made just now.
fn resolved_thing(thing: &Thing, find: Find<'_>) -> Thing {
    let mut thing = thing.clone();
    if let Thing::Rule(rule) = &mut thing {
        let conditions = std::mem::take(&mut rule.conditions);
        rule.conditions = conditions
            .into_iter()
            .map(|condition| match condition {
                Condition::SecretHeader { name, secret, versions } if versions.is_empty() => {
                    let step = ResourceId::new("secret", &secret).step_id();
                    let versions = find(&step, "version").into_iter().collect();
                    Condition::SecretHeader { name, secret, versions }
                }
                known => known,
            })
            .collect();
    }
    thing
}

fn variable(name: &str, value: &EnvSpec, scope: &Scope, own: bool, find: Find<'_>) -> EnvSpec {
    match value {
        EnvSpec::Late { text, step, output } => match find(step, output) {
            Some(found) => EnvSpec::Literal(text.replace("{}", &found)),
            None => value.clone(),
        },
        EnvSpec::Secret { fingerprint: None } if own => {
            let step = ResourceId::new("secret", scope.secret(name)).step_id();
            EnvSpec::Secret { fingerprint: find(&step, "version") }
        }
        known => known.clone(),
    }
}

fn late(value: &Late<String>, output: &str, find: Find<'_>) -> Late<String> {
    match value {
        Late::After(step) => find(step, output).map_or_else(|| value.clone(), Late::Known),
        Late::Known(_) => value.clone(),
    }
}
