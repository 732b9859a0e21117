//! Integration tests.
mod invalid;
mod plans;
