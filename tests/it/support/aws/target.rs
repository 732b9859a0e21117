//! What a call is about: the name of a thing, without what AWS or a clock made up.

use std::sync::LazyLock;

use hyper::Uri;
use regex::Regex;
use serde_json::Value;

/// The fields that name a thing, the most telling first.
const FIELDS: [&str; 34] = [
    "serviceName",
    "service",
    "services",
    "family",
    "familyPrefix",
    "taskDefinition",
    "startedBy",
    "tasks",
    "task",
    "clusterName",
    "clusters",
    "cluster",
    "repositoryName",
    "repositoryNames",
    "logGroupName",
    "logGroupNamePrefix",
    "logGroupNamePattern",
    "logGroupIdentifier",
    "resourceArn",
    "SecretId",
    "ResourceId",
    "ResourceIds",
    "PolicyName",
    "RoleName",
    "GroupName",
    "GroupId",
    "ResourceArn",
    "ResourceArns.member.1",
    "RuleArn",
    "ListenerArn",
    "TargetGroupArn",
    "LoadBalancerArn",
    "Name",
    "Names.member.1",
];

/// Fields of calls that ask for what fits a condition.
const CONDITIONS: [&str; 4] = ["Filter.1.Value.1", "ResourceId.1", "Filters", "ServiceNamespace"];

/// The name of what a request is about; empty if it is about everything.
pub fn target_of(service: &str, uri: &Uri, body: &[u8]) -> String {
    let name = match service {
        "s3" => uri
            .query()
            .and_then(prefix)
            .map_or_else(|| uri.path().to_owned(), |prefix| format!("{}/{prefix}", uri.path())),
        _ => field(body).unwrap_or_default(),
    };
    without_chance(&name)
}

/// What a listing of S3 begins with.
fn prefix(query: &str) -> Option<&str> {
    query.split('&').find_map(|part| part.strip_prefix("prefix="))
}

fn field(body: &[u8]) -> Option<String> {
    let mut fields = FIELDS.iter().chain(&CONDITIONS);
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        return fields.find_map(|field| text(&json[*field]));
    }
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
    fields.find_map(|field| {
        let found = form.iter().find(|(key, _)| key == field);
        found.map(|(_, value)| value.clone())
    })
}

/// A text, or the first one within.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(all) => all.first().and_then(text),
        Value::Object(all) => all.get("Values").and_then(text),
        _ => None,
    }
}

/// What AWS or a clock made up, and what is written for it.
static CHANCE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let replaced = [
        (r"^arn:aws[a-z-]*:[^:]*:[^:]*:[^:]*:", ""),
        (r"%2F", "/"),
        (r"mizan-\d{12}-[a-z]+-[a-z]+-\d+", "bucket"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "*"),
        (r"\b[0-9a-f]{16,}\b", "*"),
        (r"/[0-9a-z]{16}\b", "/*"),
        (r"\b(sg|vpc|subnet|eni|rtb)-[0-9a-f]+", "$1-*"),
        (r"^(secret:.+)-[A-Za-z0-9]{6}$", "$1-*"),
        (r":\d+$", ":*"),
        (r"\br\d+\b", "rN"),
        (r"/\d+(\.json)?", "/N$1"),
    ];
    let compiled = |(pattern, with)| (Regex::new(pattern).expect("an expression"), with);
    replaced.map(compiled).into()
});

/// The name without account, region, ids, numbers of releases and revisions.
fn without_chance(name: &str) -> String {
    CHANCE.iter().fold(name.to_owned(), |name, (pattern, with)| {
        pattern.replace_all(&name, *with).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(service: &str, uri: &str, body: &str) -> String {
        target_of(service, &uri.parse().unwrap(), body.as_bytes())
    }

    #[test]
    fn a_thing_has_the_same_name_in_every_run() {
        for (service, body, name) in [
            ("ecs", r#"{"cluster": "board", "services": ["web"]}"#, "web"),
            (
                "ecs",
                r#"{"taskDefinition": "arn:aws:ecs:x:1:task-definition/web:7"}"#,
                "task-definition/web:*",
            ),
            (
                "ec2",
                "Action=DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-0a1b",
                "vpc-*",
            ),
            ("iam", "Action=GetRole&RoleName=board-task", "board-task"),
            (
                "elasticloadbalancing",
                "LoadBalancerArn=arn%3Aaws%3Aelasticloadbalancing%3Ax%3A1%3Aloadbalancer%2Fapp%2Fboard%2F0123456789abcdef",
                "loadbalancer/app/board/*",
            ),
            (
                "elasticloadbalancing",
                "ListenerArn=arn:aws:elasticloadbalancing:x:1:listener/app/b/e2c606wxmcsd4rem/a7tnqy8fvv9lrnwx",
                "listener/app/b/*/*",
            ),
            ("sts", "Action=GetCallerIdentity", ""),
        ] {
            assert_eq!(target(service, "/", body), name);
        }
    }

    #[test]
    fn an_object_is_named_by_its_path() {
        let bucket = "/mizan-123456789012-eu-west-1";
        let of = |uri: &str| target("s3", &format!("{bucket}{uri}"), "");
        assert_eq!(of("/board/aws/releases/12.json"), "/bucket/board/aws/releases/N.json");
        assert_eq!(of("/board/aws/lock.json"), "/bucket/board/aws/lock.json");
        assert_eq!(of("?list-type=2&prefix=board%2Faws"), "/bucket/board/aws");
    }
}
