//! The fields of a change: of something new, and of what differs from what is there.

use std::collections::{BTreeMap, BTreeSet};

use super::{FieldDiff, FieldValue, Late};

/// Something as named values that are fit for print.
pub type Fields = BTreeMap<String, FieldValue>;

/// A field that has another value now.
pub fn changed(
    field: &str,
    before: impl Into<FieldValue>,
    after: impl Into<FieldValue>,
) -> FieldDiff {
    FieldDiff { field: field.to_owned(), before: before.into(), after: after.into() }
}

/// A field of something that does not exist yet, whose value may come late.
pub fn late(field: &str, value: &Late<String>) -> FieldDiff {
    changed(field, FieldValue::Unset, value)
}

/// All fields of something that does not exist yet.
pub fn created(fields: impl IntoIterator<Item = (String, FieldValue)>) -> Vec<FieldDiff> {
    let fields = fields.into_iter();
    fields.map(|(field, after)| FieldDiff { field, before: FieldValue::Unset, after }).collect()
}

/// The fields that differ; `hidden` tells of values that are not for print whether they do.
pub fn differing(before: &Fields, after: &Fields, hidden: impl Fn(&str) -> bool) -> Vec<FieldDiff> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |side: &Fields, name: &String| side.get(name).cloned().unwrap_or(FieldValue::Unset);
    let fields = names.into_iter().filter_map(|name| {
        let (before, after) = (value(before, name), value(after, name));
        let differs = before != after || hidden(name);
        differs.then(|| FieldDiff { field: name.clone(), before, after })
    });
    fields.collect()
}
