//! Integration tests.
mod invalid;
