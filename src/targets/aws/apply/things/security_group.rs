//! A security group: what may come in.

use std::collections::BTreeSet;

use super::{super::AwsExecutor, told};
use crate::{
    engine::{StepContext, StepOutput, Verdict},
    error::{Error, Result},
    plan::ResourceId,
    targets::aws::{
        api::ec2::{GroupRef, Ipv4Range, Ipv6Range, NewGroup, Permission, SecurityGroup as Found},
        apply::{
            ownership::Obtained,
            wait::{DETACHING, PROPAGATION},
        },
        spec::{Ingress, Peer, SecurityGroup},
    },
};

const EXISTS: &str = "InvalidGroup.Duplicate";
/// What is said while a group that was made just now is not known everywhere.
const UNKNOWN: &str = "InvalidGroup.NotFound";
/// Interfaces are in it, or a rule of another group speaks of it.
const IN_USE: &str = "DependencyViolation";

impl AwsExecutor {
    pub(super) async fn put_security_group(
        &self,
        id: &ResourceId,
        spec: &SecurityGroup,
        context: &StepContext<'_>,
    ) -> Result<StepOutput> {
        let desired = self.permissions(&spec.ingress, context)?;
        let find = async || self.own_group(id, spec).await;
        let create = async || self.create_group(spec).await;
        let (Obtained::Made(group) | Obtained::Found(group)) =
            self.obtain(id, find, create).await?;
        let current: Vec<_> = group.ingress.iter().flat_map(single).collect();
        // What is missing first: nobody is locked out in between.
        let missing = without(&desired, &current);
        let allow = async || match self.clients.ec2.authorize_ingress(&group.id, &missing).await {
            Ok(()) => Ok(Verdict::Met(())),
            Err(error) if error.is(UNKNOWN) => Ok(Verdict::Waiting("not known yet".to_owned())),
            Err(error) => Err(Error::from(error)),
        };
        let what = format!("the {id} to be known everywhere");
        self.persist(what, PROPAGATION, context, allow).await?;
        self.clients.ec2.revoke_ingress(&group.id, &without(&current, &desired)).await?;
        let mut output = told(&group.id);
        output.insert("id".to_owned(), group.id);
        Ok(output)
    }

    /// Whatever was in it may take minutes to let go of it.
    pub(super) async fn delete_security_group(
        &self,
        id: &ResourceId,
        spec: &SecurityGroup,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let Some(group) = self.find_group(spec).await? else { return Ok(()) };
        if !self.may_delete(id, &group.tags, context) {
            return Ok(());
        }
        self.forget_group(&group.id).await?;
        let attempt = async || match self.clients.ec2.delete_security_group(&group.id).await {
            Ok(()) => Ok(Verdict::Met(())),
            Err(error) if error.is(IN_USE) => {
                Ok(Verdict::Waiting(self.who_is_in(&group.id).await?))
            }
            Err(error) => Err(Error::from(error)),
        };
        self.persist(format!("the {id} to be free"), DETACHING, context, attempt).await
    }

    /// The ids of groups: ours by name, others by their ids already.
    pub(super) fn group_ids(
        &self,
        names: &BTreeSet<String>,
        context: &StepContext<'_>,
    ) -> Result<BTreeSet<String>> {
        names.iter().map(|name| self.group_id(name, context)).collect()
    }

    fn group_id(&self, name: &str, context: &StepContext<'_>) -> Result<String> {
        match name.starts_with("sg-") {
            true => Ok(name.to_owned()),
            false => self.arn(&ResourceId::new("security-group", name), context),
        }
    }

    async fn create_group(&self, spec: &SecurityGroup) -> Result<Option<Found>> {
        let tags = self.scope.tags();
        let new = NewGroup {
            name: &spec.name,
            description: &spec.description,
            vpc: &spec.vpc,
            tags: &tags,
        };
        match self.clients.ec2.create_security_group(&new).await {
            Ok(id) => Ok(Some(Found {
                id,
                name: spec.name.clone(),
                description: spec.description.clone(),
                vpc: spec.vpc.clone(),
                ingress: Vec::new(),
                tags,
            })),
            Err(error) if error.is(EXISTS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn own_group(&self, id: &ResourceId, spec: &SecurityGroup) -> Result<Option<Found>> {
        let Some(group) = self.find_group(spec).await? else { return Ok(None) };
        self.must_own(id, &group.tags)?;
        Ok(Some(group))
    }

    async fn find_group(&self, spec: &SecurityGroup) -> Result<Option<Found>> {
        let filters = [("group-name", &[spec.name.as_str()][..]), ("vpc-id", &[&spec.vpc])];
        Ok(self.clients.ec2.security_groups(&filters).await?.pop())
    }

    /// Rules of our other groups that speak of a group keep it from going.
    async fn forget_group(&self, group: &str) -> Result<()> {
        let filters = [("ip-permission.group-id", &[group][..])];
        for other in self.clients.ec2.security_groups(&filters).await? {
            if self.scope.owns(&other.tags) {
                let rules = other.ingress.iter().flat_map(single);
                let about = |rule: &Permission| rule.groups.iter().any(|it| it.id == group);
                let rules: Vec<_> = rules.filter(about).collect();
                self.clients.ec2.revoke_ingress(&other.id, &rules).await?;
            }
        }
        Ok(())
    }

    async fn who_is_in(&self, group: &str) -> Result<String> {
        let filters = [("group-id", &[group][..])];
        let interfaces = self.clients.ec2.network_interfaces(&filters).await?;
        Ok(match interfaces.first() {
            Some(first) => {
                let name = [&first.description, &first.id].into_iter().find(|it| !it.is_empty());
                let name = name.map(String::as_str).unwrap_or_default();
                format!("network interfaces are in it: {} ({name})", interfaces.len())
            }
            None => "another group has a rule about it".to_owned(),
        })
    }

    fn permissions(
        &self,
        ingress: &BTreeSet<Ingress>,
        context: &StepContext<'_>,
    ) -> Result<Vec<Permission>> {
        let permission = |rule: &Ingress| {
            let port = Some(i32::from(rule.port));
            let tcp = Permission {
                protocol: "tcp".to_owned(),
                from_port: port,
                to_port: port,
                ..Permission::default()
            };
            Ok(match &rule.from {
                Peer::Cidr(range) if range.contains(':') => {
                    Permission { ipv6: vec![Ipv6Range { cidr: range.clone() }], ..tcp }
                }
                Peer::Cidr(range) => {
                    Permission { ipv4: vec![Ipv4Range { cidr: range.clone() }], ..tcp }
                }
                Peer::Group(name) => {
                    let id = self.group_id(name, context)?;
                    Permission { groups: vec![GroupRef { id }], ..tcp }
                }
            })
        };
        ingress.iter().map(permission).collect()
    }
}

/// A permission as one for each of its sources: AWS tells together what has the same ports.
fn single(permission: &Permission) -> Vec<Permission> {
    let bare =
        Permission { ipv4: Vec::new(), ipv6: Vec::new(), groups: Vec::new(), ..permission.clone() };
    let ipv4 = permission.ipv4.iter();
    let ipv4 = ipv4.map(|range| Permission { ipv4: vec![range.clone()], ..bare.clone() });
    let ipv6 = permission.ipv6.iter();
    let ipv6 = ipv6.map(|range| Permission { ipv6: vec![range.clone()], ..bare.clone() });
    let groups = permission.groups.iter();
    let groups = groups.map(|group| Permission { groups: vec![group.clone()], ..bare.clone() });
    ipv4.chain(ipv6).chain(groups).collect()
}

/// What is in `these` and not in `others`.
fn without(these: &[Permission], others: &[Permission]) -> Vec<Permission> {
    these.iter().filter(|it| !others.contains(it)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_ranges(ranges: &[&str]) -> Permission {
        Permission {
            protocol: "tcp".into(),
            from_port: Some(80),
            to_port: Some(80),
            ipv4: ranges.iter().map(|cidr| Ipv4Range { cidr: (*cidr).into() }).collect(),
            ..Permission::default()
        }
    }

    #[test]
    fn what_aws_tells_together_is_compared_one_by_one() {
        let mut told = from_ranges(&["10.0.0.0/8", "0.0.0.0/0"]);
        told.groups.push(GroupRef { id: "sg-1".into() });
        let current = single(&told);
        assert_eq!(current.len(), 3);
        let desired = [from_ranges(&["0.0.0.0/0"])];
        assert_eq!(without(&desired, &current), []);
        let surplus = without(&current, &desired);
        assert_eq!(surplus.len(), 2);
        assert_eq!(surplus[0], from_ranges(&["10.0.0.0/8"]));
    }
}
