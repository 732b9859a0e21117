//! Integration tests.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

mod hostile;
mod images;
mod invalid;
mod plans;
mod workers;
