//! The fields of a service.

use super::{Fields, created, differing, known, list};
use crate::{
    plan::{FieldDiff, FieldValue},
    targets::{
        EnvSpec,
        aws::{
            fargate,
            spec::{Architecture, Deployment, Kind, ServiceSpec, TaskSpec, Wiring},
        },
    },
};

/// What a new service will be like: what makes this service. What is the same for all of them
/// (variables, network, rollout) is left out.
pub(in super::super) fn of_new_service(spec: &ServiceSpec) -> Vec<FieldDiff> {
    let mut fields = Fields::new();
    kind(&spec.role, &mut fields);
    own(&spec.task, &mut fields);
    count(spec, &mut fields);
    created(fields)
}

/// What differs between two services.
pub(in super::super) fn of_services(before: &ServiceSpec, after: &ServiceSpec) -> Vec<FieldDiff> {
    differing(&describe(before), &describe(after), |name| {
        name.strip_prefix("env.")
            .is_some_and(|variable| before.task.env.get(variable) != after.task.env.get(variable))
    })
}

fn describe(spec: &ServiceSpec) -> Fields {
    let mut fields = Fields::new();
    kind(&spec.role, &mut fields);
    own(&spec.task, &mut fields);
    surroundings(&spec.task, &mut fields);
    count(spec, &mut fields);
    deployment(&spec.deployment, &mut fields);
    wiring(&spec.wiring, &mut fields);
    fields
}

fn kind(kind: &Kind, fields: &mut Fields) {
    match kind {
        Kind::Web { port, health, health_timeout } => {
            fields.insert("port".into(), known(port));
            fields.insert("health".into(), known(health));
            fields.insert("health_timeout".into(), known(format!("{health_timeout}s")));
        }
        Kind::Worker => {}
        Kind::Singleton => {
            fields.insert("singleton".into(), known(true));
        }
    }
}

fn own(task: &TaskSpec, fields: &mut Fields) {
    fields.insert("image".into(), FieldValue::from(&task.image));
    if let Some(command) = &task.command {
        fields.insert("command".into(), known(command.join(" ")));
    }
    fields.insert("cpu".into(), known(fargate::cores(task.cpu)));
    fields.insert("memory".into(), known(fargate::memory(task.memory)));
}

fn surroundings(task: &TaskSpec, fields: &mut Fields) {
    let platform = match task.architecture {
        Architecture::X86 => "linux/amd64",
        Architecture::Arm => "linux/arm64",
    };
    fields.insert("platform".into(), known(platform));
    fields.insert("stop_timeout".into(), known(format!("{}s", task.stop_timeout)));
    fields.insert("execution_role".into(), known(&task.execution_role));
    fields.insert("task_role".into(), known(&task.task_role));
    for (name, arn) in &task.references {
        fields.insert(format!("secrets.{name}.from"), known(arn));
    }
    for (name, value) in &task.env {
        fields.insert(format!("env.{name}"), variable(value));
    }
}

/// Only literals of `mizan.yaml` are for print.
fn variable(value: &EnvSpec) -> FieldValue {
    match value {
        EnvSpec::Literal(text) => known(text),
        EnvSpec::Late { step, .. } => FieldValue::After(step.clone()),
        EnvSpec::Caller { .. } | EnvSpec::Secret { .. } => FieldValue::Masked,
    }
}

fn count(spec: &ServiceSpec, fields: &mut Fields) {
    if spec.scaled {
        fields.insert("count".into(), known("by autoscaling"));
    } else {
        fields.insert("count".into(), known(spec.count));
    }
}

fn deployment(deployment: &Deployment, fields: &mut Fields) {
    fields.insert("deployment.min_healthy".into(), known(format!("{}%", deployment.min_healthy)));
    fields.insert("deployment.max".into(), known(format!("{}%", deployment.max)));
    fields.insert("deployment.circuit_breaker".into(), known(deployment.circuit_breaker));
    if let Some(grace) = deployment.grace {
        fields.insert("deployment.grace".into(), known(format!("{grace}s")));
    }
}

fn wiring(wiring: &Wiring, fields: &mut Fields) {
    fields.insert("subnets".into(), list(&wiring.subnets));
    fields.insert("security_groups".into(), list(&wiring.groups));
    fields.insert("public_ip".into(), known(wiring.public_ip));
    if let Some(group) = &wiring.target_group {
        fields.insert("target_group".into(), known(group));
    }
}
