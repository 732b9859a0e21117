//! The smallest policy for an environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{Environment, On, TABLE};

/// An IAM policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// The version of the language.
    pub version: &'static str,
    /// What is allowed; everything else is not.
    pub statement: Vec<Statement>,
}

/// One statement: actions that are allowed on resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its name.
    pub sid: String,
    /// `Allow`.
    pub effect: &'static str,
    /// The actions.
    pub action: BTreeSet<&'static str>,
    /// The resources.
    pub resource: Vec<String>,
    /// When they are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

impl Policy {
    /// What deploying this environment needs, and nothing else.
    pub fn of(environment: &Environment<'_>) -> Self {
        let mut statements: BTreeMap<On, BTreeSet<&'static str>> = BTreeMap::new();
        for permission in TABLE.iter().filter(|permission| permission.is_needed(environment)) {
            statements.entry(permission.on).or_default().insert(permission.action);
        }
        let statement = statements.into_iter().map(|(on, action)| Statement {
            sid: on.sid(),
            effect: "Allow",
            action,
            resource: on.resources(environment),
            condition: on.conditions(environment),
        });
        Self { version: "2012-10-17", statement: statement.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::reference::sample, *};

    /// What a role may have in inline policies. (A managed policy may have 6,144 characters.)
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>)
    const LIMIT: usize = 10_240;

    #[test]
    fn it_fits_into_a_role() {
        let scope = sample();
        let policy = Policy::of(&everything(&scope));
        let length = serde_json::to_string(&policy).unwrap().len();
        assert!(length < LIMIT, "{length} characters");
    }

    #[test]
    fn an_asterisk_stands_only_where_aws_knows_no_resources() {
        let scope = sample();
        for statement in Policy::of(&everything(&scope)).statement {
            let bare = statement.resource.iter().any(|resource| resource == "*");
            assert!(
                !bare || statement.sid == "WithoutResources" || statement.condition.is_some(),
                "{}",
                statement.sid
            );
        }
    }

    #[test]
    fn without_a_domain_scaling_and_checks_it_is_smaller() {
        let scope = sample();
        let plain =
            Environment { https: false, scaling: false, check: false, ..everything(&scope) };
        let text = serde_json::to_string(&Policy::of(&plain)).unwrap();
        assert!(!text.contains("acm:") && !text.contains("RegisterScalableTarget"), "{text}");
        assert!(text.contains("application-autoscaling:DescribeScalableTargets"));
        assert!(!text.contains("RegisterTargets") && !text.contains("production-check"), "{text}");
    }

    #[test]
    fn what_is_given_is_named_and_roles_that_are_given_are_only_passed() {
        let scope = sample();
        let roles = ["arn:aws:iam::123456789012:role/one", "arn:aws:iam::123456789012:role/two"];
        let balancer =
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shared/50dc";
        let given = Environment {
            roles: roles.to_vec(),
            cluster: Some("shared"),
            balancer: Some(balancer),
            ..everything(&scope)
        };
        let policy = Policy::of(&given);
        let resource = |sid: &str| {
            let statement = policy.statement.iter().find(|statement| statement.sid == sid);
            statement.map(|statement| statement.resource.join(" "))
        };
        assert_eq!(resource("Roles"), None);
        assert_eq!(resource("PassedRoles").unwrap(), roles.join(" "));
        assert_eq!(resource("Balancer").unwrap(), format!("{balancer}/*"));
        assert!(resource("Services").unwrap().ends_with("service/shared/mizan-board-production-*"));
    }

    fn everything(scope: &crate::targets::aws::Scope) -> Environment<'_> {
        Environment {
            scope,
            cluster: None,
            balancer: None,
            roles: Vec::new(),
            references: Vec::new(),
            https: true,
            scaling: true,
            check: true,
        }
    }
}
