//! The documents that IAM and ECR keep: who may take a role, what it may do, which images expire.

use serde_json::{Value, json};

use super::Draft;
use crate::{plan::canonical, targets::aws::names::Scope};

/// Days that an untagged image stays: what a push left behind that was cut off.
const UNTAGGED_DAYS: u32 = 14;

/// A document as it is compared. A JSON value can always be written.
fn text(document: &Value) -> String {
    canonical(document).unwrap_or_default()
}

/// Tasks of this account, and nobody else's, take the role.
pub(super) fn trust(scope: &Scope) -> String {
    text(&json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": scope.account}},
        }],
    }))
}

/// Only what no tag names may expire: a released image is removed when its release is forgotten.
pub(super) fn lifecycle() -> String {
    text(&json!({
        "rules": [{
            "rulePriority": 1,
            "description": "what no tag names",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
            "action": {"type": "expire"},
        }],
    }))
}

impl Draft<'_> {
    /// What the execution role may do: pull this environment's image, write its logs, read its
    /// secrets.
    pub(super) fn execution_policy(&self) -> String {
        let repository = self.scope.arn("ecr", &format!("repository/{}", self.scope.repository()));
        let logs = self.scope.arn("logs", &format!("log-group:{}:*", self.scope.log_group()));
        let mut statements = vec![
            // A token is for the whole registry: AWS knows no narrower resource.
            allow(&["ecr:GetAuthorizationToken"], vec!["*".to_owned()]),
            allow(
                &[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                vec![repository],
            ),
            allow(&["logs:CreateLogStream", "logs:PutLogEvents"], vec![logs]),
        ];
        let (parameters, secrets): (Vec<String>, Vec<String>) =
            self.secret_arns().into_iter().partition(|arn| is_parameter(arn));
        if !secrets.is_empty() {
            statements.push(allow(&["secretsmanager:GetSecretValue"], secrets));
        }
        if !parameters.is_empty() {
            statements.push(allow(&["ssm:GetParameters"], parameters));
        }
        text(&json!({"Version": "2012-10-17", "Statement": statements}))
    }

    /// The secrets that tasks get. AWS adds a hyphen and six characters to the names of its own.
    fn secret_arns(&self) -> Vec<String> {
        let arn = |(name, spec): (&String, &crate::model::SecretSpec)| match &spec.from {
            Some(arn) => secret_of(arn),
            None => {
                let name = self.scope.secret(name);
                self.scope.arn("secretsmanager", &format!("secret:{name}-??????"))
            }
        };
        self.app.secrets.iter().map(arn).collect()
    }
}

fn allow(actions: &[&str], resources: Vec<String>) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

fn is_parameter(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("ssm")
}

/// The ARN without what may follow it: a key of the value, a stage, a version.
fn secret_of(arn: &str) -> String {
    const PARTS: usize = 7;
    arn.splitn(PARTS + 1, ':').take(PARTS).collect::<Vec<_>>().join(":")
}
