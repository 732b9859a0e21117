//! The smallest custom role that deploys, and how it is given: with a condition, so that who has it
//! cannot make themselves an owner.

use std::collections::BTreeSet;

use serde::Serialize;

use super::TABLE;
use crate::targets::azure::{names::Scope, paths::ROLES};

/// A role definition, as the Azure CLI takes it from a file.
/// (<https://learn.microsoft.com/azure/role-based-access-control/custom-roles>)
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomRole {
    /// Its name, of which a tenant has one.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it allows in Resource Manager and the registry.
    pub actions: BTreeSet<&'static str>,
    /// What it takes away from that.
    pub not_actions: Vec<String>,
    /// What it allows in vaults: nothing, as a deploy gives the role for that one vault.
    pub data_actions: Vec<String>,
    /// What it takes away from that.
    pub not_data_actions: Vec<String>,
    /// Where it can be given.
    pub assignable_scopes: Vec<String>,
}

impl CustomRole {
    /// What deploying this environment needs, and nothing else.
    pub fn of(scope: &Scope) -> Self {
        let needed = TABLE.iter().filter(|permission| permission.is_in_role());
        Self {
            name: format!("{}-deploy", scope.prefix()),
            description: format!(
                "Deploys {} in environment {} with mizan to Container Instances",
                scope.app, scope.env
            ),
            actions: needed.map(|permission| permission.action).collect(),
            not_actions: Vec::new(),
            data_actions: Vec::new(),
            not_data_actions: Vec::new(),
            assignable_scopes: vec![scope.subscription_path()],
        }
    }

    /// The commands that make it and give it to somebody, for a file `role.json` in the folder at
    /// hand. `principal` is the object id of who gets it.
    pub fn commands(&self, scope: &Scope, principal: Option<&str>) -> [String; 2] {
        let (name, at) = (&self.name, scope.subscription_path());
        let condition = quoted(&condition(principal));
        let who = principal.unwrap_or("OBJECT_ID");
        [
            "az role definition create --role-definition role.json".to_owned(),
            format!(
                "az role assignment create --assignee {who} --role {name} --scope {at} \
                 --condition-version 2.0 --condition {condition}"
            ),
        ]
    }
}

/// Under which condition the role is given: of roles, it may give and take the two that a deploy
/// gives. With the object id of who has it, the one for vaults only to themselves.
/// (<https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples>)
pub fn condition(principal: Option<&str>) -> String {
    let ids = ROLES.map(|(_, id)| id).join(", ");
    let role = |of: &str, ids: &str| {
        format!(
            "@{of}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] \
             ForAnyOfAnyValues:GuidEquals {{{ids}}}"
        )
    };
    let unless = |action: &str, then: &str| {
        let action = format!("Microsoft.Authorization/roleAssignments/{action}");
        format!("((!(ActionMatches{{'{action}'}})) OR ({then}))")
    };
    let mut all =
        vec![unless("write", &role("Request", &ids)), unless("delete", &role("Resource", &ids))];
    if let Some(principal) = principal {
        let [(_, pull), _] = ROLES;
        let themselves = format!(
            "@Request[Microsoft.Authorization/roleAssignments:PrincipalId] \
             ForAnyOfAnyValues:GuidEquals {{{principal}}}"
        );
        all.push(unless("write", &format!("{} OR {themselves}", role("Request", pull))));
    }
    all.join(" AND ")
}

/// A word for the shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{super::reference::sample, *};

    const ME: &str = "11111111-2222-3333-4444-555555555555";

    #[test]
    fn it_has_nothing_of_the_vault_and_no_power_over_roles_but_giving_them() {
        let role = CustomRole::of(&sample());
        assert!(role.data_actions.is_empty());
        let secrets = role.actions.iter().filter(|action| action.contains("/secrets/"));
        assert_eq!(secrets.count(), 0);
        let roles: Vec<_> =
            role.actions.iter().filter(|action| action.contains("Authorization")).collect();
        assert_eq!(roles.len(), 4, "{roles:?}");
        assert!(role.actions.iter().all(|action| !action.contains("roleDefinitions")));
    }

    #[test]
    fn giving_and_taking_is_limited_to_two_roles() {
        let condition = condition(None);
        for (_, id) in ROLES {
            assert_eq!(condition.matches(id).count(), 2, "{condition}");
        }
        assert!(
            condition.contains("ActionMatches{'Microsoft.Authorization/roleAssignments/write'}")
        );
        assert!(condition.contains("@Resource["), "{condition}");
        assert_eq!(condition.matches('(').count(), condition.matches(')').count());
    }

    #[test]
    fn a_known_deployer_can_open_vaults_to_nobody_else() {
        let condition = condition(Some(ME));
        let last = condition.rsplit(" AND ").next().unwrap_or_default();
        assert!(last.contains(ROLES[0].1) && last.contains(ME), "{last}");
        assert!(!last.contains(ROLES[1].1), "{last}");
        assert_eq!(condition.matches('(').count(), condition.matches(')').count());
    }

    #[test]
    fn a_shell_hands_the_condition_over_as_it_is() {
        let condition = condition(Some(ME));
        let script = format!("printf %s {}", quoted(&condition));
        let printed = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&printed.stdout), condition);
    }
}
