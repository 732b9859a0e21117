//! The network that an environment uses: the one that `mizan.yaml` names, or the default VPC.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    api::ec2::{Ec2, Route, RouteTable, Subnet as FoundSubnet, Vpc},
    clients::Clients,
    seen::{Egress, Network, Subnet},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::AwsTarget,
};

/// The route to everywhere.
const ANYWHERE: &str = "0.0.0.0/0";

/// The network as it is.
///
/// # Errors
/// What is named is not there, or there is no default VPC and none is named.
pub async fn network(clients: &Clients, target: &AwsTarget) -> Result<Network> {
    let ec2 = &clients.ec2;
    match (&target.vpc, target.subnets.as_slice()) {
        (None, []) => {
            let vpc = default_vpc(ec2).await?;
            in_vpc(ec2, &vpc.id).await
        }
        (Some(vpc), []) => {
            require_vpc(ec2, vpc).await?;
            in_vpc(ec2, vpc).await
        }
        (vpc, ids) => given(ec2, vpc.as_deref(), ids).await,
    }
}

async fn default_vpc(ec2: &Ec2) -> Result<Vpc> {
    let mut found = ec2.vpcs(&[("is-default", &["true"])]).await?;
    found.pop().ok_or_else(|| {
        Error::new(ErrorKind::Invalid, "the account has no default VPC in this region")
            .hint("name one in mizan.yaml: `vpc: vpc-…` or `subnets: [subnet-…, subnet-…]`")
            .hint("or create it: `aws ec2 create-default-vpc`")
    })
}

async fn require_vpc(ec2: &Ec2, id: &str) -> Result<()> {
    match ec2.vpcs(&[("vpc-id", &[id])]).await?.is_empty() {
        false => Ok(()),
        true => Err(missing(format!("the VPC {id} is not there"))),
    }
}

/// One subnet of each zone.
async fn in_vpc(ec2: &Ec2, vpc: &str) -> Result<Network> {
    let here: &[(&str, &[&str])] = &[("vpc-id", &[vpc])];
    let (subnets, tables) = tokio::try_join!(ec2.subnets(here), ec2.route_tables(here))?;
    let subnets = subnets.iter().map(|subnet| (subnet, egress(subnet, &tables)));
    Ok(Network { vpc: vpc.to_owned(), subnets: one_of_each_zone(subnets) })
}

/// The subnets that are named, whatever their zones.
async fn given(ec2: &Ec2, vpc: Option<&str>, ids: &[String]) -> Result<Network> {
    let wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    let found = ec2.subnets(&[("subnet-id", &wanted)]).await?;
    if let Some(id) = ids.iter().find(|id| !found.iter().any(|subnet| subnet.id == **id)) {
        return Err(missing(format!("the subnet {id} is not there")));
    }
    let vpcs: BTreeSet<&str> = found.iter().map(|subnet| subnet.vpc.as_str()).collect();
    let vpcs: Vec<&str> = vpcs.into_iter().collect();
    let tables = ec2.route_tables(&[("vpc-id", &vpcs)]).await?;
    let subnet = |id: &String| found.iter().find(|subnet| &subnet.id == id);
    let subnets = ids.iter().filter_map(subnet);
    let subnets = subnets.map(|it| known(it, egress(it, &tables))).collect();
    let vpc = vpc.or_else(|| vpcs.first().copied()).unwrap_or_default();
    Ok(Network { vpc: vpc.to_owned(), subnets })
}

fn missing(what: String) -> Error {
    Error::new(ErrorKind::Invalid, what).hint("check its id, and the region, in mizan.yaml")
}

/// The best subnet of each zone: a public one, else one with NAT; of equals the one that came with
/// the account, then the first by id, so that the choice never changes by itself.
fn one_of_each_zone<'a>(subnets: impl Iterator<Item = (&'a FoundSubnet, Egress)>) -> Vec<Subnet> {
    let rank = |subnet: &FoundSubnet, egress: Egress| {
        let way = match egress {
            Egress::Public => 0,
            Egress::Nat => 1,
            Egress::None => 2,
        };
        (way, !subnet.is_default, subnet.id.clone())
    };
    let mut best: BTreeMap<&str, (&FoundSubnet, Egress)> = BTreeMap::new();
    for (subnet, egress) in subnets {
        let chosen = best.entry(&subnet.zone).or_insert((subnet, egress));
        if rank(subnet, egress) < rank(chosen.0, chosen.1) {
            *chosen = (subnet, egress);
        }
    }
    best.into_values().map(|(subnet, egress)| known(subnet, egress)).collect()
}

fn known(subnet: &FoundSubnet, egress: Egress) -> Subnet {
    Subnet { id: subnet.id.clone(), vpc: subnet.vpc.clone(), zone: subnet.zone.clone(), egress }
}

/// How traffic leaves a subnet, by the route table that holds for it.
fn egress(subnet: &FoundSubnet, tables: &[RouteTable]) -> Egress {
    let routes = table(subnet, tables).map(|table| table.routes.as_slice()).unwrap_or_default();
    let mut ways = routes
        .iter()
        .filter(|route| route.destination.as_deref() == Some(ANYWHERE))
        .filter(|route| route.state != "blackhole");
    match ways.next() {
        Some(route) => way(route),
        // A default subnet has the internet by definition, even where the routes do not say so
        // (an emulator's).
        None if subnet.is_default && subnet.public_on_launch => Egress::Public,
        None => Egress::None,
    }
}

fn way(route: &Route) -> Egress {
    match route.gateway.as_deref() {
        Some(gateway) if gateway.starts_with("igw-") => Egress::Public,
        _ => Egress::Nat,
    }
}

/// The table that is associated with the subnet, else the main one of its network.
fn table<'a>(subnet: &FoundSubnet, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let own = |table: &&RouteTable| {
        let mut associations = table.associations.iter();
        associations.any(|it| it.subnet.as_deref() == Some(&subnet.id))
    };
    let main = |table: &&RouteTable| {
        table.vpc == subnet.vpc && table.associations.iter().any(|it| it.main)
    };
    tables.iter().find(own).or_else(|| tables.iter().find(main))
}

#[cfg(test)]
mod tests {
    use super::{super::super::api::ec2::Association, *};

    fn subnet(id: &str, zone: &str) -> FoundSubnet {
        FoundSubnet {
            id: id.into(),
            vpc: "vpc-1".into(),
            zone: zone.into(),
            cidr: "10.0.0.0/24".into(),
            is_default: false,
            public_on_launch: false,
            tags: BTreeMap::new(),
        }
    }

    fn to(gateway: Option<&str>, nat: Option<&str>) -> Route {
        Route {
            destination: Some(ANYWHERE.into()),
            gateway: gateway.map(str::to_owned),
            nat_gateway: nat.map(str::to_owned),
            instance: None,
            transit_gateway: None,
            interface: None,
            state: "active".into(),
        }
    }

    fn table_of(association: Association, routes: Vec<Route>) -> RouteTable {
        let associations = vec![association];
        RouteTable { id: "rtb".into(), vpc: "vpc-1".into(), associations, routes }
    }

    fn of(subnet: &str) -> Association {
        Association { main: false, subnet: Some(subnet.into()) }
    }

    #[test]
    fn a_subnet_has_its_own_routes_or_those_of_the_network() {
        let main = Association { main: true, subnet: None };
        let tables = [
            table_of(main, vec![to(Some("igw-1"), None)]),
            table_of(of("private"), vec![to(None, Some("nat-1"))]),
            table_of(of("closed"), vec![]),
        ];
        let of = |id| egress(&subnet(id, "a"), &tables);
        assert_eq!(of("other"), Egress::Public);
        assert_eq!(of("private"), Egress::Nat);
        assert_eq!(of("closed"), Egress::None);
    }

    #[test]
    fn a_route_that_leads_nowhere_is_none() {
        let route = Route { state: "blackhole".into(), ..to(None, Some("nat-1")) };
        let tables = [table_of(of("private"), vec![route])];
        assert_eq!(egress(&subnet("private", "a"), &tables), Egress::None);
    }

    #[test]
    fn each_zone_gives_its_best_subnet() {
        let (closed, public) = (subnet("subnet-1", "a"), subnet("subnet-2", "a"));
        let (late, early) = (subnet("subnet-4", "b"), subnet("subnet-3", "b"));
        let found = [
            (&closed, Egress::None),
            (&public, Egress::Public),
            (&late, Egress::Public),
            (&early, Egress::Public),
        ];
        let chosen = one_of_each_zone(found.into_iter());
        let ids: Vec<&str> = chosen.iter().map(|subnet| subnet.id.as_str()).collect();
        assert_eq!(ids, ["subnet-2", "subnet-3"]);
    }
}
