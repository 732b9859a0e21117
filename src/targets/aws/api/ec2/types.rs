//! What EC2 answers, as far as it is needed.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Vpc {
    /// Its id.
    #[serde(rename = "vpcId")]
    pub id: String,
    /// Its addresses.
    #[serde(rename = "cidrBlock")]
    pub cidr: String,
    /// It is the one that came with the account.
    #[serde(rename = "isDefault", default)]
    pub is_default: bool,
    /// Its tags.
    #[serde(rename = "tagSet", default, deserialize_with = "tags")]
    pub tags: Tags,
}

/// A part of a network in one zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subnet {
    /// Its id.
    #[serde(rename = "subnetId")]
    pub id: String,
    /// The network it is part of.
    #[serde(rename = "vpcId")]
    pub vpc: String,
    /// The zone it is in.
    #[serde(rename = "availabilityZone")]
    pub zone: String,
    /// Its addresses.
    #[serde(rename = "cidrBlock")]
    pub cidr: String,
    /// It is the zone's default.
    #[serde(rename = "defaultForAz", default)]
    pub is_default: bool,
    /// What starts in it gets a public address unless it asks for none.
    #[serde(rename = "mapPublicIpOnLaunch", default)]
    pub public_on_launch: bool,
    /// Its tags.
    #[serde(rename = "tagSet", default, deserialize_with = "tags")]
    pub tags: Tags,
}

/// Where packets go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RouteTable {
    /// Its id.
    #[serde(rename = "routeTableId")]
    pub id: String,
    /// The network it is part of.
    #[serde(rename = "vpcId")]
    pub vpc: String,
    /// What it holds for.
    #[serde(rename = "associationSet", default, deserialize_with = "items")]
    pub associations: Vec<Association>,
    /// Its routes.
    #[serde(rename = "routeSet", default, deserialize_with = "items")]
    pub routes: Vec<Route>,
}

/// What a route table holds for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Association {
    /// It holds for every subnet that has no table of its own.
    #[serde(default)]
    pub main: bool,
    /// The subnet it holds for.
    #[serde(rename = "subnetId", default)]
    pub subnet: Option<String>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Route {
    /// For which IPv4 addresses.
    #[serde(rename = "destinationCidrBlock", default)]
    pub destination: Option<String>,
    /// To a gateway: `igw-…` is the internet, `local` the network itself.
    #[serde(rename = "gatewayId", default)]
    pub gateway: Option<String>,
    /// To a NAT gateway.
    #[serde(rename = "natGatewayId", default)]
    pub nat_gateway: Option<String>,
    /// To an instance, as to one that does NAT.
    #[serde(rename = "instanceId", default)]
    pub instance: Option<String>,
    /// To a transit gateway.
    #[serde(rename = "transitGatewayId", default)]
    pub transit_gateway: Option<String>,
    /// To a network interface, as of a firewall.
    #[serde(rename = "networkInterfaceId", default)]
    pub interface: Option<String>,
    /// `active`, or `blackhole` when what it leads to is gone.
    #[serde(default)]
    pub state: String,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecurityGroup {
    /// Its id.
    #[serde(rename = "groupId")]
    pub id: String,
    /// Its name, of which a network has one only.
    #[serde(rename = "groupName")]
    pub name: String,
    /// What it is for.
    #[serde(rename = "groupDescription", default)]
    pub description: String,
    /// The network it is part of.
    #[serde(rename = "vpcId", default)]
    pub vpc: String,
    /// What may come in.
    #[serde(rename = "ipPermissions", default, deserialize_with = "items")]
    pub ingress: Vec<Permission>,
    /// Its tags.
    #[serde(rename = "tagSet", default, deserialize_with = "tags")]
    pub tags: Tags,
}

/// What may come in, and from where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Permission {
    /// `tcp`, `udp`, `icmp`, or `-1` for everything.
    #[serde(rename = "ipProtocol")]
    pub protocol: String,
    /// The first port.
    #[serde(rename = "fromPort", default)]
    pub from_port: Option<i32>,
    /// The last port.
    #[serde(rename = "toPort", default)]
    pub to_port: Option<i32>,
    /// From which IPv4 addresses.
    #[serde(rename = "ipRanges", default, deserialize_with = "items")]
    pub ipv4: Vec<Ipv4Range>,
    /// From which IPv6 addresses.
    #[serde(rename = "ipv6Ranges", default, deserialize_with = "items")]
    pub ipv6: Vec<Ipv6Range>,
    /// From whoever is in which groups.
    #[serde(rename = "groups", default, deserialize_with = "items")]
    pub groups: Vec<GroupRef>,
}

/// A range of IPv4 addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ipv4Range {
    /// The range.
    #[serde(rename = "cidrIp")]
    pub cidr: String,
}

/// A range of IPv6 addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ipv6Range {
    /// The range.
    #[serde(rename = "cidrIpv6")]
    pub cidr: String,
}

/// Whoever is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupRef {
    /// The group's id.
    #[serde(rename = "groupId")]
    pub id: String,
}

/// A network interface: while one is in a group, the group cannot be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NetworkInterface {
    /// Its id.
    #[serde(rename = "networkInterfaceId")]
    pub id: String,
    /// `in-use`, `available`, ….
    #[serde(default)]
    pub status: String,
    /// What it is for, as whoever made it says.
    #[serde(default)]
    pub description: String,
}

/// A zone of a region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Zone {
    /// Its name, e.g. `eu-west-1a`.
    #[serde(rename = "zoneName")]
    pub name: String,
    /// `available`, or not.
    #[serde(rename = "zoneState", default)]
    pub state: String,
}

/// A page of things of one kind; each kind has a name of its own for it.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    #[serde(
        alias = "vpcSet",
        alias = "subnetSet",
        alias = "routeTableSet",
        alias = "securityGroupInfo",
        alias = "networkInterfaceSet",
        alias = "availabilityZoneInfo",
        bound(deserialize = "T: Deserialize<'de>"),
        deserialize_with = "items"
    )]
    pub(super) things: Vec<T>,
    #[serde(rename = "nextToken", default)]
    pub(super) next: Option<String>,
}

/// The answer to the creation of a group.
#[derive(Deserialize)]
pub(super) struct CreatedGroup {
    #[serde(rename = "groupId")]
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Set<T> {
    #[serde(rename = "item", default = "Vec::new")]
    items: Vec<T>,
}

/// A list as EC2 writes it: each element is called `item`.
fn items<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Set::deserialize(from).map(|set| set.items)
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

fn tags<'de, D: Deserializer<'de>>(from: D) -> Result<Tags, D::Error> {
    let tags: Vec<Tag> = items(from)?;
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}
