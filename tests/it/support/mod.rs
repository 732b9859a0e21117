//! What tests that deploy share.

mod http;
mod sandbox;

pub use http::get;
pub use sandbox::{Ended, Running, Sandbox};
