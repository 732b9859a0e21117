//! Integration tests.
mod conformance;
mod invalid;
mod support;
