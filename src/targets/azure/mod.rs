//! The Azure target. What every service of it stands on (resource group, registry, identity, vault)
//! is here; each service that runs containers has a folder of its own: [`instances`] is Azure
//! Container Instances.
//!
//! Everything here is pure: what should be, what was seen, and the plan that leads from one to the
//! other.

pub mod instances;
pub mod names;
pub mod things;
