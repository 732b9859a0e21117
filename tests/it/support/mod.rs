//! What tests that deploy share.

pub mod acm;
pub mod aws;
pub mod cloudflare;
mod http;
mod ports;
mod sandbox;
mod server;

pub use http::get;
pub use ports::free_port;
pub use sandbox::{Ended, Running, Sandbox};
