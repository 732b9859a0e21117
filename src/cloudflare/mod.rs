//! Cloudflare's API, as far as it is needed: zones and DNS records.
//!
//! The crate `cloudflare` is the vocabulary (what an endpoint is, how a request is authorised); the
//! transport is ours, because it keeps what the crate's loses: error codes beyond 65,535, a failure
//! that comes with status 200, `Retry-After`, and the API's own words.

mod client;
mod dns;
mod endpoints;
mod failure;
mod owner;

pub use client::{Cloudflare, Retries};
pub use dns::Alias;
pub use endpoints::{Record, Zone};
pub use failure::{ApiError, Failure};
pub use owner::Owner;
