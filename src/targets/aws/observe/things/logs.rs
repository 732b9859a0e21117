//! The CloudWatch log group.

use aws_sdk_cloudwatchlogs::types::LogGroup;

use super::{
    super::{
        super::{
            clients::Clients,
            names::Scope,
            spec::{LogGroup as LogGroupSpec, Thing},
        },
        answer::{Read, answer, tags, unless_missing},
    },
    thing,
};
use crate::targets::aws::SeenThing;

/// A log group. Its ARN follows from its name, so everything is asked at once.
pub async fn log_group(clients: &Clients, scope: &Scope, name: &str) -> Read<Option<SeenThing>> {
    let logs = &clients.logs;
    let what = format!("cannot read the log group {name}");
    let arn = scope.arn("logs", &format!("log-group:{name}"));
    let (found, tagged) = tokio::join!(
        logs.describe_log_groups().log_group_name_prefix(name).send(),
        logs.list_tags_for_resource().resource_arn(&arn).send(),
    );
    let mut found = answer(&what, found)?.log_groups.unwrap_or_default().into_iter();
    let Some(found) = found.find(|group| group.log_group_name.as_deref() == Some(name)) else {
        return Ok(None);
    };
    let tagged = unless_missing(&what, &["ResourceNotFoundException"], tagged)?;
    let tagged = tags(tagged.and_then(|tagged| tagged.tags).unwrap_or_default());
    Ok(Some(thing(scope, Thing::LogGroup(spec(name, &found)), Some(arn), &tagged)))
}

fn spec(name: &str, found: &LogGroup) -> LogGroupSpec {
    let days = found.retention_in_days.and_then(|days| u32::try_from(days).ok());
    LogGroupSpec { name: name.to_owned(), retention_days: days }
}
