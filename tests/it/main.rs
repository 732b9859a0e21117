//! Integration tests.

mod images;
