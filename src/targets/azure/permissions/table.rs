//! The table: every action, where it is needed, and what needs it. Azure takes no role that names an
//! action it does not know, so each is as its reference writes it.
//! (<https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations>)

use super::{Asked, At, Permission, Purpose};

const fn call(action: &'static str, at: At, purpose: Purpose) -> Permission {
    Permission { action, at, purpose, asked: Asked::Call }
}

const fn implied(action: &'static str, why: &'static str, at: At, purpose: Purpose) -> Permission {
    Permission { action, at, purpose, asked: Asked::Implied(why) }
}

/// Everything that may have to be allowed.
pub const TABLE: &[Permission] = {
    use At::{Environment, Ledgers, Subscription, Vault};
    use Purpose as For;
    &[
        call("Microsoft.Resources/subscriptions/read", Subscription, For::Subscription),
        call("Microsoft.Resources/subscriptions/providers/read", Subscription, For::Subscription),
        call("Microsoft.ContainerInstance/register/action", Subscription, For::Subscription),
        call("Microsoft.ContainerRegistry/register/action", Subscription, For::Subscription),
        call("Microsoft.KeyVault/register/action", Subscription, For::Subscription),
        call("Microsoft.ManagedIdentity/register/action", Subscription, For::Subscription),
        call("Microsoft.Storage/register/action", Subscription, For::Subscription),
        call("Microsoft.Resources/subscriptions/resourceGroups/read", Subscription, For::Groups),
        call("Microsoft.Resources/subscriptions/resourceGroups/write", Subscription, For::Groups),
        call("Microsoft.Resources/subscriptions/resourceGroups/delete", Subscription, For::Groups),
        call(
            "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
            Subscription,
            For::Groups,
        ),
        call("Microsoft.Resources/subscriptions/operationresults/read", Subscription, For::Groups),
        call("Microsoft.Storage/storageAccounts/read", Ledgers, For::Ledger),
        call("Microsoft.Storage/storageAccounts/write", Ledgers, For::Ledger),
        call("Microsoft.Storage/storageAccounts/delete", Ledgers, For::Ledger),
        call("Microsoft.Storage/storageAccounts/listkeys/action", Ledgers, For::Ledger),
        call("Microsoft.Storage/operations/read", Subscription, For::Ledger),
        call("Microsoft.ContainerRegistry/registries/read", Environment, For::Images),
        call("Microsoft.ContainerRegistry/registries/write", Environment, For::Images),
        call("Microsoft.ContainerRegistry/registries/delete", Environment, For::Images),
        call(
            "Microsoft.ContainerRegistry/registries/operationStatuses/read",
            Environment,
            For::Images,
        ),
        call(
            "Microsoft.ContainerRegistry/locations/operationResults/read",
            Subscription,
            For::Images,
        ),
        call("Microsoft.ContainerRegistry/registries/pull/read", Environment, For::Images),
        implied(
            "Microsoft.ContainerRegistry/registries/push/write",
            "docker push",
            Environment,
            For::Images,
        ),
        call("Microsoft.ContainerRegistry/registries/artifacts/delete", Environment, For::Images),
        call("Microsoft.ManagedIdentity/userAssignedIdentities/read", Environment, For::Identity),
        call("Microsoft.ManagedIdentity/userAssignedIdentities/write", Environment, For::Identity),
        call("Microsoft.ManagedIdentity/userAssignedIdentities/delete", Environment, For::Identity),
        implied(
            "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
            "a container group names its identity",
            Environment,
            For::Identity,
        ),
        call("Microsoft.Authorization/roleAssignments/read", Environment, For::Identity),
        call("Microsoft.Authorization/roleAssignments/write", Environment, For::Identity),
        call("Microsoft.Authorization/roleAssignments/delete", Environment, For::Identity),
        call("Microsoft.KeyVault/vaults/read", Environment, For::Vault),
        call("Microsoft.KeyVault/vaults/write", Environment, For::Vault),
        call("Microsoft.KeyVault/vaults/delete", Environment, For::Vault),
        call("Microsoft.KeyVault/locations/deletedVaults/read", Subscription, For::Vault),
        call("Microsoft.KeyVault/locations/deletedVaults/purge/action", Subscription, For::Vault),
        call("Microsoft.KeyVault/locations/operationResults/read", Subscription, For::Vault),
        call("Microsoft.KeyVault/vaults/secrets/readMetadata/action", Vault, For::Secrets),
        call("Microsoft.KeyVault/vaults/secrets/getSecret/action", Vault, For::Secrets),
        call("Microsoft.KeyVault/vaults/secrets/setSecret/action", Vault, For::Secrets),
        call("Microsoft.KeyVault/vaults/secrets/delete", Vault, For::Secrets),
        call("Microsoft.KeyVault/vaults/secrets/recover/action", Vault, For::Secrets),
        call("Microsoft.KeyVault/vaults/secrets/purge/action", Vault, For::Secrets),
        call("Microsoft.ContainerInstance/containerGroups/read", Environment, For::Containers),
        call("Microsoft.ContainerInstance/containerGroups/write", Environment, For::Containers),
        call("Microsoft.ContainerInstance/containerGroups/delete", Environment, For::Containers),
        call(
            "Microsoft.ContainerInstance/containerGroups/start/action",
            Environment,
            For::Containers,
        ),
        call(
            "Microsoft.ContainerInstance/containerGroups/stop/action",
            Environment,
            For::Containers,
        ),
        call(
            "Microsoft.ContainerInstance/containerGroups/containers/logs/read",
            Environment,
            For::Containers,
        ),
        call(
            "Microsoft.ContainerInstance/locations/operations/read",
            Subscription,
            For::Containers,
        ),
        call(
            "Microsoft.ContainerInstance/locations/operationResults/read",
            Subscription,
            For::Containers,
        ),
        call("Microsoft.ContainerInstance/locations/usages/read", Subscription, For::Limits),
        call("Microsoft.ContainerInstance/locations/capabilities/read", Subscription, For::Limits),
        call("Microsoft.Authorization/permissions/read", Subscription, For::Doctor),
    ]
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::targets::azure::permissions::of_call;

    #[test]
    fn no_action_is_there_twice() {
        let names: BTreeSet<_> = TABLE.iter().map(|it| it.action.to_lowercase()).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn no_action_stands_for_others() {
        let has_word = |action: &str| ["read", "write", "delete", "action"].contains(&action);
        for permission in TABLE {
            let last = permission.action.rsplit('/').next();
            assert!(last.is_some_and(has_word), "{}", permission.action);
            assert!(!permission.action.contains('*'), "{}", permission.action);
        }
    }

    /// Operations that have an end which is looked for, and what was made with them.
    #[test]
    fn requests_of_a_deploy_are_in_the_table() {
        let subscription = "/subscriptions/s";
        let own = format!("{subscription}/resourceGroups/mizan-board-production/providers");
        let groups = format!("{own}/Microsoft.ContainerInstance/containerGroups/board-r1");
        let location = format!("{subscription}/providers/Microsoft.ContainerInstance/locations/l");
        let vaults = format!("{subscription}/providers/Microsoft.KeyVault/locations/l");
        let storage = format!("{own}/Microsoft.Storage/storageAccounts/x");
        let registry = format!("{own}/Microsoft.ContainerRegistry/registries/x");
        let calls = [
            ("PUT", groups.clone()),
            ("POST", format!("{groups}/stop")),
            ("GET", format!("{groups}/containers/web/logs")),
            ("GET", format!("{location}/operations/0123")),
            ("GET", format!("{location}/usages")),
            ("GET", format!("{location}/capabilities")),
            ("GET", format!("{vaults}/deletedVaults/board")),
            ("POST", format!("{vaults}/deletedVaults/board/purge")),
            ("GET", format!("{vaults}/operationResults/0123")),
            ("POST", format!("{storage}/listKeys")),
            (
                "GET",
                format!("{subscription}/providers/Microsoft.Storage/locations/l/asyncoperations/0"),
            ),
            ("DELETE", registry.clone()),
            ("GET", format!("{registry}/operationStatuses/registries-0123")),
            ("PUT", format!("{own}/Microsoft.ManagedIdentity/userAssignedIdentities/x")),
            ("PUT", format!("{registry}/providers/Microsoft.Authorization/roleAssignments/uuid")),
            ("GET", format!("{subscription}/providers/Microsoft.Authorization/permissions")),
            ("PUT", "/v2/app/manifests/1".to_owned()),
        ];
        for (method, path) in calls {
            assert!(of_call(method, &path).is_some(), "{method} {path}");
        }
        let machines = format!("{own}/Microsoft.Compute/virtualMachines/x");
        assert_eq!(of_call("PUT", &machines), None);
    }
}
