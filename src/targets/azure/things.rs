//! What outlives releases on Azure, as values: one type for what should be and for what is, so that a
//! difference is a difference of values. References go by name; resource ids are looked up when a
//! step runs.

use serde::{Deserialize, Serialize};

use crate::plan::ResourceId;

/// Something that is compared, created, changed and deleted as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Thing {
    /// A resource provider that the subscription has to be registered with.
    Provider(Provider),
    /// The resource group.
    ResourceGroup(ResourceGroup),
    /// The container registry.
    Registry(Registry),
    /// The user-assigned managed identity.
    Identity(Identity),
    /// What the identity may do.
    RoleAssignment(RoleAssignment),
    /// The key vault.
    Vault(Vault),
    /// A generated secret in the vault.
    Secret(Secret),
}

/// A resource provider. A subscription is registered once, for everybody in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its namespace, e.g. `Microsoft.ContainerInstance`.
    pub namespace: String,
}

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceGroup {
    /// Its name.
    pub name: String,
    /// Where it is; it never moves.
    pub location: String,
}

/// A container registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Its name.
    pub name: String,
    /// `Basic`, `Standard` or `Premium`.
    pub sku: String,
    /// It has a user with a password, who may do everything.
    pub admin: bool,
}

/// A user-assigned managed identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name.
    pub name: String,
}

/// A role that an identity has on a registry. It has no tags: its UUID, which is made of what it
/// says, proves whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// Its UUID.
    pub name: String,
    /// The role, e.g. `AcrPull`.
    pub role: String,
    /// The registry.
    pub registry: String,
    /// The identity by its name; what is no identity of ours, by its object id.
    pub identity: String,
}

/// A key vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vault {
    /// Its name.
    pub name: String,
    /// Roles decide who may read it, not a list of its own.
    pub by_roles: bool,
}

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Its name in the vault.
    pub name: String,
}

impl Thing {
    /// Names it, within one environment: kind and name.
    pub fn id(&self) -> ResourceId {
        match self {
            Self::Provider(it) => ResourceId::new("provider", &it.namespace),
            Self::ResourceGroup(it) => ResourceId::new("resource-group", &it.name),
            Self::Registry(it) => ResourceId::new("registry", &it.name),
            Self::Identity(it) => ResourceId::new("identity", &it.name),
            Self::RoleAssignment(it) => {
                ResourceId::new("role-assignment", format!("{} on {}", it.role, it.registry))
            }
            Self::Vault(it) => ResourceId::new("vault", &it.name),
            Self::Secret(it) => ResourceId::new("secret", &it.name),
        }
    }
}
