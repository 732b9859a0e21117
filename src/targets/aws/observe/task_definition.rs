//! A task definition in the terms of the specification. One that a release has recorded is not
//! asked for: task definitions never change.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, CpuArchitecture, Secret, TaskDefinition};

use super::{
    super::{
        clients::Clients,
        names::Scope,
        spec::{Architecture, TaskSpec},
    },
    answer::{Read, answer},
    things::secrets::StoredSecret,
};
use crate::{plan::Late, targets::EnvSpec};

/// Written into every task by the deploy itself; differs from release to release.
const RELEASE_VARIABLE: &str = "MIZAN_RELEASE";
/// What Fargate waits if nothing is set, in seconds.
const STOP_TIMEOUT: u32 = 30;

/// The task definition of this ARN.
pub(super) async fn read(clients: &Clients, arn: &str) -> Read<TaskDefinition> {
    let request = clients.ecs.describe_task_definition().task_definition(arn);
    let found = answer(&format!("cannot read the task definition {arn}"), request.send().await)?;
    Ok(found.task_definition.unwrap_or_else(|| TaskDefinition::builder().build()))
}

/// The image of the first container: what it runs.
pub(super) fn image(definition: &TaskDefinition) -> &str {
    definition.container_definitions().first().and_then(|it| it.image()).unwrap_or_default()
}

/// The digest in an image's reference, if it has one.
pub(super) fn digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

/// The task that a definition describes; `tag` is the tag of its image, `secrets` are ours.
pub(super) fn task(
    scope: &Scope,
    definition: &TaskDefinition,
    tag: Option<String>,
    secrets: &BTreeMap<String, StoredSecret>,
) -> TaskSpec {
    let empty = ContainerDefinition::builder().build();
    let container = definition.container_definitions().first().unwrap_or(&empty);
    let (env, references) = environment(scope, container, secrets);
    let units = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
    let command = container.command();
    let port = container.port_mappings().first().and_then(|it| it.container_port);
    TaskSpec {
        image: Late::Known(tag.unwrap_or_else(|| image(definition).to_owned())),
        command: (!command.is_empty()).then(|| command.to_vec()),
        env,
        references,
        cpu: units(definition.cpu()),
        memory: units(definition.memory()),
        architecture: architecture(definition),
        port: port.and_then(|port| u16::try_from(port).ok()),
        stop_timeout: container
            .stop_timeout
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(STOP_TIMEOUT),
        execution_role: role(scope, definition.execution_role_arn()),
        task_role: role(scope, definition.task_role_arn()),
    }
}

/// The variables, and where those come from that others keep.
fn environment(
    scope: &Scope,
    container: &ContainerDefinition,
    secrets: &BTreeMap<String, StoredSecret>,
) -> (BTreeMap<String, EnvSpec>, BTreeMap<String, String>) {
    let plain = container.environment().iter().filter_map(|pair| {
        Some((pair.name.clone()?, EnvSpec::Literal(pair.value.clone().unwrap_or_default())))
    });
    let mut env: BTreeMap<String, EnvSpec> = plain.collect();
    env.remove(RELEASE_VARIABLE);
    let mut references = BTreeMap::new();
    for secret in container.secrets() {
        let own = own_secret(scope, secret, secrets);
        let fingerprint =
            version(&secret.value_from).or_else(|| own.and_then(|own| own.version.clone()));
        env.insert(secret.name.clone(), EnvSpec::Secret { fingerprint });
        if own.is_none() {
            references.insert(secret.name.clone(), secret.value_from.clone());
        }
    }
    (env, references)
}

/// The secret of ours that a variable takes its value from.
fn own_secret<'a>(
    scope: &Scope,
    secret: &Secret,
    secrets: &'a BTreeMap<String, StoredSecret>,
) -> Option<&'a StoredSecret> {
    let own = secrets.get(&scope.secret(&secret.name))?;
    secret.value_from.starts_with(&own.arn).then_some(own)
}

/// The version at the end of `arn:aws:secretsmanager:<region>:<account>:secret:<name>:<key>:<stage>:<version>`.
fn version(value_from: &str) -> Option<String> {
    const VERSION: usize = 9;
    value_from.split(':').nth(VERSION).filter(|it| !it.is_empty()).map(str::to_owned)
}

fn architecture(definition: &TaskDefinition) -> Architecture {
    let found = definition.runtime_platform().and_then(|it| it.cpu_architecture());
    match found {
        Some(CpuArchitecture::Arm64) => Architecture::Arm,
        _ => Architecture::X86,
    }
}

/// A role of ours by its name, one of others by its ARN.
fn role(scope: &Scope, arn: Option<&str>) -> String {
    let arn = arn.unwrap_or_default();
    let own = [scope.execution_role(), scope.task_role()];
    let own = own.into_iter().find(|name| scope.role_arn(name) == arn);
    own.unwrap_or_else(|| arn.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_ecs::types::{KeyValuePair, PortMapping, RuntimePlatform};

    use super::{super::things::tests::scope, *};

    const SECRET: &str =
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mizan/board/production/KEY-AbCdEf";

    fn stored() -> BTreeMap<String, StoredSecret> {
        let secret = StoredSecret {
            name: scope().secret("KEY"),
            arn: SECRET.into(),
            version: Some("v2".into()),
            versions: BTreeSet::from(["v2".to_owned()]),
            ours: true,
        };
        BTreeMap::from([(secret.name.clone(), secret)])
    }

    fn secret(name: &str, from: &str) -> Secret {
        Secret::builder().name(name).value_from(from).build().expect("complete")
    }

    fn definition() -> TaskDefinition {
        let variable =
            |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
        let container = ContainerDefinition::builder()
            .image("registry/mizan/board/production@sha256:ab")
            .environment(variable("DEBUG", "0"))
            .environment(variable("MIZAN_RELEASE", "r7"))
            .secrets(secret("KEY", SECRET))
            .secrets(secret("OLD", &format!("{SECRET}:::v1")))
            .secrets(secret("SSM", "arn:aws:ssm:eu-west-1:123456789012:parameter/x"))
            .port_mappings(PortMapping::builder().container_port(8000).build())
            .stop_timeout(45);
        TaskDefinition::builder()
            .cpu("512")
            .memory("1024")
            .runtime_platform(
                RuntimePlatform::builder().cpu_architecture(CpuArchitecture::Arm64).build(),
            )
            .execution_role_arn(scope().role_arn(&scope().execution_role()))
            .task_role_arn("arn:aws:iam::123456789012:role/theirs")
            .container_definitions(container.build())
            .build()
    }

    #[test]
    fn a_definition_comes_back_as_the_task_it_was_made_from() {
        let definition = definition();
        assert_eq!(digest(image(&definition)), Some("sha256:ab"));
        let task = task(&scope(), &definition, Some("c0ffee".into()), &stored());
        let version = |version: &str| EnvSpec::Secret { fingerprint: Some(version.into()) };
        let expected = TaskSpec {
            image: Late::Known("c0ffee".into()),
            command: None,
            env: BTreeMap::from([
                ("DEBUG".to_owned(), EnvSpec::Literal("0".into())),
                ("KEY".to_owned(), version("v2")),
                ("OLD".to_owned(), version("v1")),
                ("SSM".to_owned(), EnvSpec::Secret { fingerprint: None }),
            ]),
            references: BTreeMap::from([
                ("OLD".to_owned(), format!("{SECRET}:::v1")),
                ("SSM".to_owned(), "arn:aws:ssm:eu-west-1:123456789012:parameter/x".to_owned()),
            ]),
            cpu: 512,
            memory: 1024,
            architecture: Architecture::Arm,
            port: Some(8000),
            stop_timeout: 45,
            execution_role: "mizan-board-production-execution".into(),
            task_role: "arn:aws:iam::123456789012:role/theirs".into(),
        };
        assert_eq!(task, expected);
    }

    #[test]
    fn an_image_that_nobody_knows_is_told_as_it_stands_there() {
        let task = task(&scope(), &definition(), None, &stored());
        assert_eq!(task.image, Late::Known("registry/mizan/board/production@sha256:ab".into()));
    }
}
