//! The security groups, and the way from their ids to their names.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        api::ec2::{Ec2, Permission, SecurityGroup},
        names::Scope,
        seen::SeenThing,
        spec::{self, Ingress, Peer, Thing},
    },
    answer::{Read, api_answer},
    things::thing,
};

/// The names of security groups of ours, by id.
#[derive(Debug, Default)]
pub(super) struct GroupNames(BTreeMap<String, String>);

impl GroupNames {
    /// The names of these groups.
    pub fn of(groups: &[SecurityGroup]) -> Self {
        Self(groups.iter().map(|group| (group.id.clone(), group.name.clone())).collect())
    }

    /// Groups of ours by name, others by id.
    pub fn names(&self, ids: &[String]) -> BTreeSet<String> {
        ids.iter().map(|id| self.name(id)).collect()
    }

    fn name(&self, id: &str) -> String {
        self.0.get(id).map_or_else(|| id.to_owned(), Clone::clone)
    }
}

/// The groups of these names. Every network can have one of each; where there are several, those of
/// `vpc` are meant.
pub(super) async fn read(
    ec2: &Ec2,
    names: &[String],
    vpc: Option<&str>,
) -> Read<Vec<SecurityGroup>> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut found = api_answer(ec2.security_groups(&[("group-name", &names)]).await)?;
    found.sort_by_key(|group| (group.name.clone(), Some(group.vpc.as_str()) != vpc));
    found.dedup_by(|next, first| next.name == first.name);
    Ok(found)
}

/// A group in the terms of the specification.
pub(super) fn seen(scope: &Scope, names: &GroupNames, found: &SecurityGroup) -> SeenThing {
    let spec = spec::SecurityGroup {
        name: found.name.clone(),
        description: found.description.clone(),
        vpc: found.vpc.clone(),
        ingress: found.ingress.iter().flat_map(|it| ingress(names, it)).collect(),
    };
    thing(scope, Thing::SecurityGroup(spec), Some(found.id.clone()), &found.tags)
}

fn ingress(names: &GroupNames, found: &Permission) -> Vec<Ingress> {
    let ranges = found.ipv4.iter().map(|it| &it.cidr);
    let ranges = ranges.chain(found.ipv6.iter().map(|it| &it.cidr));
    let first = found.from_port.and_then(|port| u16::try_from(port).ok());
    let groups = found.groups.iter().map(|group| names.name(&group.id));
    match first {
        Some(port) if found.protocol == "tcp" && found.to_port == found.from_port => {
            let ranges = ranges.map(|range| Peer::Cidr(range.clone()));
            let peers = ranges.chain(groups.map(Peer::Group));
            peers.map(|from| Ingress { port, from }).collect()
        }
        // We only ever open single TCP ports: anything else becomes an address range that cannot
        // be, in words that a person understands.
        _ => {
            let what = described(found);
            let peers = ranges.cloned().chain(groups);
            let peers = peers.map(|peer| Peer::Cidr(format!("{what} {peer}")));
            peers.map(|from| Ingress { port: first.unwrap_or(0), from }).collect()
        }
    }
}

fn described(found: &Permission) -> String {
    let protocol = if found.protocol == "-1" { "all" } else { &found.protocol };
    match (found.from_port, found.to_port) {
        (Some(from), Some(to)) => format!("{protocol} {from}-{to}"),
        _ => protocol.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            super::api::ec2::{GroupRef, Ipv4Range, Ipv6Range},
            things::tests::scope,
        },
        *,
    };

    fn group(id: &str, name: &str, ingress: Vec<Permission>) -> SecurityGroup {
        SecurityGroup {
            id: id.into(),
            name: name.into(),
            description: "d".into(),
            vpc: "vpc-1".into(),
            ingress,
            tags: scope().tags(),
        }
    }

    fn tcp(from: i32, to: i32) -> Permission {
        Permission {
            protocol: "tcp".into(),
            from_port: Some(from),
            to_port: Some(to),
            ..Permission::default()
        }
    }

    fn ingress_of(permission: Permission) -> BTreeSet<Ingress> {
        let groups = [group("sg-1", "balancer", vec![]), group("sg-2", "tasks", vec![permission])];
        let seen = seen(&scope(), &GroupNames::of(&groups), &groups[1]);
        assert!(seen.ours);
        let Thing::SecurityGroup(spec) = seen.thing else { panic!("{seen:?}") };
        spec.ingress
    }

    #[test]
    fn groups_of_ours_go_by_name_others_by_id() {
        let from = |id: &str| GroupRef { id: id.into() };
        let seen =
            ingress_of(Permission { groups: vec![from("sg-1"), from("sg-9")], ..tcp(80, 80) });
        let expected = ["balancer", "sg-9"].map(|name| Peer::Group(name.into()));
        assert_eq!(seen, expected.map(|from| Ingress { port: 80, from }).into());
    }

    #[test]
    fn ranges_of_both_kinds_are_told() {
        let seen = ingress_of(Permission {
            ipv4: vec![Ipv4Range { cidr: "0.0.0.0/0".into() }],
            ipv6: vec![Ipv6Range { cidr: "::/0".into() }],
            ..tcp(80, 80)
        });
        let expected = ["0.0.0.0/0", "::/0"].map(|range| Peer::Cidr(range.into()));
        assert_eq!(seen, expected.map(|from| Ingress { port: 80, from }).into());
    }

    #[test]
    fn what_is_no_single_tcp_port_is_no_permission_of_ours() {
        let seen = ingress_of(Permission {
            ipv4: vec![Ipv4Range { cidr: "10.0.0.0/8".into() }],
            ..tcp(80, 90)
        });
        let from = Peer::Cidr("tcp 80-90 10.0.0.0/8".into());
        assert_eq!(seen, [Ingress { port: 80, from }].into());
        let seen = ingress_of(Permission {
            protocol: "-1".into(),
            ipv4: vec![Ipv4Range { cidr: "10.0.0.0/8".into() }],
            ..Permission::default()
        });
        assert_eq!(seen, [Ingress { port: 0, from: Peer::Cidr("all 10.0.0.0/8".into()) }].into());
    }
}
