//! Where everything of an environment is in Resource Manager, and which version of its API is asked
//! for it. (<https://learn.microsoft.com/rest/api/resources/>)

use super::names::Scope;

/// Versions of the APIs.
pub mod version {
    /// Providers, resource groups and what is in them.
    pub const RESOURCES: &str = "2021-04-01";
    /// The subscription itself.
    pub const SUBSCRIPTIONS: &str = "2022-12-01";
    /// Container registries.
    pub const REGISTRIES: &str = "2023-07-01";
    /// User-assigned managed identities.
    pub const IDENTITIES: &str = "2023-01-31";
    /// Role assignments.
    pub const ROLES: &str = "2022-04-01";
    /// Key vaults.
    pub const VAULTS: &str = "2023-07-01";
    /// Storage accounts.
    pub const STORAGE: &str = "2023-05-01";
}

/// The roles that are given, by name and id; the ids are the same in every subscription.
/// (<https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>)
pub const ROLES: [(&str, &str); 2] = [
    ("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d"),
    ("Key Vault Secrets Officer", "b86a8fe4-44ce-4948-aee5-eccb2c155cd6"),
];

impl Scope {
    /// The subscription.
    pub fn subscription_path(&self) -> String {
        format!("/subscriptions/{}", self.subscription)
    }

    /// A resource provider.
    pub fn provider_path(&self, namespace: &str) -> String {
        format!("{}/providers/{namespace}", self.subscription_path())
    }

    /// A resource group.
    pub fn group_path(&self, group: &str) -> String {
        format!("{}/resourcegroups/{group}", self.subscription_path())
    }

    /// Something in the environment's resource group, by its type and name.
    pub fn resource_path(&self, kind: &str, name: &str) -> String {
        self.path_in(&self.resource_group(), kind, name)
    }

    /// Something in a resource group.
    pub fn path_in(&self, group: &str, kind: &str, name: &str) -> String {
        format!("{}/resourceGroups/{group}/providers/{kind}/{name}", self.subscription_path())
    }

    /// A registry.
    pub fn registry_path(&self, name: &str) -> String {
        self.resource_path("Microsoft.ContainerRegistry/registries", name)
    }

    /// A managed identity.
    pub fn identity_path(&self, name: &str) -> String {
        self.resource_path("Microsoft.ManagedIdentity/userAssignedIdentities", name)
    }

    /// A key vault.
    pub fn vault_path(&self, name: &str) -> String {
        self.resource_path("Microsoft.KeyVault/vaults", name)
    }

    /// A key vault that was deleted and can still be brought back.
    pub fn deleted_vault_path(&self, name: &str) -> String {
        let subscription = self.subscription_path();
        let location = &self.location;
        format!(
            "{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}"
        )
    }

    /// A role assignment on a resource.
    pub fn role_assignment_path(&self, on: &str, name: &str) -> String {
        format!("{on}/providers/Microsoft.Authorization/roleAssignments/{name}")
    }

    /// The id of a role, by its name.
    pub fn role_id(&self, role: &str) -> String {
        let known = ROLES.iter().find(|(name, _)| *name == role);
        let id = known.map_or(role, |(_, id)| id);
        let subscription = self.subscription_path();
        format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{id}")
    }

    /// The storage account of the ledgers.
    pub fn storage_path(&self) -> String {
        let kind = "Microsoft.Storage/storageAccounts";
        self.path_in(&self.ledgers_group(), kind, &self.storage_account())
    }
}
