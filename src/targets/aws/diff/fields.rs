//! The fields of a change, in the words of `mizan.yaml` where it has them.

mod service;
mod thing;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use service::{of_new_service, of_services};
pub(super) use thing::{of_new_thing, of_things};

use crate::plan::{FieldDiff, FieldValue, Late};

/// Something as named values that are fit for print.
type Fields = BTreeMap<String, FieldValue>;

/// A field that has another value now.
pub(super) fn changed(
    field: &str,
    before: impl Into<FieldValue>,
    after: impl Into<FieldValue>,
) -> FieldDiff {
    FieldDiff { field: field.to_owned(), before: before.into(), after: after.into() }
}

/// A field of something that does not exist yet, whose value may come late.
pub(super) fn late(field: &str, value: &Late<String>) -> FieldDiff {
    FieldDiff { field: field.to_owned(), before: FieldValue::Unset, after: late_value(value) }
}

fn late_value(value: &Late<String>) -> FieldValue {
    match value {
        Late::Known(text) => FieldValue::Known(text.clone()),
        Late::After(step) => FieldValue::After(step.clone()),
    }
}

/// All fields of something that does not exist yet.
fn created(fields: Fields) -> Vec<FieldDiff> {
    let fields = fields.into_iter();
    fields.map(|(field, after)| FieldDiff { field, before: FieldValue::Unset, after }).collect()
}

/// The fields that differ; `hidden` tells of values that are not for print whether they do.
fn differing(before: &Fields, after: &Fields, hidden: impl Fn(&str) -> bool) -> Vec<FieldDiff> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |side: &Fields, name: &String| side.get(name).cloned().unwrap_or(FieldValue::Unset);
    let fields = names.into_iter().filter_map(|name| {
        let (before, after) = (value(before, name), value(after, name));
        let differs = before != after || hidden(name);
        differs.then(|| FieldDiff { field: name.clone(), before, after })
    });
    fields.collect()
}

fn known(value: impl ToString) -> FieldValue {
    FieldValue::Known(value.to_string())
}

fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> FieldValue {
    let items: Vec<&str> = items.into_iter().map(String::as_str).collect();
    known(items.join(", "))
}
