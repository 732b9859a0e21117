//! Cloudflare's API, as far as it is needed: accounts, zones, DNS records, routes and Workers.
//!
//! The crate `cloudflare` is the vocabulary (what an endpoint is, how a request is authorised); the
//! transport is ours, because it keeps what the crate's loses: error codes beyond 65,535, a failure
//! that comes with status 200, `Retry-After`, and the API's own words.

mod account;
mod client;
mod dns;
mod endpoint;
mod endpoints;
mod envelope;
mod failure;
mod owner;
mod pages;
mod permission;
mod routes;
pub mod workers;

pub use account::{Account, TokenState};
pub use client::{Cloudflare, Retries};
pub use dns::Alias;
pub use endpoints::{Record, Zone};
pub use failure::{ApiError, Failure};
pub use owner::Owner;
pub use permission::Permission;
pub use routes::Route;
pub use workers::*;
