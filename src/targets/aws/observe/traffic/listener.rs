//! The listeners of a load balancer.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, Listener, Rule};
use futures_util::future::try_join_all;

use super::{
    super::{
        super::{clients::Clients, seen::SeenThing, spec},
        answer::{Read, unless_missing},
        things::thing,
    },
    Around, name_in, rule,
};

/// All listeners of a balancer, with their rules; none if the balancer is gone.
pub(super) async fn with_rules(
    clients: &Clients,
    balancer: &str,
) -> Read<Vec<(Listener, Vec<Rule>)>> {
    let request = clients.elb.describe_listeners().load_balancer_arn(balancer);
    let what = format!("cannot read the listeners of {}", name_in(balancer));
    let mut pages = request.into_paginator().send();
    let mut listeners = Vec::new();
    while let Some(page) = pages.next().await {
        let page = unless_missing(&what, &["LoadBalancerNotFound"], page)?;
        listeners.extend(page.and_then(|page| page.listeners).unwrap_or_default());
    }
    let rules = listeners.into_iter().map(async |listener| {
        let rules = rule::read(clients, listener.listener_arn().unwrap_or_default()).await?;
        Read::Ok((listener, rules))
    });
    try_join_all(rules).await
}

pub(super) fn seen(
    around: &Around<'_>,
    found: &Listener,
    tags: &BTreeMap<String, String>,
) -> SeenThing {
    let certificate = found.certificates().first().and_then(|it| it.certificate_arn.clone());
    let spec = spec::Listener {
        balancer: name_in(found.load_balancer_arn().unwrap_or_default()).to_owned(),
        port: port(found),
        certificate: certificate.map(|arn| around.certificates.get(&arn).cloned().unwrap_or(arn)),
        default: default_action(found.default_actions()),
    };
    thing(around.scope, spec::Thing::Listener(spec), found.listener_arn.clone(), tags)
}

pub(super) fn port(listener: &Listener) -> u16 {
    listener.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0)
}

/// What the listener does by default; what we would never set is told in AWS's words, as a target
/// group that does not exist.
fn default_action(actions: &[Action]) -> spec::DefaultAction {
    let Some(action) = actions.last() else { return spec::DefaultAction::Forward(String::new()) };
    let other = || {
        spec::DefaultAction::Forward(format!(
            "({})",
            action.r#type.as_ref().map_or("none", |it| it.as_str())
        ))
    };
    match action.r#type {
        Some(ActionTypeEnum::Forward) => {
            spec::DefaultAction::Forward(target_group(action).unwrap_or_default())
        }
        Some(ActionTypeEnum::FixedResponse) => {
            let status = action.fixed_response_config.as_ref().and_then(|it| it.status_code());
            if status == Some("403") { spec::DefaultAction::Forbid } else { other() }
        }
        Some(ActionTypeEnum::Redirect) => {
            let to = action.redirect_config.as_ref().and_then(|it| it.protocol());
            if to == Some("HTTPS") { spec::DefaultAction::RedirectToHttps } else { other() }
        }
        _ => other(),
    }
}

/// The name of the target group that an action forwards to.
pub(super) fn target_group(action: &Action) -> Option<String> {
    let several = action.forward_config.as_ref().map(|it| it.target_groups()).unwrap_or_default();
    let names: Vec<&str> =
        several.iter().filter_map(|it| it.target_group_arn()).map(name_in).collect();
    match names.as_slice() {
        [] => action.target_group_arn().map(|arn| name_in(arn).to_owned()),
        // More than one is nothing that we would set, so the names together are no group's.
        names => Some(names.join(" + ")),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{
        FixedResponseActionConfig, ForwardActionConfig, RedirectActionConfig,
        RedirectActionStatusCodeEnum, TargetGroupTuple,
    };

    use super::*;
    use crate::targets::aws::spec::DefaultAction;

    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1";

    fn answer(status: &str) -> Action {
        let config = FixedResponseActionConfig::builder().status_code(status).build();
        Action::builder()
            .r#type(ActionTypeEnum::FixedResponse)
            .fixed_response_config(config)
            .build()
    }

    #[test]
    fn the_default_actions_that_we_set_are_known_again() {
        assert_eq!(default_action(&[answer("403")]), DefaultAction::Forbid);
        let redirect = RedirectActionConfig::builder()
            .protocol("HTTPS")
            .status_code(RedirectActionStatusCodeEnum::Http301)
            .build();
        let redirect =
            Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(redirect).build();
        assert_eq!(default_action(&[redirect]), DefaultAction::RedirectToHttps);
        let forward = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(GROUP);
        assert_eq!(default_action(&[forward.build()]), DefaultAction::Forward("web".into()));
    }

    #[test]
    fn what_we_would_not_set_is_equal_to_nothing_that_we_would() {
        assert_eq!(
            default_action(&[answer("200")]),
            DefaultAction::Forward("(fixed-response)".into())
        );
        let tuple = |arn: &str| TargetGroupTuple::builder().target_group_arn(arn).build();
        let config = ForwardActionConfig::builder()
            .target_groups(tuple(GROUP))
            .target_groups(tuple("arn:aws:x:targetgroup/other/2"));
        let forward = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .forward_config(config.build())
            .build();
        assert_eq!(default_action(&[forward]), DefaultAction::Forward("web + other".into()));
    }
}
