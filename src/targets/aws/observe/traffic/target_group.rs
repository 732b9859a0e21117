//! The target groups: of the web service, and of a release that is checked.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::TargetGroup;

use super::{
    super::{
        super::{clients::Clients, seen::SeenThing, spec},
        answer::{Read, unless_missing},
        things::thing,
    },
    Around, attributes,
};

/// The target group with all its attributes.
pub(super) async fn read(
    clients: &Clients,
    name: &str,
) -> Read<Option<(TargetGroup, BTreeMap<String, String>)>> {
    let found = clients.elb.describe_target_groups().names(name).send().await;
    let what = format!("cannot read the target group {name}");
    let found = unless_missing(&what, &["TargetGroupNotFound"], found)?;
    let Some(found) = found.and_then(|found| found.target_groups?.into_iter().next()) else {
        return Ok(None);
    };
    let arn = found.target_group_arn.clone().unwrap_or_default();
    let set = attributes::of_target_group(clients, &arn).await?;
    Ok(Some((found, set)))
}

pub(super) fn seen(
    around: &Around<'_>,
    found: &TargetGroup,
    set: &BTreeMap<String, String>,
    tags: &BTreeMap<String, String>,
) -> SeenThing {
    let number = |value: Option<i32>| value.and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
    let codes = found.matcher.as_ref().and_then(|matcher| matcher.http_code.clone());
    let spec = spec::TargetGroup {
        name: found.target_group_name.clone().unwrap_or_default(),
        vpc: found.vpc_id.clone().unwrap_or_default(),
        health_path: found.health_check_path.clone().unwrap_or_default(),
        matcher: codes.unwrap_or_default(),
        interval: number(found.health_check_interval_seconds),
        timeout: number(found.health_check_timeout_seconds),
        threshold: threshold(found),
        attributes: attributes::only(&around.attributes.target_group, set),
    };
    thing(around.scope, spec::Thing::TargetGroup(spec), found.target_group_arn.clone(), tags)
}

/// The checks in a row that decide. We set both counts to the same number; where somebody has set
/// them apart, the larger one is told, as we set the smallest that AWS allows.
fn threshold(found: &TargetGroup) -> u32 {
    let up = found.healthy_threshold_count.unwrap_or(0);
    let down = found.unhealthy_threshold_count.unwrap_or(0);
    u32::try_from(up.max(down)).unwrap_or(0)
}
