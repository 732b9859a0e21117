//! Asks the subscription what a location has: whether there are Container Instances, how large groups
//! may be, and how many more there may be.
//! (<https://learn.microsoft.com/rest/api/container-instances/location>)

use serde_json::Value;

use super::location::{Capacity, Quota, Usage};
use crate::{
    error::Result,
    targets::azure::{
        Clients,
        api::{ApiError, container_groups::VERSION},
        instances::{group::text_of, spec::Size},
        names::Scope,
        paths::version,
    },
};

const PROVIDER: &str = "Microsoft.ContainerInstance";

/// What a location has, as far as the caller may know it.
#[derive(Debug, Clone, Default)]
pub struct Location {
    /// The locations that have Container Instances, as the API spells them.
    pub available: Option<Vec<String>>,
    /// How large a group may be.
    pub capacity: Option<Capacity>,
    /// How many there may be.
    pub quota: Option<Quota>,
}

impl Location {
    /// Asks. What is denied, or not told before the provider is registered, is left out.
    ///
    /// # Errors
    /// Azure cannot be reached or fails.
    pub async fn ask(clients: &Clients, scope: &Scope) -> Result<Self> {
        let provider = scope.provider_path(PROVIDER);
        let here = format!("{provider}/locations/{}", scope.location);
        let (usages, capabilities) = (format!("{here}/usages"), format!("{here}/capabilities"));
        let (found, capacity, quota) = tokio::join!(
            clients.arm.get(&provider, version::RESOURCES),
            clients.arm.list(&capabilities, VERSION),
            clients.arm.list(&usages, VERSION),
        );
        Ok(Self {
            available: told(found)?.flatten().and_then(|provider| locations(&provider)),
            capacity: told(capacity)?.as_deref().and_then(capacity_of),
            quota: told(quota)?.as_deref().and_then(quota_of),
        })
    }
}

/// An answer, or none if Azure refuses to tell.
fn told<T>(answer: Result<T, ApiError>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ApiError::Refused(refusal)) if !refusal.is_passing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// They are told by the names that people read: `West Europe`.
fn locations(provider: &Value) -> Option<Vec<String>> {
    let types = provider["resourceTypes"].as_array()?;
    let groups = types.iter().find(|it| it["resourceType"] == "containerGroups")?;
    let names = groups["locations"].as_array()?.iter();
    let mut names: Vec<String> =
        names.map(|name| text_of(name).to_lowercase().replace(' ', "")).collect();
    names.sort();
    (!names.is_empty()).then_some(names)
}

fn capacity_of(capabilities: &[Value]) -> Option<Capacity> {
    let linux = capabilities.iter().filter(|it| {
        it["osType"] == "Linux" && it["ipAddressType"] == "Public" && it["gpu"] == "None"
    });
    let sizes = linux.filter_map(|it| {
        let most = |name: &str| it["capabilities"][name].as_f64();
        // Both are small and positive.
        let cpu = (most("maxCpu")? * 1000.0) as u32;
        Some(Size { cpu, memory: (most("maxMemoryInGB")? * 10.0) as u32 })
    });
    let largest = sizes.reduce(|one, other| Size {
        cpu: one.cpu.max(other.cpu),
        memory: one.memory.max(other.memory),
    })?;
    Some(Capacity { largest })
}

fn quota_of(usages: &[Value]) -> Option<Quota> {
    let usage = |name: &str| {
        let found = usages.iter().find(|it| it["name"]["value"] == name)?;
        let number = |key: &str| found[key].as_u64().and_then(|number| number.try_into().ok());
        Some(Usage { current: number("currentValue")?, limit: number("limit")? })
    };
    Some(Quota { groups: usage("ContainerGroups")?, cores: usage("StandardCores")? })
}
