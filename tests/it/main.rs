//! Integration tests.
mod hostile;
mod invalid;
mod plans;
