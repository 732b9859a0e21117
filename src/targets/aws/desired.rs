//! What an environment should look like on AWS, made from the app. Pure: everything that comes from
//! outside (the network, the image's identity, versions of secret values) is handed in.

mod plane;
mod policy;
mod services;
mod surroundings;
mod traffic;

pub(super) use services::STOP_TIMEOUT_MAX;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    names::Scope,
    seen::{Egress, Network, Subnet},
    spec::{ReleaseSpec, ServiceSpec, Thing},
};
use crate::{
    check::Gate,
    error::{Error, Result},
    images::ArtifactRequest,
    model::{App, AwsTarget, Target},
    plan::{Late, ResourceId},
    workers::cloud::{CloudSpec, Place},
};
/// The header in which the same secret leads to a new release that is checked, and to nothing else.
pub const CHECK_HEADER: &str = "x-mizan-check";

/// What an environment should look like. It is stored with each release, so that a rollback can
/// bring it back; it holds names and versions of secrets, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Whose it is.
    pub scope: Scope,
    /// The public URL. Without a domain the load balancer's name is part of it, which is known once
    /// it exists.
    pub url: Late<String>,
    /// The tag of the image: a hash of its content.
    pub image: Late<String>,
    /// The ECS cluster: ours, if it is among the things, or one that was given.
    pub cluster: String,
    /// Everything that outlives releases.
    pub things: Vec<Thing>,
    /// The services, by name.
    pub services: BTreeMap<String, ServiceSpec>,
    /// What runs once before traffic moves.
    pub release_step: Option<ReleaseSpec>,
    /// How the web service is asked whether it is healthy, through the load balancer.
    pub probe: Option<Probe>,
    /// What is asked of a new release before visitors are sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Gate>,
    /// What is taken out of the image.
    pub artifacts: ArtifactRequest,
    /// The Workers before the load balancer, if the edge is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plane: Option<CloudSpec>,
    /// How many releases are kept.
    pub keep_releases: usize,
    /// Services that took over another's place: new name to former name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub renames: BTreeMap<String, String>,
    /// The app has server rendering, and nothing renders: the edge is off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrendered: bool,
}

/// How the web service is asked whether it is healthy, through the load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The load balancer, by name or, if it was given, by its ARN.
    pub balancer: String,
    /// The listener's port.
    pub port: u16,
    /// The health path.
    pub path: String,
    /// The `Host` of the question; the load balancer's own name if absent.
    pub host: Option<String>,
    /// The secret in Secrets Manager that must go along, and its header.
    pub secret: Option<(String, String)>,
    /// How long it may take to become healthy, in seconds.
    pub timeout: u64,
}

/// A load balancer that is there already, as far as a plan has to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its own host name.
    pub dns: String,
    /// The VPC that it is in.
    pub vpc: String,
    /// The ports of its listeners.
    pub ports: BTreeSet<u16>,
    /// The ids of its security groups.
    pub groups: BTreeSet<String>,
}

/// What `Desired` needs beside the app.
pub struct Inputs<'a> {
    /// Whose it is.
    pub scope: Scope,
    /// The network as it is.
    pub network: &'a Network,
    /// The image's tag, known or known after the build.
    pub image: Late<String>,
    /// The version of a secret's value in the store, if it has one.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
    /// A keyed hash of a variable of the caller's environment, if it is set.
    pub caller: &'a dyn Fn(&str) -> Option<String>,
    /// The versions of the origin's secret that are valid; empty until it was made.
    pub origin_secret_versions: BTreeSet<String>,
    /// The load balancer that `mizan.yaml` names.
    pub balancer: Option<GivenBalancer>,
    /// The host name of our own load balancer, if it exists already.
    pub balancer_dns: Option<String>,
    /// Where the Workers are, if the edge is on and Cloudflare was asked.
    pub place: Option<Place>,
}

impl Desired {
    /// What the environment should look like for this app.
    ///
    /// # Errors
    /// A variable that `env: {X: {from: NAME}}` takes from the caller's environment is not set, or
    /// the app asks for what AWS does not have ([`super::validate`] says it with its place).
    pub fn new(app: &App, inputs: &Inputs<'_>) -> Result<Self> {
        let Target::Aws(target) = &app.target else {
            return Err(Error::failed(format!("environment {} does not run on AWS", app.env)));
        };
        let draft = Draft { app, target, inputs, scope: &inputs.scope };
        let services = draft.services()?;
        let mut things = draft.surroundings();
        things.extend(draft.traffic());
        things.extend(draft.scalings().map(Thing::Scaling));
        Ok(Self {
            scope: inputs.scope.clone(),
            url: draft.url(),
            image: inputs.image.clone(),
            cluster: draft.cluster(),
            things,
            release_step: draft.release_step(&services),
            services,
            probe: draft.probe(),
            check: draft.check(),
            artifacts: ArtifactRequest::of(app),
            plane: draft.plane()?,
            keep_releases: app.keep_releases.get(),
            renames: draft.renames(),
            unrendered: app.render.is_some() && app.edge.is_none(),
        })
    }

    /// The web service, with its name.
    pub fn web(&self) -> Option<(&str, &ServiceSpec)> {
        let mut services = self.services.iter();
        let (name, spec) = services.find(|(_, spec)| spec.is_web())?;
        Some((name, spec))
    }

    /// The thing of this id.
    pub fn thing(&self, id: &ResourceId) -> Option<&Thing> {
        self.things.iter().find(|thing| &thing.id() == id)
    }
}

/// The host name under which the load balancer is asked: the domain itself, or, with the Edge in
/// front, one below it that only the Edge uses. So it lies in the domain's own zone, and no two
/// environments have the same.
pub(super) fn balancer_host(app: &App) -> Option<String> {
    let domain = app.domain.as_ref()?;
    match app.edge {
        Some(_) => Some(format!("origin-{}.{domain}", app.env)),
        None => Some(domain.clone()),
    }
}

/// The app and everything that is known about its surroundings, while `Desired` is made of them.
struct Draft<'a> {
    app: &'a App,
    target: &'a AwsTarget,
    inputs: &'a Inputs<'a>,
    scope: &'a Scope,
}

impl<'a> Draft<'a> {
    fn has_edge(&self) -> bool {
        self.app.edge.is_some()
    }

    /// The check, if there is something that it can ask.
    fn check(&self) -> Option<Gate> {
        self.app.web()?;
        Gate::of(self.app)
    }

    fn host(&self) -> Option<String> {
        balancer_host(self.app)
    }

    fn cluster(&self) -> String {
        self.target.cluster.clone().unwrap_or_else(|| self.scope.cluster())
    }

    /// The subnets of the tasks: those with a NAT gateway, else those with a public address.
    fn task_subnets(&self) -> (BTreeSet<String>, bool) {
        let by = |egress| self.subnets(move |subnet| subnet.egress == egress);
        match by(Egress::Nat) {
            private if !private.is_empty() => (private, false),
            _ => (by(Egress::Public), true),
        }
    }

    /// The subnets of our own load balancer: public ones, and one in each zone.
    fn balancer_subnets(&self) -> BTreeSet<String> {
        let mut zones: BTreeMap<&str, &str> = BTreeMap::new();
        let public = self.inputs.network.subnets.iter();
        for subnet in public.filter(|subnet| subnet.egress == Egress::Public) {
            let first = zones.entry(&subnet.zone).or_insert(&subnet.id);
            *first = subnet.id.as_str().min(first);
        }
        zones.into_values().map(str::to_owned).collect()
    }

    fn subnets(&self, keep: impl Fn(&Subnet) -> bool) -> BTreeSet<String> {
        let subnets = self.inputs.network.subnets.iter().filter(|subnet| keep(subnet));
        subnets.map(|subnet| subnet.id.clone()).collect()
    }

    /// The services that `renamed_from` says took over another's place.
    fn renames(&self) -> BTreeMap<String, String> {
        let renamed = self.app.services.iter().filter_map(|(name, service)| {
            Some((name.to_string(), service.renamed_from.as_ref()?.to_string()))
        });
        renamed.collect()
    }
}
