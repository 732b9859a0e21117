//! Integration tests.
mod hostile;
mod invalid;
