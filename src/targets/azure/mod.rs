//! The Azure target. What every service of it stands on (resource group, registry, identity, vault)
//! is here; each service that runs containers has a folder of its own: [`instances`] is Azure
//! Container Instances.

pub mod api;
mod clients;
pub mod doctor;
pub mod foreign;
pub mod instances;
pub mod names;
pub mod overrides;
pub mod paths;
pub mod permissions;
pub mod registry;
pub mod secrets;
pub mod storage;
pub mod surroundings;
pub mod things;

pub use clients::Clients;
