//! Specifications with everything known that a plan could not know: the image's tag after a build,
//! the versions of fresh secrets. What is hashed and recorded is always the resolved form.

use std::collections::BTreeSet;

use super::{
    desired::Desired,
    spec::{Container, Kind, ReleaseSpec, ServiceSpec},
};
use crate::{
    plan::{Late, ResourceId, StepId},
    targets::{EnvSpec, azure::names::Scope},
    workers::cloud::CloudSpec,
};

/// Looks up what a step found out, by the name of its output.
pub type Find<'a> = &'a dyn Fn(&StepId, &str) -> Option<String>;

impl ServiceSpec {
    /// With everything known that the steps found out.
    #[must_use]
    pub fn resolved(&self, scope: &Scope, find: Find<'_>) -> Self {
        let mut spec = Self { container: self.container.resolved(scope, find), ..self.clone() };
        if let Kind::Web { sidecar, .. } = &mut spec.role
            && sidecar.secret_versions.is_empty()
        {
            let made = version(&scope.origin_secret(), find);
            sidecar.secret_versions = BTreeSet::from_iter(made);
        }
        spec
    }
}

impl Container {
    /// With everything known that the steps found out.
    #[must_use]
    pub fn resolved(&self, scope: &Scope, find: Find<'_>) -> Self {
        let env = self.env.iter().map(|(name, value)| {
            let value = match value {
                EnvSpec::Secret { fingerprint: None } => {
                    EnvSpec::Secret { fingerprint: version(&scope.secret(name), find) }
                }
                known => known.clone(),
            };
            (name.clone(), value)
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
        let services = services.map(|(name, spec)| (name.clone(), spec.resolved(scope, find)));
        Self {
            image: late(&self.image, "image", find),
            services: services.collect(),
            release_step: self.release_step.as_ref().map(|step| ReleaseSpec {
                container: step.container.resolved(scope, find),
                timeout: step.timeout,
            }),
            plane: self.resolved_plane(find),
            ..self.clone()
        }
    }

    fn resolved_plane(&self, find: Find<'_>) -> CloudSpec {
        let plane = &self.plane;
        let made = || version(&self.scope.origin_secret(), find);
        CloudSpec {
            source: late(&plane.source, "image", find),
            origin_secret: plane.origin_secret.clone().or_else(made),
            purge_key: plane.purge_key.as_ref().map(|key| late(key, "version", find)),
            ..plane.clone()
        }
    }
}

/// The version of a secret that was made just now.
fn version(secret: &str, find: Find<'_>) -> Option<String> {
    find(&ResourceId::new("secret", secret).step_id(), "version")
}

fn late(value: &Late<String>, output: &str, find: Find<'_>) -> Late<String> {
    match value {
        Late::After(step) => find(step, output).map_or_else(|| value.clone(), Late::Known),
        Late::Known(_) => value.clone(),
    }
}
