//! Which permissions are missing: IAM is asked to simulate the policy's own statements; where that
//! is not allowed, what only reads is tried.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};
use futures_util::future::join_all;
use serde_json::Value;

use super::super::{
    clients::Clients,
    failure,
    permissions::{Environment, Policy, Statement},
};
use crate::{
    error::{Error, ErrorKind, Result},
    targets::Check,
};

const NAME: &str = "permissions";

/// One check for each statement that is not wholly allowed, or one that says that all is.
pub async fn check(clients: &Clients, environment: &Environment<'_>) -> Vec<Check> {
    let principal = match principal(clients).await {
        Ok(Some(principal)) => principal,
        Ok(None) => return vec![Check::ok(NAME, "root may do everything")],
        Err(error) => return vec![Check::error(NAME, &error)],
    };
    let policy = Policy::of(environment);
    let asked = policy.statement.iter().map(|it| simulate(clients, &principal, it));
    let answers: Result<Vec<_>> = join_all(asked).await.into_iter().collect();
    match answers {
        Ok(missing) => told(missing.into_iter().flatten().collect(), &principal),
        Err(error) if error.kind == ErrorKind::Denied => {
            vec![Check::skipped(NAME, format!("{principal} may not simulate its own policies"))
                .hint("allow iam:SimulatePrincipalPolicy, or compare with mizan config iam-policy")]
            .into_iter()
            .chain(Box::pin(probe(clients)).await)
            .collect()
        }
        Err(error) => vec![Check::error(NAME, &error)],
    }
}

fn told(missing: Vec<String>, principal: &str) -> Vec<Check> {
    if missing.is_empty() {
        return vec![Check::ok(NAME, format!("{principal} may do everything a deploy needs"))];
    }
    missing.into_iter().map(denied).collect()
}

/// Whose policies count: a user's, or those of the role behind a session. `None` for root.
async fn principal(clients: &Clients) -> Result<Option<String>> {
    let caller = clients.sts.get_caller_identity().send().await;
    let caller = caller.map_err(|error| failure::failure("cannot tell who asks", error))?;
    Ok(policy_source(caller.arn().unwrap_or_default()))
}

/// `arn:aws:sts::1:assumed-role/NAME/SESSION` is a session of `arn:aws:iam::1:role/NAME`.
fn policy_source(arn: &str) -> Option<String> {
    if arn.ends_with(":root") {
        return None;
    }
    let session = arn.split_once(":sts::").and_then(|(start, rest)| {
        let (account, name) = rest.split_once(":assumed-role/")?;
        let role = name.split('/').next()?;
        Some(format!("{start}:iam::{account}:role/{role}"))
    });
    Some(session.unwrap_or_else(|| arn.to_owned()))
}

/// The actions of a statement that are not allowed, each with the resource.
async fn simulate(
    clients: &Clients,
    principal: &str,
    statement: &Statement,
) -> Result<Vec<String>> {
    let resources = statement.resource.iter().map(|resource| concrete(resource));
    let actions = statement.action.iter().map(|action| (*action).to_owned());
    let pages = clients
        .iam
        .simulate_principal_policy()
        .policy_source_arn(principal)
        .set_action_names(Some(actions.collect()))
        .set_resource_arns(Some(resources.collect()))
        .set_context_entries(Some(context(statement.condition.as_ref())))
        .into_paginator()
        .items()
        .send();
    let results = pages.collect::<Result<Vec<_>, _>>().await;
    let results = results
        .map_err(|error| failure::failure("cannot simulate the caller's policies", error))?;
    let denied = results
        .into_iter()
        .filter(|result| *result.eval_decision() != PolicyEvaluationDecisionType::Allowed);
    Ok(denied
        .map(|result| {
            let resource = result.eval_resource_name().unwrap_or("*");
            format!("{} on {resource} is not allowed", result.eval_action_name())
        })
        .collect())
}

/// A simulation is about one resource: what stands for an id made up by AWS becomes one.
fn concrete(resource: &str) -> String {
    match resource {
        "*" => resource.to_owned(),
        _ => resource.replace('*', "x"),
    }
}

/// What a call would say of itself, so that the conditions of a policy are met.
fn context(condition: Option<&Value>) -> Vec<ContextEntry> {
    let operators = condition.and_then(Value::as_object).into_iter().flatten();
    let keys = operators.filter_map(|(_, keys)| keys.as_object()).flatten();
    let entry = |(key, value): (&String, &Value)| {
        let value = value.as_str().or_else(|| value.get(0)?.as_str())?;
        let entry = ContextEntry::builder()
            .context_key_name(key)
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(value);
        Some(entry.build())
    };
    keys.filter_map(entry).collect()
}

/// What only reads, tried: each that is refused is told.
async fn probe(clients: &Clients) -> Vec<Check> {
    let (balancers, groups, secrets, vpcs) = tokio::join!(
        clients.elb.describe_load_balancers().page_size(1).send(),
        clients.logs.describe_log_groups().limit(1).send(),
        clients.secrets.list_secrets().max_results(1).send(),
        clients.ec2.vpcs(&[]),
    );
    let denied = [
        refusal("elasticloadbalancing:DescribeLoadBalancers", balancers),
        refusal("logs:DescribeLogGroups", groups),
        refusal("secretsmanager:ListSecrets", secrets),
        vpcs.err().map(Error::from),
    ];
    let denied = denied.into_iter().flatten().filter(|error| error.kind == ErrorKind::Denied);
    denied.map(|error| self::denied(error.to_string())).collect()
}

fn denied(what: String) -> Check {
    Check::failed(NAME, ErrorKind::Denied, what)
        .hint("mizan config iam-policy prints what is needed")
}

fn refusal<T, E, R>(
    action: &str,
    answer: Result<T, aws_sdk_iam::error::SdkError<E, R>>,
) -> Option<Error>
where
    E: aws_sdk_iam::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    answer.err().map(|error| failure::failure(format!("{action} is not allowed"), error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_has_the_policies_of_its_role() {
        let source = |arn| policy_source(arn);
        assert_eq!(
            source("arn:aws:sts::123456789012:assumed-role/deploy/github").as_deref(),
            Some("arn:aws:iam::123456789012:role/deploy")
        );
        let user = "arn:aws:iam::123456789012:user/ann";
        assert_eq!(source(user).as_deref(), Some(user));
        assert_eq!(source("arn:aws:iam::123456789012:root"), None);
    }

    #[test]
    fn the_conditions_of_a_statement_are_met_in_a_simulation() {
        let condition = json!({"StringEquals": {"a:b": "c", "d:e": ["f", "g"]}});
        let entries = context(Some(&condition));
        let pairs: Vec<_> = entries
            .iter()
            .map(|it| (it.context_key_name().unwrap(), it.context_key_values()[0].as_str()))
            .collect();
        assert_eq!(pairs, [("a:b", "c"), ("d:e", "f")]);
    }
}
