//! The fields of a change, in the words of `mizan.yaml` where it has them.

mod service;
mod thing;

pub(super) use service::{of_new_service, of_services};
pub(super) use thing::{of_new_thing, of_things};

use crate::plan::FieldValue;
pub(super) use crate::plan::fields::{Fields, changed, created, differing, late};

fn known(value: impl ToString) -> FieldValue {
    FieldValue::Known(value.to_string())
}

fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> FieldValue {
    let items: Vec<&str> = items.into_iter().map(String::as_str).collect();
    known(items.join(", "))
}
