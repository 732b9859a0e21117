//! What somebody is allowed, as Azure tells it, held against what is needed.
//! (<https://learn.microsoft.com/rest/api/authorization/permissions>)

use serde::Deserialize;

use super::Permission;

/// What one role allows: actions with asterisks, less others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Granted {
    /// What it allows.
    #[serde(default)]
    pub actions: Vec<String>,
    /// What it does not allow of that; another role may.
    #[serde(default)]
    pub not_actions: Vec<String>,
}

impl Granted {
    /// True if this role allows an action.
    pub fn allows(&self, action: &str) -> bool {
        let is_any = |patterns: &[String]| patterns.iter().any(|it| matches(it, action));
        is_any(&self.actions) && !is_any(&self.not_actions)
    }

    /// Those of the custom role's permissions that none of the roles allows.
    pub fn missing<'a>(
        roles: &'a [Self],
        needed: impl Iterator<Item = &'static Permission> + 'a,
    ) -> impl Iterator<Item = &'static Permission> + 'a {
        let needed = needed.filter(|permission| permission.is_in_role());
        needed.filter(|permission| !roles.iter().any(|role| role.allows(permission.action)))
    }
}

/// True if a pattern means an action. An asterisk stands for anything, slashes too, and case says
/// nothing.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::azure::permissions::TABLE;

    fn role(actions: &[&str], not_actions: &[&str]) -> Granted {
        let own = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        Granted { actions: own(actions), not_actions: own(not_actions) }
    }

    #[test]
    fn an_asterisk_stands_for_anything_and_case_for_nothing() {
        let read = "Microsoft.Storage/storageAccounts/read";
        assert!(matches("*", read));
        assert!(matches("*/read", read));
        assert!(matches("microsoft.storage/*", read));
        assert!(matches("Microsoft.*/storageAccounts/*", read));
        assert!(matches(read, read));
        assert!(!matches("Microsoft.Storage/storageAccounts", read));
        assert!(!matches("*/write", read));
        assert!(!matches("Microsoft.Storage/*/keys/*", read));
        assert!(!matches("Microsoft.Storage/storageAccounts/read*ad", read));
    }

    #[test]
    fn an_owner_lacks_nothing_and_a_contributor_cannot_give_roles() {
        let missing = |roles: &[Granted]| {
            let missing = Granted::missing(roles, TABLE.iter());
            missing.map(|permission| permission.action).collect::<Vec<_>>()
        };
        assert_eq!(missing(&[role(&["*"], &[])]), Vec::<&str>::new());
        let contributor =
            role(&["*"], &["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]);
        let roles = [
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
        ];
        assert_eq!(missing(std::slice::from_ref(&contributor)), roles);
        assert_eq!(
            missing(&[contributor, role(&["*/roleAssignments/*"], &[])]),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn azures_answer_is_read() {
        let told = r#"{"actions": ["*/read"], "notActions": [], "dataActions": []}"#;
        let granted: Granted = serde_json::from_str(told).expect("a role");
        assert!(granted.allows("Microsoft.Resources/subscriptions/read"));
    }
}
