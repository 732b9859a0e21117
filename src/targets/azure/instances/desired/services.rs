//! The services and the release step.

use std::collections::BTreeMap;

use super::Draft;
use crate::{
    error::Result,
    model::{CpuShares, Memory, Role, Service},
    targets::{
        EnvSpec, add_env,
        azure::instances::spec::{Container, Kind, ReleaseSpec, ServiceSpec, Sidecar, Size},
    },
};

/// What Azure's own tools take if nothing is said: one core and 1.5 GiB.
const CPU: CpuShares = CpuShares(1000);
const MEMORY: Memory = Memory(3 << 29);

type Env = BTreeMap<String, EnvSpec>;

impl Draft<'_> {
    pub(super) fn services(&self) -> Result<BTreeMap<String, ServiceSpec>> {
        let shared = self.shared_env()?;
        let mut services = BTreeMap::new();
        for (name, service) in &self.app.services {
            let Some(role) = self.kind_of(service) else { continue };
            let spec = ServiceSpec {
                container: self.container(service, &role, &shared)?,
                count: if role == Kind::Worker { service.scale.min } else { 1 },
                role,
            };
            services.insert(name.to_string(), spec);
        }
        Ok(services)
    }

    /// What it is for. Accessories do not run on a cloud.
    fn kind_of(&self, service: &Service) -> Option<Kind> {
        match &service.role {
            Role::Web { port, health, health_timeout, drain } => Some(Kind::Web {
                port: *port,
                health: health.clone(),
                health_timeout: health_timeout.as_secs(),
                drain: drain.0.as_secs(),
                sidecar: Sidecar {
                    image: self.inputs.sidecar.clone(),
                    secret_versions: self.inputs.origin_secret_versions.clone(),
                },
            }),
            Role::Worker => Some(Kind::Worker),
            Role::Singleton => Some(Kind::Singleton),
            Role::Accessory { .. } => None,
        }
    }

    fn container(&self, service: &Service, role: &Kind, shared: &Env) -> Result<Container> {
        let mut env = shared.clone();
        if let Kind::Web { port, .. } = role {
            env.insert("PORT".to_owned(), EnvSpec::Literal(port.to_string()));
        }
        add_env(&mut env, &service.env, self.inputs.caller)?;
        Ok(Container {
            image: self.inputs.image.clone(),
            registry: self.scope.registry(),
            identity: self.scope.identity(),
            command: service.command.as_ref().map(|command| command.0.clone()),
            env,
            size: size(service),
        })
    }

    /// The variables that every service gets. The host name of a group is added to `MIZAN_HOSTS`
    /// when the group is made.
    fn shared_env(&self) -> Result<Env> {
        let url = &self.inputs.place.public_url;
        let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
        let mut env = BTreeMap::from([
            ("MIZAN_URL".to_owned(), EnvSpec::Literal(url.clone())),
            ("MIZAN_HOSTS".to_owned(), EnvSpec::Literal(host.to_owned())),
        ]);
        for name in self.app.secrets.keys() {
            let fingerprint = (self.inputs.secret)(name);
            env.insert(name.clone(), EnvSpec::Secret { fingerprint });
        }
        add_env(&mut env, &self.app.env_vars, self.inputs.caller)?;
        Ok(env)
    }

    /// The release step sees what the web service sees, and is reached by nobody.
    pub(super) fn release_step(
        &self,
        services: &BTreeMap<String, ServiceSpec>,
    ) -> Option<ReleaseSpec> {
        let step = self.app.release.as_ref()?;
        let web = services.values().find(|spec| spec.is_web())?;
        let command = Some(step.command.0.clone());
        let container = Container { command, ..web.container.clone() };
        Some(ReleaseSpec { container, timeout: step.timeout.as_secs() })
    }
}

/// What its containers may use; memory is rounded up to what Azure can count.
pub(in super::super) fn size(service: &Service) -> Size {
    let memory = (service.memory.unwrap_or(MEMORY).0 * 10).div_ceil(1 << 30);
    Size { cpu: service.cpu.unwrap_or(CPU).0, memory: u32::try_from(memory).unwrap_or(u32::MAX) }
}
