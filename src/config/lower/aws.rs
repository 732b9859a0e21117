//! The target `aws`: what only shows when two of its values are seen together.

use super::Scope;
use crate::{
    config::{
        decode::Opt,
        diagnostic::Span,
        file::{AwsFile, EnvironmentFile},
        value::arn_parts,
    },
    model::AwsTarget,
};

/// The target as the model has it.
pub(super) fn target(file: &AwsFile) -> AwsTarget {
    let subnets = file.subnets.iter().flat_map(|subnets| &subnets.value);
    AwsTarget {
        region: file.region.value.0.clone(),
        vpc: file.vpc.as_ref().map(|it| it.value.0.clone()),
        subnets: subnets.map(|subnet| subnet.value.0.clone()).collect(),
        certificate: file.certificate.as_ref().map(|it| it.value.0.clone()),
        cluster: file.cluster.as_ref().map(|it| it.value.0.clone()),
        load_balancer: file.load_balancer.as_ref().map(|it| it.value.0.clone()),
        execution_role: file.execution_role.as_ref().map(|it| it.value.0.clone()),
        task_role: file.task_role.as_ref().map(|it| it.value.0.clone()),
        log_retention: file.log_retention.as_ref().map(|it| it.value.0),
    }
}

/// Adds what is wrong with the target as a whole.
pub(super) fn check(aws: &AwsFile, file: &EnvironmentFile, scope: &mut Scope<'_>) {
    check_subnets(aws, scope);
    check_domain(aws, file, scope);
    check_regions(aws, scope);
    if let (Some(certificate), Some(_)) = (&aws.certificate, &aws.load_balancer) {
        let message = "the load balancer that is named here has certificates of its own";
        scope.problems.hint(certificate.span, message, "add this one to its listener");
    }
}

fn check_subnets(aws: &AwsFile, scope: &mut Scope<'_>) {
    let Some(subnets) = &aws.subnets else { return };
    for (at, subnet) in subnets.value.iter().enumerate() {
        if subnets.value[..at].iter().any(|known| known.value == subnet.value) {
            let message = format!("the subnet `{}` stands here a second time", subnet.value.0);
            scope.problems.add(subnet.span, message);
        }
    }
    if subnets.value.len() < 2 && aws.load_balancer.is_none() {
        let message = "a load balancer needs subnets in two zones";
        let hint = "name one more, or none: then one of each zone of the VPC is taken";
        scope.problems.hint(subnets.span, message, hint);
    }
}

/// A certificate is for a host name, and so is a rule of a load balancer that others use too.
fn check_domain(aws: &AwsFile, file: &EnvironmentFile, scope: &mut Scope<'_>) {
    let edge = file.edge.as_ref().map(|edge| &edge.value);
    if edge.is_some_and(|edge| edge.domain.is_some()) {
        return;
    }
    let hint = "add `edge: {domain: board.example.com}`";
    if let Some(span) = place(&aws.certificate) {
        scope.problems.hint(span, "a certificate is for a host name, and there is none", hint);
    }
    if let Some(span) = place(&aws.load_balancer) {
        let message = "requests at a load balancer that is shared are told by their host name, and \
                       there is none";
        scope.problems.hint(span, message, hint);
    }
}

/// What stands in a region serves that region alone.
fn check_regions(aws: &AwsFile, scope: &mut Scope<'_>) {
    let region = &aws.region.value.0;
    let certificate = aws.certificate.as_ref().map(|it| (&it.value.0, it.span));
    let balancer = aws.load_balancer.as_ref().map(|it| (&it.value.0, it.span));
    let named = [("certificate", certificate), ("load balancer", balancer)];
    for (what, arn, span) in
        named.into_iter().filter_map(|(what, named)| named.map(|(arn, span)| (what, arn, span)))
    {
        let Some(other) = arn_parts(arn).map(|arn| arn.region).filter(|other| other != region)
        else {
            continue;
        };
        let message = format!("the {what} is in {other}, and the environment in {region}");
        scope.problems.hint(span, message, format!("use one in {region}"));
    }
}

fn place<T>(field: &Opt<T>) -> Option<Span> {
    field.as_ref().map(|field| field.span)
}
