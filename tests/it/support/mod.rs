//! What tests that deploy share.

pub mod acm;
pub mod aws;
pub mod azure;
pub mod board;
pub mod cloudflare;
pub mod cloudflare_account;
pub mod cloudflare_fake;
mod http;
pub mod load;
pub mod plan_cases;
pub mod plane;
mod ports;
mod sandbox;
pub mod server;
pub mod strikes;
pub mod visitor;

pub use http::get;
pub use ports::free_port;
pub use sandbox::{Ended, Running, Sandbox};
