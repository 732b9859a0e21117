//! The fields of a change, in the words of `mizan.yaml` where it has them.

use std::collections::BTreeSet;

use super::super::spec::{Container, Kind, ServiceSpec, TLS_PORT};
use crate::{
    plan::{
        FieldDiff, FieldValue,
        fields::{Fields, created, differing},
    },
    targets::{EnvSpec, azure::things::Thing},
};

pub(super) use crate::plan::fields::{changed, late};

/// What a new service will be like: what makes this service. Variables, which are much the same for
/// all of them, are left out.
pub(super) fn of_new_service(spec: &ServiceSpec) -> Vec<FieldDiff> {
    let fields = describe(spec).into_iter();
    created(fields.filter(|(name, _)| !name.starts_with("env.")))
}

/// What differs between two specifications of a service.
pub(super) fn of_services(before: &ServiceSpec, after: &ServiceSpec) -> Vec<FieldDiff> {
    differing(&describe(before), &describe(after), |name| match name.strip_prefix("env.") {
        Some(variable) => before.container.env.get(variable) != after.container.env.get(variable),
        None => name == SIDECAR_SECRET && accepted(before) != accepted(after),
    })
}

/// What a new thing will be like. The settings that every thing of its kind has are left out.
pub(super) fn of_new_thing(thing: &Thing) -> Vec<FieldDiff> {
    let mut fields = of_thing(thing);
    fields.retain(|name, _| name != "admin" && name != "access" && name != "identity");
    created(fields)
}

/// What differs between two things.
pub(super) fn of_things(before: &Thing, after: &Thing) -> Vec<FieldDiff> {
    differing(&of_thing(before), &of_thing(after), |_| false)
}

fn of_thing(thing: &Thing) -> Fields {
    match thing {
        Thing::ResourceGroup(it) => fields([("location", known(&it.location))]),
        Thing::Registry(it) => {
            fields([("sku", known(&it.sku)), ("admin", known(if it.admin { "on" } else { "off" }))])
        }
        Thing::RoleAssignment(it) => fields([("identity", known(&it.identity))]),
        Thing::Vault(it) => {
            let access = if it.by_roles { "by roles" } else { "by a list of its own" };
            fields([("access", known(access))])
        }
        Thing::Provider(_) | Thing::Identity(_) | Thing::Secret(_) => Fields::new(),
    }
}

fn fields<const N: usize>(pairs: [(&str, FieldValue); N]) -> Fields {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The field that says that the sidecar asks for the Edge's secret.
const SIDECAR_SECRET: &str = "origin secret";

fn describe(spec: &ServiceSpec) -> Fields {
    let mut found = container(&spec.container);
    match &spec.role {
        Kind::Web { port, health, health_timeout, drain, sidecar } => found.extend(fields([
            ("port", known(port)),
            ("health", known(health)),
            ("health_timeout", known(format!("{health_timeout}s"))),
            ("drain", known(format!("{drain}s"))),
            ("tls", known(format!("{} at port {TLS_PORT}", sidecar.image))),
            (SIDECAR_SECRET, FieldValue::Masked),
        ])),
        Kind::Worker => found.extend(fields([("count", known(spec.count))])),
        Kind::Singleton => found.extend(fields([("singleton", known(true))])),
    }
    found
}

fn accepted(spec: &ServiceSpec) -> Option<&BTreeSet<String>> {
    match &spec.role {
        Kind::Web { sidecar, .. } => Some(&sidecar.secret_versions),
        Kind::Worker | Kind::Singleton => None,
    }
}

fn container(container: &Container) -> Fields {
    let mut found = fields([
        ("image", FieldValue::from(&container.image)),
        ("registry", known(&container.registry)),
        ("identity", known(&container.identity)),
        ("cpu", known(container.size.cores())),
        ("memory", known(format!("{}GiB", container.size.gibibytes()))),
    ]);
    if let Some(command) = &container.command {
        found.insert("command".into(), known(command.join(" ")));
    }
    for (name, value) in &container.env {
        found.insert(format!("env.{name}"), variable(value));
    }
    found
}

/// Only literals of `mizan.yaml` are for print.
fn variable(value: &EnvSpec) -> FieldValue {
    match value {
        EnvSpec::Literal(text) => known(text),
        EnvSpec::Late { step, .. } => FieldValue::After(step.clone()),
        EnvSpec::Caller { .. } | EnvSpec::Secret { .. } => FieldValue::Masked,
    }
}

fn known(value: impl ToString) -> FieldValue {
    FieldValue::Known(value.to_string())
}
