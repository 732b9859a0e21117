//! A service of `mizan.yaml` as a container group. The same for all releases: what a group is called
//! and where it is reached comes with the release.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    plan::{self, Late},
    targets::EnvSpec,
};

/// Until when the last Edge has heard that the Hub names another group, in seconds. It goes by what
/// it was told for at most 5 s (`MAX_AGE_MS` of `templates/edge/hub-client.js`), and a request that
/// began then may still be on its way.
pub const UNTIL_HEARD: u64 = 6;

/// The port at which the sidecar of the web service takes requests.
pub const TLS_PORT: u16 = 443;
/// Thousandths of a core and tenths of a GiB for the sidecar: it hands bytes on.
pub(super) const SIDECAR: Size = Size { cpu: 100, memory: 2 };

/// What kind of service it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// Takes the traffic, behind a sidecar that has a certificate for the group's host name.
    Web {
        /// The port inside the group.
        port: u16,
        /// The health path.
        health: String,
        /// How long it may take to become healthy, in seconds.
        health_timeout: u64,
        /// How long it may finish its requests when visitors have moved on, in seconds.
        drain: u64,
        /// What stands before it.
        sidecar: Sidecar,
    },
    /// Runs beside it.
    Worker,
    /// Runs once; the old one stops first.
    Singleton,
}

/// The proxy that ends TLS and lets in the Edge alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Its image.
    pub image: String,
    /// The versions of the Edge's secret that it accepts; empty until the secret was made.
    pub secret_versions: BTreeSet<String>,
}

/// One service: a group of `count` equal containers, and the sidecar of the web service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// What it is for.
    #[serde(flatten)]
    pub role: Kind,
    /// What its containers run.
    pub container: Container,
    /// How many of them.
    pub count: u32,
}

/// A container, complete but for the image's digest and secret values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The image's tag: a hash of its content.
    pub image: Late<String>,
    /// The registry that it is in.
    pub registry: String,
    /// The identity that pulls it.
    pub identity: String,
    /// Its command; the image's own if absent.
    pub command: Option<Vec<String>>,
    /// Its environment; secrets are references.
    pub env: BTreeMap<String, EnvSpec>,
    /// What it may use.
    pub size: Size,
}

/// What a container may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Thousandths of a core.
    pub cpu: u32,
    /// Tenths of a GiB: Azure counts no finer.
    pub memory: u32,
}

/// The release step: a group that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSpec {
    /// What it runs: the web service's container with another command.
    pub container: Container,
    /// How long it may take, in seconds.
    pub timeout: u64,
}

impl ServiceSpec {
    /// True for the service that takes the traffic.
    pub fn is_web(&self) -> bool {
        matches!(self.role, Kind::Web { .. })
    }

    /// What the whole group may use.
    pub fn size(&self) -> Size {
        let own = self.container.size.times(self.count);
        match self.role {
            Kind::Web { .. } => Size::of_web(own),
            Kind::Worker | Kind::Singleton => own,
        }
    }

    /// How long requests may come and be finished when visitors have moved on, in seconds.
    pub fn drain(&self) -> u64 {
        match self.role {
            Kind::Web { drain, .. } => drain.max(UNTIL_HEARD),
            Kind::Worker | Kind::Singleton => 0,
        }
    }

    /// The names of its secret variables.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let env = self.container.env.iter();
        env.filter(|(_, value)| matches!(value, EnvSpec::Secret { .. }))
            .map(|(name, _)| name.as_str())
    }

    /// The hash of the versions of all secrets that are handed over; `None` while one of them is
    /// still to be made.
    pub fn secrets_hash(&self) -> Option<String> {
        let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in &self.container.env {
            if let EnvSpec::Secret { fingerprint } = value {
                versions.insert(name, BTreeSet::from([fingerprint.as_deref()?]));
            }
        }
        if let Kind::Web { sidecar, .. } = &self.role {
            let accepted: BTreeSet<&str> =
                sidecar.secret_versions.iter().map(String::as_str).collect();
            if accepted.is_empty() {
                return None;
            }
            // No variable is called like that.
            versions.insert("sidecar", accepted);
        }
        plan::hash(&versions).ok()
    }

    /// The same without the versions of secrets: as Azure gives it back.
    #[must_use]
    pub fn without_versions(&self) -> Self {
        let mut spec = self.clone();
        for value in spec.container.env.values_mut() {
            if let EnvSpec::Secret { fingerprint } = value {
                *fingerprint = None;
            }
        }
        if let Kind::Web { sidecar, .. } = &mut spec.role {
            sidecar.secret_versions.clear();
        }
        spec
    }
}

impl ServiceSpec {
    /// The same with the versions of secrets that another specification has.
    #[must_use]
    pub fn with_versions_of(&self, other: &Self) -> Self {
        let mut spec = self.clone();
        for (name, value) in &mut spec.container.env {
            if let (EnvSpec::Secret { .. }, Some(known @ EnvSpec::Secret { .. })) =
                (&value, other.container.env.get(name))
            {
                *value = known.clone();
            }
        }
        if let (Kind::Web { sidecar, .. }, Kind::Web { sidecar: known, .. }) =
            (&mut spec.role, &other.role)
        {
            sidecar.secret_versions.clone_from(&known.secret_versions);
        }
        spec
    }
}

impl Size {
    /// The web service's group, which has the sidecar too.
    pub(super) fn of_web(own: Self) -> Self {
        own.and(SIDECAR)
    }

    pub(super) fn times(self, count: u32) -> Self {
        Self { cpu: self.cpu * count, memory: self.memory * count }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }

    /// The cores, as `mizan.yaml` writes them.
    pub fn cores(self) -> String {
        (f64::from(self.cpu) / 1000.0).to_string()
    }

    /// The memory in GiB.
    pub fn gibibytes(self) -> String {
        (f64::from(self.memory) / 10.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_without_a_rest() {
        let size = Size { cpu: 500, memory: 15 };
        assert_eq!((size.cores(), size.gibibytes()), ("0.5".to_owned(), "1.5".to_owned()));
        let both = size.times(3).and(SIDECAR);
        assert_eq!((both.cores(), both.gibibytes()), ("1.6".to_owned(), "4.7".to_owned()));
    }
}
