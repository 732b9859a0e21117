//! Container groups as Azure's API wants them.

use std::collections::BTreeMap;

use azure_mgmt_containerinstance::models::{
    Container, ContainerGroup, ContainerGroupIdentity, ContainerGroupProperties,
    ContainerProperties, EnvironmentVariable, ImageRegistryCredential, IpAddress, Port, Resource,
    ResourceRequests, ResourceRequirements,
    container_group_identity::Type as IdentityType,
    container_group_properties::{
        Properties,
        properties::{OsType, RestartPolicy},
    },
    ip_address::Type as AddressType,
    port::Protocol,
};
use serde_json::json;

use super::{GroupTags, Values, sidecar::Proxy};
use crate::{
    error::{Context, ErrorKind, Result},
    model::ReleaseId,
    plan,
    targets::{
        EnvSpec,
        azure::{
            instances::spec::{Container as Spec, Kind, ServiceSpec, Sidecar, Size, TLS_PORT},
            names::{Scope, Tags},
        },
    },
};

/// The service of a group that runs a release step, by its tag.
pub const STEP_SERVICE: &str = "release-step";
/// The service of a group that runs a command, by its tag.
pub const RUN_SERVICE: &str = "run";
/// What wraps it, of the image.
pub const SHELL: &str = "/bin/sh";
/// Wraps a command that runs once. Container Instances may start what failed again whatever they were
/// told, so it always ends well, and its last line says how it really ended.
pub const ONE_OFF: &str = r#""$@"; code=$?; printf '\nmizan-exit-code: %s\n' "$code""#;
/// The variable that tells the release.
pub(super) const RELEASE: &str = "MIZAN_RELEASE";
/// The variable that tells under which host names the app is asked.
pub(super) const HOSTS: &str = "MIZAN_HOSTS";

/// Everything that a group needs and its specification does not say.
pub struct Rendering<'a> {
    /// Whose it is.
    pub scope: &'a Scope,
    /// Its name.
    pub group: &'a str,
    /// The release.
    pub release: ReleaseId,
    /// The host of the registry.
    pub login_server: &'a str,
    /// The image's digest.
    pub digest: &'a str,
    /// The resource id of the identity that pulls it.
    pub identity: &'a str,
    /// A stand-in runs it.
    pub is_local: bool,
    /// What goes into it.
    pub values: &'a Values,
}

/// A command that runs once.
pub struct Once<'a> {
    /// The service in its tag, and the container's name.
    pub name: &'a str,
    /// What it runs in.
    pub container: &'a Spec,
    /// The command.
    pub command: &'a [String],
}

impl Rendering<'_> {
    /// A service.
    ///
    /// # Errors
    /// A value is missing.
    pub fn service(&self, service: &str, spec: &ServiceSpec) -> Result<ContainerGroup> {
        let host = self.scope.host(self.group);
        let mut containers = Vec::new();
        for name in names(service, spec.count) {
            let host = spec.is_web().then_some(host.as_str());
            containers.push(self.container(name, &spec.container, None, host)?);
        }
        let mut tags = self.tags(service, &spec.container);
        tags.insert(GroupTags::KIND.into(), kind(&spec.role).into());
        tags.extend(spec.secrets_hash().map(|hash| (Tags::SECRETS.to_owned(), hash)));
        let mut address = None;
        if let Kind::Web { port, health, health_timeout, drain, sidecar } = &spec.role {
            containers.push(self.sidecar(sidecar, *port, &host));
            tags.insert(GroupTags::WEB.into(), format!("{health_timeout} {drain} {health}"));
            address = Some(self.address());
        }
        let mut group = self.around(&spec.container, containers, RestartPolicy::Always);
        group.resource.tags = Some(json!(tags));
        group.container_group_properties.properties.ip_address = address;
        Ok(group)
    }

    /// A command that runs once.
    ///
    /// # Errors
    /// A value is missing.
    pub fn once(&self, once: &Once<'_>) -> Result<ContainerGroup> {
        let shell = [SHELL, "-c", ONE_OFF, "mizan"].map(str::to_owned);
        let command = shell.into_iter().chain(once.command.iter().cloned()).collect();
        let container =
            self.container(once.name.to_owned(), once.container, Some(command), None)?;
        let mut tags = self.tags(once.name, once.container);
        let hash = plan::hash(&(once.container, once.command));
        let hash = hash.context(ErrorKind::Failed, || format!("cannot describe {}", once.name))?;
        tags.insert(GroupTags::SPEC.into(), hash);
        let mut group = self.around(once.container, vec![container], RestartPolicy::Never);
        group.resource.tags = Some(json!(tags));
        Ok(group)
    }

    /// The sidecar of a web service.
    pub(super) fn sidecar(&self, sidecar: &Sidecar, port: u16, host: &str) -> Container {
        let proxy = Proxy {
            image: format!("{}/{}", self.login_server, sidecar.image),
            host,
            port,
            secrets: self.values.origin.len(),
            is_local: self.is_local,
        };
        proxy.container(&self.values.origin)
    }

    fn around(
        &self,
        spec: &Spec,
        containers: Vec<Container>,
        policy: RestartPolicy,
    ) -> ContainerGroup {
        let mut properties = Properties::new(containers);
        properties.os_type = Some(OsType::Linux);
        properties.restart_policy = Some(policy);
        properties.image_registry_credentials = vec![ImageRegistryCredential {
            identity: Some(self.identity.to_owned()),
            ..ImageRegistryCredential::new(self.login_server.to_owned())
        }];
        debug_assert_eq!(self.identity.rsplit('/').next(), Some(spec.identity.as_str()));
        let identity = ContainerGroupIdentity {
            type_: Some(IdentityType::UserAssigned),
            user_assigned_identities: Some(json!({self.identity: {}})),
            ..ContainerGroupIdentity::default()
        };
        let properties = ContainerGroupProperties { identity: Some(identity), properties };
        let location = Some(self.scope.location.clone());
        ContainerGroup {
            resource: Resource { location, ..Resource::default() },
            container_group_properties: properties,
        }
    }

    fn tags(&self, service: &str, spec: &Spec) -> BTreeMap<String, String> {
        let mut tags = self.scope.tags();
        tags.insert(Tags::RELEASE.to_owned(), self.release.to_string());
        tags.insert(Tags::SERVICE.to_owned(), service.to_owned());
        if let plan::Late::Known(tag) = &spec.image {
            tags.insert(GroupTags::IMAGE.to_owned(), tag.clone());
        }
        tags
    }

    fn address(&self) -> IpAddress {
        let port = Port { protocol: Some(Protocol::Tcp), ..Port::new(i32::from(TLS_PORT)) };
        IpAddress {
            dns_name_label: Some(self.scope.dns_label(self.group)),
            ..IpAddress::new(vec![port], AddressType::Public)
        }
    }

    fn container(
        &self,
        name: String,
        spec: &Spec,
        command: Option<Vec<String>>,
        host: Option<&str>,
    ) -> Result<Container> {
        let repository = format!("{}/{}", self.login_server, self.scope.app);
        let properties = ContainerProperties {
            image: Some(format!("{repository}@{}", self.digest)),
            command: command.or_else(|| spec.command.clone()).unwrap_or_default(),
            environment_variables: self.variables(spec, host)?,
            resources: Some(requirements(spec.size)),
            ..ContainerProperties::default()
        };
        Ok(Container::new(name, properties))
    }

    fn variables(&self, spec: &Spec, host: Option<&str>) -> Result<Vec<EnvironmentVariable>> {
        let mut variables = vec![plain(RELEASE, &self.release.to_string())];
        for (name, value) in &spec.env {
            variables.push(match (value, host) {
                (EnvSpec::Literal(text), Some(host)) if name == HOSTS => {
                    plain(name, &format!("{text},{host}"))
                }
                (EnvSpec::Literal(text) | EnvSpec::Late { text, .. }, _) => plain(name, text),
                (EnvSpec::Caller { from, .. }, _) => plain(name, self.values.caller(from)?),
                (EnvSpec::Secret { .. }, _) => EnvironmentVariable {
                    secure_value: Some(self.values.secret(name)?.expose().to_owned()),
                    ..EnvironmentVariable::new(name.clone())
                },
            });
        }
        Ok(variables)
    }
}

/// The names of a service's containers.
pub(super) fn names(service: &str, count: u32) -> Vec<String> {
    match count {
        1 => vec![service.to_owned()],
        more => (1..=more).map(|at| format!("{service}-{at}")).collect(),
    }
}

pub(super) fn kind(role: &Kind) -> &'static str {
    match role {
        Kind::Web { .. } => "web",
        Kind::Worker => "worker",
        Kind::Singleton => "singleton",
    }
}

pub(super) fn requirements(size: Size) -> ResourceRequirements {
    let (cpu, memory) = (f64::from(size.cpu) / 1000.0, f64::from(size.memory) / 10.0);
    ResourceRequirements::new(ResourceRequests::new(memory, cpu))
}

fn plain(name: &str, value: &str) -> EnvironmentVariable {
    EnvironmentVariable {
        value: Some(value.to_owned()),
        ..EnvironmentVariable::new(name.to_owned())
    }
}
