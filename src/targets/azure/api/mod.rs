//! Azure's APIs, as far as they are needed: Resource Manager, Key Vault and the container registry,
//! over the tool's own HTTP client. The crate `azure_mgmt_containerinstance` is the vocabulary of
//! container groups; its own polling and its transport are not used (`docs/decisions/azure-api.md`).

mod arm;
mod attempts;
mod bearer;
mod cloud;
pub mod container_groups;
pub mod credentials;
mod failure;
mod operation;
mod transport;

pub use arm::Arm;
pub use attempts::Attempts;
pub use bearer::{Bearer, Call};
pub use cloud::Cloud;
pub use container_groups::ContainerGroups;
pub use credentials::{Credentials, Identity};
pub use failure::{ApiError, Refusal};
pub use operation::{Looks, Patience};
