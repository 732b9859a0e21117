//! The role that a workflow on GitHub takes, without any key that could leak: AWS trusts the tokens
//! that GitHub gives to its workflows.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Environment, Policy};
use crate::targets::github::{ISSUER, Repository, Workflow};

/// Whom a token is for.
const AUDIENCE: &str = "sts.amazonaws.com";

/// The role, with all that it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GithubRole {
    /// Its name.
    pub name: String,
    /// Its ARN, which the workflow needs.
    pub arn: String,
    /// Who may take it.
    pub trust: Value,
    /// What it may do.
    pub policy: Policy,
    /// The issuer, which every account has to know once.
    pub provider: String,
}

impl GithubRole {
    /// The role for these workflows of a repository to deploy this environment.
    pub fn new(
        repository: &Repository,
        workflow: &Workflow,
        environment: &Environment<'_>,
    ) -> Self {
        let scope = environment.scope;
        let name = scope.deploy_role();
        let provider =
            format!("arn:{}:iam::{}:oidc-provider/{ISSUER}", scope.partition, scope.account);
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "GithubWorkflows",
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    format!("{ISSUER}:aud"): AUDIENCE,
                    format!("{ISSUER}:sub"): workflow.subject(repository),
                }},
            }],
        });
        let arn = scope.role_arn(&name);
        Self { arn, name, trust, policy: Policy::of(environment), provider }
    }

    /// The commands that make it, for files `trust.json` and `policy.json` in the folder at hand.
    pub fn commands(&self) -> [String; 3] {
        let Self { name, .. } = self;
        [
            format!(
                "aws iam create-open-id-connect-provider --url https://{ISSUER} \
                 --client-id-list {AUDIENCE}    # once per account"
            ),
            format!(
                "aws iam create-role --role-name {name} \
                 --assume-role-policy-document file://trust.json"
            ),
            format!(
                "aws iam put-role-policy --role-name {name} --policy-name mizan \
                 --policy-document file://policy.json"
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{super::reference::sample, *};

    #[test]
    fn only_the_named_workflows_may_take_it() {
        let scope = sample();
        let environment = Environment {
            scope: &scope,
            cluster: None,
            balancer: None,
            roles: Vec::new(),
            references: Vec::new(),
            https: false,
            scaling: false,
            check: false,
        };
        let repository = "octo-org/board".parse().unwrap();
        let subject = |workflow: Workflow| {
            let role = GithubRole::new(&repository, &workflow, &environment);
            role.trust["Statement"][0]["Condition"]["StringEquals"][format!("{ISSUER}:sub")]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            subject(Workflow::Environment("production".into())),
            "repo:octo-org/board:environment:production"
        );
        assert_eq!(
            subject(Workflow::Branch("main".into())),
            "repo:octo-org/board:ref:refs/heads/main"
        );
    }
}
