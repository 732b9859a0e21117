//! The Docker engine of this machine: which one to talk to, how to reach it, and the credentials
//! its user has for registries.

mod auth;
mod config;
mod connect;
mod endpoint;
mod stream;

pub(crate) use auth::config_key;
pub use auth::{RegistryCredentials, credentials_for, registry_host};
pub use bollard::Docker;
pub use connect::connect;
pub(crate) use stream::send;

/// Whether the engine said that what was asked for does not exist.
pub fn is_missing(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
}
