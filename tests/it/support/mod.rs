//! What tests that deploy share.

pub mod aws;
mod http;
mod sandbox;

pub use http::get;
pub use sandbox::{Ended, Running, Sandbox};
