//! The data plane: the Workers that stand before the app, and the `workerd` that runs them here.

pub mod cloud;
pub mod data_module;
mod files;
pub mod generation;
pub mod local;
pub mod modules;
pub mod policy;
pub mod purge;
pub mod workerd;
