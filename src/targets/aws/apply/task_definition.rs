//! A task definition: what ECS is told to run, made from a specification and from what surrounds
//! it. Pure, but for the values of variables that come from the caller's environment.

use std::collections::BTreeMap;

use aws_sdk_ecs::{
    operation::register_task_definition::{
        RegisterTaskDefinitionInput, builders::RegisterTaskDefinitionInputBuilder,
    },
    types::{
        Compatibility, ContainerDefinition, CpuArchitecture, KeyValuePair, LinuxParameters,
        LogConfiguration, LogDriver, NetworkMode, OsFamily, PortMapping, RuntimePlatform, Secret,
        Tag, TransportProtocol, builders::ContainerDefinitionBuilder,
    },
};

use super::{
    super::{
        names::{Scope, Tags},
        spec::{Architecture, TaskSpec},
    },
    secrets::SecretRefs,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::ReleaseId,
    targets::EnvSpec,
};

/// ECS refuses larger ones with a message that does not say so.
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>)
const LARGEST: usize = 64 * 1024;
/// What may wait for CloudWatch: when it is slow, lines are lost rather than the app stopped.
const LOG_BUFFER: &str = "25m";

/// What surrounds a task: everything that its specification only names.
#[derive(Debug, Clone)]
pub(super) struct Surroundings<'a> {
    /// Whose it is.
    pub scope: &'a Scope,
    /// The service, or `release-step`: the container's name, and how its log streams begin.
    pub service: &'a str,
    /// The release.
    pub release: ReleaseId,
    /// The image: registry, repository and digest.
    pub image: String,
    /// The secrets of its variables.
    pub secrets: &'a SecretRefs,
    /// The values of variables, but for secrets.
    pub env: BTreeMap<String, String>,
    /// The hash of the resolved specification.
    pub hash: String,
}

impl Surroundings<'_> {
    /// The tags of the task definition, which its tasks get too.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.scope.tags();
        tags.insert(Tags::RELEASE.to_owned(), self.release.to_string());
        tags.insert(Tags::SERVICE.to_owned(), self.service.to_owned());
        tags.insert(Tags::SPEC.to_owned(), self.hash.clone());
        tags
    }

    fn role(&self, role: &str) -> String {
        if role.starts_with("arn:") { role.to_owned() } else { self.scope.role_arn(role) }
    }
}

/// The request that registers a task.
///
/// # Errors
/// It would be larger than ECS takes.
pub(super) fn definition(
    spec: &TaskSpec,
    around: &Surroundings<'_>,
) -> Result<RegisterTaskDefinitionInputBuilder> {
    require_size(spec, around)?;
    Ok(RegisterTaskDefinitionInput::builder()
        .family(around.scope.service(around.service))
        .execution_role_arn(around.role(&spec.execution_role))
        .task_role_arn(around.role(&spec.task_role))
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu(spec.cpu.to_string())
        .memory(spec.memory.to_string())
        .runtime_platform(
            RuntimePlatform::builder()
                .cpu_architecture(match spec.architecture {
                    Architecture::X86 => CpuArchitecture::X8664,
                    Architecture::Arm => CpuArchitecture::Arm64,
                })
                .operating_system_family(OsFamily::Linux)
                .build(),
        )
        .container_definitions(container(spec, around).build())
        .set_tags(Some(ecs_tags(&around.tags()))))
}

fn container(spec: &TaskSpec, around: &Surroundings<'_>) -> ContainerDefinitionBuilder {
    ContainerDefinition::builder()
        .name(around.service)
        .image(&around.image)
        .essential(true)
        .set_command(spec.command.clone())
        .set_environment(Some(environment(around)))
        .set_secrets(Some(secrets(spec, around)))
        .set_port_mappings(spec.port.map(|port| {
            let mapping = PortMapping::builder().container_port(port.into());
            vec![mapping.protocol(TransportProtocol::Tcp).build()]
        }))
        .stop_timeout(i32::try_from(spec.stop_timeout).unwrap_or(i32::MAX))
        // A shell that is process 1 neither passes the stop signal on nor reaps its children.
        .linux_parameters(LinuxParameters::builder().init_process_enabled(true).build())
        .log_configuration(log_configuration(around))
}

/// `MIZAN_RELEASE` and the variables of the specification, in order.
fn environment(around: &Surroundings<'_>) -> Vec<KeyValuePair> {
    let mut env = around.env.clone();
    env.insert("MIZAN_RELEASE".to_owned(), around.release.to_string());
    let pairs = env.into_iter();
    pairs.map(|(name, value)| KeyValuePair::builder().name(name).value(value).build()).collect()
}

fn secrets(spec: &TaskSpec, around: &Surroundings<'_>) -> Vec<Secret> {
    let refs = around.secrets.iter().filter(|(name, _)| spec.env.contains_key(*name));
    refs.filter_map(|(name, arn)| Secret::builder().name(name).value_from(arn).build().ok())
        .collect()
}

fn log_configuration(around: &Surroundings<'_>) -> LogConfiguration {
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", around.scope.log_group())
        .options("awslogs-region", &around.scope.region)
        .options("awslogs-stream-prefix", around.service)
        .options("mode", "non-blocking")
        .options("max-buffer-size", LOG_BUFFER)
        .build()
        .unwrap_or_else(|_| unreachable!("the driver is set"))
}

/// Only the variables can make a definition large.
fn require_size(spec: &TaskSpec, around: &Surroundings<'_>) -> Result<()> {
    const REST: usize = 2048;
    // `{"name":"","value":""},`
    const PAIR: usize = 23;
    let plain = around.env.iter().map(|(name, value)| name.len() + value.len() + PAIR);
    let refs = around.secrets.iter().map(|(name, arn)| name.len() + arn.len() + PAIR);
    let command = spec.command.iter().flatten().map(|word| word.len() + 3);
    let size = plain.chain(refs).chain(command).sum::<usize>() + REST;
    if size <= LARGEST {
        return Ok(());
    }
    let largest = around.env.iter().max_by_key(|(_, value)| value.len()).map(|(name, _)| name);
    let error = Error::new(
        ErrorKind::Invalid,
        format!("the environment of {} is too large for a task definition", around.service),
    )
    .cause(format!("{size} bytes, and ECS takes {LARGEST}"));
    Err(match largest {
        Some(name) => error.hint(format!("the largest variable is {name}: read it from a file")),
        None => error,
    })
}

/// The values of all variables but secrets; the caller's are looked up here and nowhere else.
pub(super) fn plain_values(
    env: &BTreeMap<String, EnvSpec>,
    caller: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (name, spec) in env {
        let value = match spec {
            EnvSpec::Literal(text) => text.clone(),
            EnvSpec::Caller { from, .. } => caller(from).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, format!("env {name}: {from} is not set"))
                    .hint(format!("export {from}=… and run the command again"))
            })?,
            EnvSpec::Late { step, output, .. } => {
                return Err(Error::failed(format!("env {name}: {step} did not tell its {output}")));
            }
            EnvSpec::Secret { .. } => continue,
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// Tags as ECS takes them.
pub(super) fn ecs_tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags as ECS gives them.
pub(super) fn from_ecs_tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let pairs = tags.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone()?)));
    pairs.collect()
}

#[cfg(test)]
mod tests;
