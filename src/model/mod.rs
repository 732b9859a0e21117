//! The validated app, resolved for one environment. Nothing in it is optional that need not be.

mod app;
mod names;

pub use app::{
    Announced, App, AwsTarget, AzureService, Build, Check, Command, CpuShares, Dockerfile, Drain,
    Edge, EnvValue, Memory, OnError, PURGE_KEY, ReleaseStep, Render, Role, Scale, SchemaSource,
    SecretSpec, Service, Target,
};
pub use names::{AppName, EnvName, NameError, ReleaseId, ServiceName};
