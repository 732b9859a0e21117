//! What tests that deploy share.

mod http;
mod ports;
mod sandbox;

pub use http::get;
pub use ports::free_port;
pub use sandbox::{Ended, Running, Sandbox};
