//! Services: sizes, times, and how much fits into a task definition.

use crate::{
    config::Finding,
    model::{App, CpuShares, EnvValue, Memory, Role, Service},
    targets::aws::{desired::STOP_TIMEOUT_MAX, fargate::Size},
};

/// The longest drain of a target group, in seconds.
const DRAIN_MAX: u64 = 3600;
/// The longest path of a health check.
const HEALTH_PATH_MAX: usize = 1024;
/// Bytes of a task definition's container, without what we add to it ourselves.
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>)
const CONTAINER_MAX: usize = 60 << 10;
/// Bytes that JSON needs around the name and the value of a variable.
const AROUND: usize = 24;

pub(super) fn check(app: &App, findings: &mut Vec<Finding>) {
    for (name, service) in &app.services {
        let path = |field: &str| format!("services.{name}.{field}");
        findings.extend(size(service, path));
        findings.extend(stop_timeout(service, path));
        findings.extend(web(service, path));
        findings.extend(definition(app, name.as_str(), service));
    }
}

fn size(service: &Service, path: impl Fn(&str) -> String) -> Option<Finding> {
    let near = Size::choose(service.cpu, service.memory).err()?.near;
    let cores = |cpu: CpuShares| format!("`cpu: {}`", f64::from(cpu.0) / 1000.0);
    let size = |memory: Memory| {
        let mebibytes = u32::try_from(memory.0 >> 20).unwrap_or(u32::MAX);
        format!("`memory: {}`", crate::targets::aws::fargate::memory(mebibytes))
    };
    let asked: Vec<String> =
        service.cpu.map(cores).into_iter().chain(service.memory.map(size)).collect();
    let near: Vec<String> = near.iter().map(ToString::to_string).collect();
    let field = if service.cpu.is_some() { "cpu" } else { "memory" };
    Some(Finding::new(
        path(field),
        format!("Fargate has no size with {}", asked.join(" and ")),
        format!("the nearest: {}", near.join(", or ")),
    ))
}

fn stop_timeout(service: &Service, path: impl Fn(&str) -> String) -> Option<Finding> {
    (service.stop_timeout.as_secs_f64() > STOP_TIMEOUT_MAX as f64).then(|| {
        Finding::new(
            path("stop_timeout"),
            format!(
                "Fargate kills a container {STOP_TIMEOUT_MAX}s after the stop signal at the latest"
            ),
            "let a job that takes longer be taken up again by another worker",
        )
    })
}

fn web(service: &Service, path: impl Fn(&str) -> String) -> Vec<Finding> {
    let Role::Web { health, drain, .. } = &service.role else { return Vec::new() };
    let drains = (drain.0.as_secs() > DRAIN_MAX).then(|| {
        Finding::new(
            path("drain"),
            format!("a load balancer lets a target finish its requests for at most {DRAIN_MAX}s"),
            format!("write at most {DRAIN_MAX}s"),
        )
    });
    let fits = health.len() <= HEALTH_PATH_MAX && health.chars().all(|c| c.is_ascii_graphic());
    let path = (!fits).then(|| {
        Finding::new(
            path("health"),
            "a load balancer cannot ask for this path",
            format!("it has at most {HEALTH_PATH_MAX} characters of ASCII, without blanks"),
        )
    });
    drains.into_iter().chain(path).collect()
}

/// A task definition holds command and variables, but not without end.
fn definition(app: &App, name: &str, service: &Service) -> Option<Finding> {
    let command = service.command.iter().flat_map(|command| &command.0);
    let command: usize = command.map(|word| word.len() + AROUND).sum();
    let variables = app.env_vars.iter().chain(&service.env);
    let variables: usize = variables.map(|(name, value)| AROUND + name.len() + length(value)).sum();
    // A secret is a reference to its ARN.
    let secrets: usize = app.secrets.keys().map(|name| AROUND + 2 * name.len() + 120).sum();
    let bytes = command + variables + secrets;
    (bytes > CONTAINER_MAX).then(|| {
        let field = if command > variables { "command" } else { "env" };
        let own = service.env.values().map(length).sum::<usize>() * 2 > variables;
        let path = match own || field == "command" {
            true => format!("services.{name}.{field}"),
            false => field.to_owned(),
        };
        Finding::new(
            path,
            format!(
                "command, variables and secrets of `{name}` have {} KiB, and a task definition \
                 holds {} KiB",
                bytes >> 10,
                CONTAINER_MAX >> 10
            ),
            "put large values into the image, or into a secret",
        )
    })
}

fn length(value: &EnvValue) -> usize {
    match value {
        EnvValue::Literal(text) => text.len(),
        // Known when it is taken; nobody keeps much there.
        EnvValue::From(name) => name.len(),
    }
}
