//! The fields of a change, in the words of `mizan.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        desired::{Desired, Kind, PlaneSpec, ServiceSpec},
        observe::SeenFront,
    },
    is_late,
};
use crate::{
    plan::{Change, FieldDiff, FieldValue, Late},
    targets::EnvSpec,
    workers::local::TOOL_VERSION,
};

/// A field of something that does not exist yet.
pub fn literal(field: &str, value: impl Into<String>) -> FieldDiff {
    FieldDiff {
        field: field.to_owned(),
        before: FieldValue::Unset,
        after: FieldValue::Known(value.into()),
    }
}

/// A field of something that does not exist yet, whose value may come late.
pub fn created(field: &str, value: &Late<String>) -> FieldDiff {
    FieldDiff { field: field.to_owned(), before: FieldValue::Unset, after: late(value) }
}

/// What a new service will be like.
pub fn of_new(spec: &ServiceSpec) -> Vec<FieldDiff> {
    let fields = describe(spec).into_iter();
    // Injected variables are the same for everybody; the reader wants what makes this service.
    let fields = fields.filter(|(name, _)| !name.starts_with("env."));
    fields.map(|(field, after)| FieldDiff { field, before: FieldValue::Unset, after }).collect()
}

/// What differs between two specifications.
pub fn diff(before: &ServiceSpec, after: &ServiceSpec) -> Vec<FieldDiff> {
    let (old, new) = (describe(before), describe(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut fields = Vec::new();
    for name in names {
        let value = |side: &BTreeMap<String, FieldValue>| {
            side.get(name).cloned().unwrap_or(FieldValue::Unset)
        };
        let differs = match name.strip_prefix("env.") {
            Some(variable) => before.env.get(variable) != after.env.get(variable),
            None => value(&old) != value(&new),
        };
        if differs {
            fields.push(FieldDiff { field: name.clone(), before: value(&old), after: value(&new) });
        }
    }
    fields
}

/// A specification as named values fit for print.
fn describe(spec: &ServiceSpec) -> BTreeMap<String, FieldValue> {
    let mut fields = BTreeMap::from([("image".to_owned(), late(&spec.image))]);
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), FieldValue::Known(value));
        }
    };
    set("command", spec.command.as_ref().map(|words| words.join(" ")));
    set("cpu", spec.cpu.map(|millis| format!("{}", f64::from(millis) / 1000.0)));
    set("memory", spec.memory.map(size));
    set("stop_timeout", Some(format!("{}s", spec.stop_timeout)));
    if let Kind::Web { port, health, health_timeout, drain } = &spec.kind {
        set("port", Some(port.to_string()));
        set("health", Some(health.clone()));
        set("health_timeout", Some(format!("{health_timeout}s")));
        set("drain", Some(format!("{drain}s")));
    }
    if spec.kind == Kind::Singleton {
        set("singleton", Some("true".to_owned()));
    }
    for (name, path) in &spec.volumes {
        set(&format!("volumes.{name}"), Some(path.clone()));
    }
    for (name, value) in &spec.env {
        fields.insert(format!("env.{name}"), env(value));
    }
    fields
}

/// Only literals of `mizan.yaml` are for print.
fn env(value: &EnvSpec) -> FieldValue {
    match value {
        EnvSpec::Literal(text) => FieldValue::Known(text.clone()),
        EnvSpec::Late { step, .. } => FieldValue::After(step.clone()),
        EnvSpec::Caller { .. } | EnvSpec::Secret { .. } => FieldValue::Masked,
    }
}

fn late(value: &Late<String>) -> FieldValue {
    match value {
        Late::Known(text) => FieldValue::Known(text.clone()),
        Late::After(step) => FieldValue::After(step.clone()),
    }
}

/// Bytes in the unit a person would have written.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        bytes if bytes % GIB == 0 => format!("{}GiB", bytes / GIB),
        bytes if bytes % MIB == 0 => format!("{}MiB", bytes / MIB),
        bytes => format!("{bytes}B"),
    }
}

/// What a running front has to learn; the port is another matter.
pub fn front_diff(seen: &SeenFront, desired: &Desired) -> Vec<FieldDiff> {
    let mut fields = Vec::new();
    let mut differ = |field: &str, before: String, after: String| {
        if before != after {
            fields.push(FieldDiff {
                field: field.to_owned(),
                before: before.into(),
                after: after.into(),
            });
        }
    };
    differ("hosts", seen.hosts.join(", "), desired.hosts.join(", "));
    differ("version", seen.version.clone(), TOOL_VERSION.to_owned());
    // A front that could run Workers and need not is as good.
    if desired.plane.is_some() && !seen.workers {
        differ("workers", "off".to_owned(), "on".to_owned());
    }
    fields
}

/// What a new Edge will be like.
pub fn edge_of_new(plane: &PlaneSpec) -> Vec<FieldDiff> {
    let mut fields = vec![created("version", &plane.edge)];
    fields.extend(plane.summary.iter().map(|(name, value)| literal(name, value.clone())));
    fields
}

/// What differs between two Edges.
pub fn edge_diff(before: &PlaneSpec, after: &PlaneSpec) -> Vec<FieldDiff> {
    let mut fields = Vec::new();
    if before.edge != after.edge || is_late(&after.edge) {
        fields.push(FieldDiff {
            field: "version".into(),
            before: late(&before.edge),
            after: late(&after.edge),
        });
    }
    let names: BTreeSet<&String> = before.summary.keys().chain(after.summary.keys()).collect();
    for name in names {
        let value = |plane: &PlaneSpec| {
            plane.summary.get(name).cloned().map_or(FieldValue::Unset, FieldValue::Known)
        };
        // An unknown schema has no summary yet; that is not a removal.
        if value(before) != value(after) && !is_late(&after.edge) {
            fields.push(FieldDiff {
                field: name.clone(),
                before: value(before),
                after: value(after),
            });
        }
    }
    fields
}

/// What happens to Render, if anything.
pub fn render_change(before: Option<&PlaneSpec>, after: &PlaneSpec) -> Option<Change> {
    let new = after.render.as_ref()?;
    let old = before.and_then(|plane| plane.render.as_ref());
    match old {
        None => Some(Change::Create { fields: vec![created("version", new)] }),
        Some(old) if old == new => None,
        Some(old) => Some(Change::Update {
            fields: vec![FieldDiff {
                field: "version".into(),
                before: late(old),
                after: late(new),
            }],
        }),
    }
}
