//! The application load balancer: its subnets, security groups and attributes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{
    IpAddressType, LoadBalancer as Found, LoadBalancerAttribute, LoadBalancerSchemeEnum,
    LoadBalancerTypeEnum,
};

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput, Verdict},
    error::{Error, Result},
    plan::ResourceId,
    targets::aws::{
        apply::wait::{PROPAGATION, is_role_missing, unless_absent, words},
        failure::{code, failure},
        spec::LoadBalancer,
    },
};

const ABSENT: [&str; 1] = ["LoadBalancerNotFound"];
/// What is said while a security group that was made just now is not known everywhere.
const PASSING: [&str; 1] = ["InvalidSecurityGroup"];

impl AwsExecutor {
    /// `CreateLoadBalancer` may answer with what has the name already, so it is looked for first.
    pub(super) async fn put_load_balancer(
        &self,
        id: &ResourceId,
        spec: &LoadBalancer,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let groups = self.group_ids(&spec.groups, context)?;
        let balancer = match self.find_balancer(&spec.name).await? {
            Some(found) => {
                self.must_own(
                    id,
                    &self.tags_of(found.load_balancer_arn().unwrap_or_default()).await?,
                )?;
                self.change_balancer(id, spec, &groups, &found).await?;
                found
            }
            None => self.create_balancer(id, spec, &groups, context).await?,
        };
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        self.put_balancer_attributes(id, arn, &spec.attributes).await?;
        let mut output = told(arn);
        output.insert("dns".to_owned(), balancer.dns_name().unwrap_or_default().to_owned());
        Ok(output)
    }

    pub(super) async fn delete_load_balancer(
        &self,
        id: &ResourceId,
        spec: &LoadBalancer,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let found = self.find_balancer(&spec.name).await?;
        let Some(arn) = found.and_then(|it| it.load_balancer_arn) else { return Ok(()) };
        if !self.may_delete(id, &self.tags_of(&arn).await?, context) {
            return Ok(());
        }
        let call = self.clients.elb.delete_load_balancer().load_balancer_arn(arn);
        unless_absent(call.send().await, &ABSENT, format!("cannot delete the {id}")).map(drop)
    }

    async fn create_balancer(
        &self,
        id: &ResourceId,
        spec: &LoadBalancer,
        groups: &BTreeSet<String>,
        context: &StepContext<'_>,
    ) -> Result<Found> {
        let attempt = async || {
            let call = self
                .clients
                .elb
                .create_load_balancer()
                .name(&spec.name)
                .r#type(LoadBalancerTypeEnum::Application)
                .scheme(scheme(spec))
                .ip_address_type(IpAddressType::Ipv4)
                .set_subnets(Some(spec.subnets.iter().cloned().collect()))
                .set_security_groups(Some(groups.iter().cloned().collect()))
                .set_tags(Some(self.elb_tags()));
            match call.send().await {
                Ok(made) => Ok(Verdict::Met(made)),
                Err(error) if passes(code(&error), &words(&error)) => {
                    Ok(Verdict::Waiting(words(&error)))
                }
                Err(error) => Err(failure(format!("cannot create the {id}"), error)),
            }
        };
        let what = format!("what the {id} stands on to be known everywhere");
        let made = self.persist(what, PROPAGATION, context, attempt).await?;
        let made = made.load_balancers.unwrap_or_default().pop();
        made.ok_or_else(|| Error::failed(format!("AWS did not tell about the new {id}")))
    }

    async fn change_balancer(
        &self,
        id: &ResourceId,
        spec: &LoadBalancer,
        groups: &BTreeSet<String>,
        is: &Found,
    ) -> Result<()> {
        if is.scheme() != Some(&scheme(spec)) {
            return Err(Error::failed(format!(
                "the {id} cannot change between internal and internet-facing"
            ))
            .hint("mizan destroy, then mizan deploy"));
        }
        let arn = is.load_balancer_arn().unwrap_or_default();
        let zones = is.availability_zones().iter();
        let subnets: BTreeSet<_> = zones.filter_map(|zone| zone.subnet_id()).collect();
        if !subnets.iter().eq(spec.subnets.iter()) {
            let subnets = spec.subnets.iter().cloned().collect();
            let call = self.clients.elb.set_subnets().load_balancer_arn(arn);
            let what = format!("cannot change the subnets of the {id}");
            let answer = call.set_subnets(Some(subnets)).send().await;
            answer.map_err(|error| failure(what, error))?;
        }
        let current: BTreeSet<_> = is.security_groups().iter().collect();
        if !current.into_iter().eq(groups) {
            let groups = groups.iter().cloned().collect();
            let call = self.clients.elb.set_security_groups().load_balancer_arn(arn);
            let what = format!("cannot change the security groups of the {id}");
            let answer = call.set_security_groups(Some(groups)).send().await;
            answer.map_err(|error| failure(what, error))?;
        }
        Ok(())
    }

    async fn put_balancer_attributes(
        &self,
        id: &ResourceId,
        arn: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<()> {
        if attributes.is_empty() {
            return Ok(());
        }
        let attributes = attributes
            .iter()
            .map(|(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build());
        let call = self.clients.elb.modify_load_balancer_attributes().load_balancer_arn(arn);
        let answer = call.set_attributes(Some(attributes.collect())).send().await;
        let what = format!("cannot change the attributes of the {id}");
        answer.map(drop).map_err(|error| failure(what, error))
    }
}

fn scheme(spec: &LoadBalancer) -> LoadBalancerSchemeEnum {
    match spec.internal {
        true => LoadBalancerSchemeEnum::Internal,
        false => LoadBalancerSchemeEnum::InternetFacing,
    }
}

fn passes(code: Option<&str>, words: &str) -> bool {
    code.is_some_and(|code| PASSING.contains(&code)) || is_role_missing(words)
}
