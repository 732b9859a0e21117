//! What tests that deploy share.

pub mod acm;
pub mod aws;
pub mod cloudflare;
mod http;
mod sandbox;
mod server;

pub use http::get;
pub use sandbox::{Ended, Running, Sandbox};
