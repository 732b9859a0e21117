//! What is asked of AWS without its SDK: the few calls of EC2, whose SDK would be larger than the
//! rest of the tool together, and those on buckets. Requests go over the tool's own HTTP client,
//! signed here.

mod credentials;
pub mod ec2;
mod endpoint;
mod failure;
pub mod s3;
mod signed;

pub use credentials::kept;
pub use endpoint::{Endpoint, override_of};
pub use failure::{ApiError, Refusal};
pub use signed::{Call, SignedClient};
