//! The differences of Workers, for the reader.

use std::collections::BTreeMap;

use super::Ground;
use crate::{
    plan::{FieldDiff, FieldValue, Late},
    workers::cloud::{desired::CloudSpec, seen::SeenPlane},
};

fn diff(field: &str, before: FieldValue, after: FieldValue) -> Option<FieldDiff> {
    (before != after).then(|| FieldDiff { field: field.to_owned(), before, after })
}

/// The Hub's origin.
pub(super) fn origin(before: Option<&Late<String>>, after: &Late<String>) -> Vec<FieldDiff> {
    let before = before.map_or(FieldValue::Unset, FieldValue::from);
    diff("origin", before, after.into()).into_iter().collect()
}

/// The scripts of one version of mizan and of the next.
pub(super) fn code(ground: &Ground<'_>) -> FieldDiff {
    let before = ground.live.map_or(FieldValue::Unset, |live| short(&live.spec.code).into());
    let after = FieldValue::Known(short(&ground.desired.code));
    FieldDiff { field: "code".to_owned(), before, after }
}

/// How the Edge answers below `workers.dev`, and its versions.
pub(super) fn subdomain(seen: &SeenPlane, has_name: bool) -> Vec<FieldDiff> {
    let word = |is_on: bool| FieldValue::Known(if is_on { "on" } else { "off" }.to_owned());
    let visitors = diff("workers.dev", word(seen.on_subdomain), word(false));
    let previews = diff("previews", word(seen.previews), word(true));
    visitors.filter(|_| has_name).into_iter().chain(previews).collect()
}

/// One version and the next.
pub(super) fn version(before: Option<&str>, after: FieldValue) -> FieldDiff {
    let before = before.map_or(FieldValue::Unset, |text| FieldValue::Known(short(text)));
    FieldDiff { field: "version".to_owned(), before, after }
}

/// What differs in a Worker that is made anew. `known` is what can be said of it before it is
/// uploaded, and `before` the same of the one that is live.
pub(super) fn worker(
    ground: &Ground<'_>,
    before: Option<&BTreeMap<String, String>>,
    known: &BTreeMap<String, String>,
) -> Vec<FieldDiff> {
    let live = ground.live.map(|live| &live.spec);
    let desired = ground.desired;
    let text = |of: &dyn Fn(&CloudSpec) -> String| {
        (live.map_or(FieldValue::Unset, |live| of(live).into()), FieldValue::Known(of(desired)))
    };
    let (code_before, code_after) = text(&|spec| short(&spec.code));
    let (url_before, url_after) = text(&|spec| spec.public_url.clone());
    let (taken_before, taken_after) = text(&|spec| short(&spec.taken));
    let source = live.map_or(FieldValue::Unset, |live| FieldValue::from(&live.source));
    let own = [
        diff("code", code_before, code_after),
        diff("source", source, (&desired.source).into()),
        // Where the source is another one, that says it.
        diff("taken", taken_before, taken_after)
            .filter(|_| live.is_some_and(|live| live.source == desired.source)),
        diff("url", url_before, url_after),
    ];
    let known = known.iter().map(|(field, text)| {
        let before = before.and_then(|before| before.get(field));
        let before = before.map_or(FieldValue::Unset, |text| FieldValue::Known(text.clone()));
        diff(field, before, FieldValue::Known(text.clone()))
    });
    own.into_iter().chain(known).flatten().collect()
}

/// The key for purges: whether there is one, and that it is another one; never which.
pub(super) fn purge_key(ground: &Ground<'_>) -> Option<FieldDiff> {
    let before = ground.live.and_then(|live| live.spec.purge_key.as_ref());
    let after = ground.desired.purge_key.as_ref();
    let side = |key: Option<&Late<String>>| match key {
        Some(_) => FieldValue::Masked,
        None => FieldValue::Unset,
    };
    (before != after).then(|| FieldDiff {
        field: "purge key".to_owned(),
        before: side(before),
        after: side(after),
    })
}

/// Enough of a version's or hash's digits to tell it from others.
pub(super) fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
