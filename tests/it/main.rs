//! Integration tests.

mod images;
mod invalid;
