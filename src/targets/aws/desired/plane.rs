//! The Workers before the load balancer.

use super::Draft;
use crate::{
    error::Result,
    images::ArtifactRequest,
    model::Role,
    plan::{Late, ResourceId},
    workers::{
        cloud::{CloudSpec, Scripts},
        policy::PlaneConfig,
        purge::PURGE_KEY,
    },
};

impl Draft<'_> {
    /// The Workers, if the edge is on.
    ///
    /// # Errors
    /// The schema's file cannot be read.
    pub(super) fn plane(&self) -> Result<Option<CloudSpec>> {
        let (Some(edge), Some(place)) = (&self.app.edge, &self.inputs.place) else {
            return Ok(None);
        };
        let scripts = Scripts { app: self.scope.app.clone(), env: self.scope.env.clone() };
        let versions = self.inputs.origin_secret_versions.iter().next_back();
        Ok(Some(CloudSpec {
            scripts,
            account: place.account.clone(),
            domain: place.domain.clone(),
            public_url: place.public_url.clone(),
            origin: self.origin(),
            origin_secret: versions.cloned(),
            purge_key: self.purge_key(),
            config: PlaneConfig::new(edge, self.app.render.as_ref()),
            source: self.inputs.image.clone(),
            taken: ArtifactRequest::of(self.app).fingerprint()?,
            code: CloudSpec::code_of_this_version(),
            health: self.health(),
        }))
    }

    /// The version of the key for purges; one that is made up is made by a step.
    fn purge_key(&self) -> Option<Late<String>> {
        self.app.secrets.get(PURGE_KEY)?;
        Some(match (self.inputs.secret)(PURGE_KEY) {
            Some(version) => Late::Known(version),
            None => Late::After(ResourceId::new("secret", self.scope.secret(PURGE_KEY)).step_id()),
        })
    }

    /// Where the Edge reaches the load balancer: by a name that has a certificate, or, without a
    /// domain, by the one that AWS gave it.
    fn origin(&self) -> Late<String> {
        match (self.host(), self.balancer_dns()) {
            (Some(host), _) => Late::Known(format!("https://{host}")),
            (None, Some(dns)) => Late::Known(format!("http://{dns}")),
            (None, None) => Late::After(self.balancer_id().step_id()),
        }
    }

    fn health(&self) -> Option<String> {
        match &self.app.web()?.1.role {
            Role::Web { health, .. } => Some(health.clone()),
            _ => None,
        }
    }
}
