//! What an environment should look like on Container Instances, made from the app. Pure: everything
//! that comes from outside (the image's identity, versions of secret values, where the Workers are)
//! is handed in.

mod services;
mod surroundings;

pub(super) use services::size;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::spec::{Kind, ReleaseSpec, ServiceSpec};
use crate::{
    check::Gate,
    error::{Error, Result},
    images::ArtifactRequest,
    model::{App, AzureService, Edge, PURGE_KEY, Role, Target},
    plan::{Late, ResourceId},
    targets::azure::{names::Scope, overrides::local_origin, things::Thing},
    workers::{
        cloud::{CloudSpec, Place, Scripts},
        policy::PlaneConfig,
    },
};

/// What an environment should look like. It is stored with each release, so that a rollback can
/// bring it back; it holds names and versions of secrets, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Whose it is.
    pub scope: Scope,
    /// The public URL.
    pub url: String,
    /// The tag of the image: a hash of its content.
    pub image: Late<String>,
    /// Everything that outlives releases.
    pub things: Vec<Thing>,
    /// The services, by name.
    pub services: BTreeMap<String, ServiceSpec>,
    /// What runs once before traffic moves.
    pub release_step: Option<ReleaseSpec>,
    /// What is asked of a new release before visitors are sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Gate>,
    /// What is taken out of the image.
    pub artifacts: ArtifactRequest,
    /// The Workers. Their origin is not said here: it is another one in each release, and the plan
    /// says which.
    pub plane: CloudSpec,
    /// How many releases are kept.
    pub keep_releases: usize,
    /// The port at which groups are reached on this machine, where a stand-in runs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<u16>,
    /// Services that took over another's place: new name to former name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub renames: BTreeMap<String, String>,
}

/// What `Desired` needs beside the app.
pub struct Inputs<'a> {
    /// Whose it is.
    pub scope: Scope,
    /// The image's tag, known or known after the build.
    pub image: Late<String>,
    /// The image of the sidecar that ends TLS.
    pub sidecar: String,
    /// The version of a secret's value in the vault, if it has one.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
    /// A keyed hash of a variable of the caller's environment, if it is set.
    pub caller: &'a dyn Fn(&str) -> Option<String>,
    /// The versions of the origin's secret that are valid; empty until it was made.
    pub origin_secret_versions: BTreeSet<String>,
    /// Where the Workers are.
    pub place: Place,
    /// The port at which groups are reached on this machine, where a stand-in runs them.
    pub local: Option<u16>,
}

impl Desired {
    /// What the environment should look like for this app.
    ///
    /// # Errors
    /// A variable that `env: {X: {from: NAME}}` takes from the caller's environment is not set, or
    /// the app asks for what Container Instances do not have ([`super::validate`] says it with its
    /// place).
    pub fn new(app: &App, inputs: &Inputs<'_>) -> Result<Self> {
        let Target::Azure { service: AzureService::ContainerInstances, .. } = &app.target else {
            let message = format!("environment {} does not run on Container Instances", app.env);
            return Err(Error::failed(message));
        };
        let Some(edge) = &app.edge else {
            let message = format!("environment {} has no edge to move its visitors", app.env);
            return Err(Error::failed(message));
        };
        let draft = Draft { app, inputs, scope: &inputs.scope };
        let services = draft.services()?;
        Ok(Self {
            scope: inputs.scope.clone(),
            url: inputs.place.public_url.clone(),
            image: inputs.image.clone(),
            things: draft.things(),
            release_step: draft.release_step(&services),
            services,
            check: app.web().and_then(|_| Gate::of(app)),
            artifacts: ArtifactRequest::of(app),
            plane: draft.plane(edge)?,
            keep_releases: app.keep_releases.get(),
            local: inputs.local,
            renames: draft.renames(),
        })
    }

    /// The web service, with its name.
    pub fn web(&self) -> Option<(&str, &ServiceSpec)> {
        let mut services = self.services.iter();
        let (name, spec) = services.find(|(_, spec)| spec.is_web())?;
        Some((name, spec))
    }

    /// The image of the sidecar that ends TLS.
    pub fn sidecar(&self) -> Option<&str> {
        match &self.web()?.1.role {
            Kind::Web { sidecar, .. } => Some(&sidecar.image),
            Kind::Worker | Kind::Singleton => None,
        }
    }

    /// The base URL of a group, as the Hub knows it.
    pub fn origin(&self, group: &str) -> String {
        let host = self.scope.host(group);
        match self.local {
            Some(port) => local_origin(&host, port),
            None => format!("https://{host}"),
        }
    }

    /// The thing of this id.
    pub fn thing(&self, id: &ResourceId) -> Option<&Thing> {
        self.things.iter().find(|thing| &thing.id() == id)
    }
}

/// The app and everything that is known about its surroundings, while `Desired` is made of them.
struct Draft<'a> {
    app: &'a App,
    inputs: &'a Inputs<'a>,
    scope: &'a Scope,
}

impl Draft<'_> {
    /// # Errors
    /// The schema's file cannot be read.
    fn plane(&self, edge: &Edge) -> Result<CloudSpec> {
        let place = &self.inputs.place;
        Ok(CloudSpec {
            scripts: Scripts { app: self.scope.app.clone(), env: self.scope.env.clone() },
            account: place.account.clone(),
            domain: place.domain.clone(),
            public_url: place.public_url.clone(),
            origin: Late::Known(String::new()),
            origin_secret: self.inputs.origin_secret_versions.iter().next_back().cloned(),
            purge_key: self.purge_key(),
            config: PlaneConfig::new(edge, self.app.render.as_ref()),
            source: self.inputs.image.clone(),
            taken: ArtifactRequest::of(self.app).fingerprint()?,
            code: CloudSpec::code_of_this_version(),
            health: self.health(),
        })
    }

    /// The version of the key for purges; one that is made up is made by a step.
    fn purge_key(&self) -> Option<Late<String>> {
        self.app.secrets.get(PURGE_KEY)?;
        Some(match (self.inputs.secret)(PURGE_KEY) {
            Some(version) => Late::Known(version),
            None => Late::After(ResourceId::new("secret", self.scope.secret(PURGE_KEY)).step_id()),
        })
    }

    fn health(&self) -> Option<String> {
        match &self.app.web()?.1.role {
            Role::Web { health, .. } => Some(health.clone()),
            _ => None,
        }
    }

    /// The services that `renamed_from` says took over another's place.
    fn renames(&self) -> BTreeMap<String, String> {
        let renamed = self.app.services.iter().filter_map(|(name, service)| {
            Some((name.to_string(), service.renamed_from.as_ref()?.to_string()))
        });
        renamed.collect()
    }
}
