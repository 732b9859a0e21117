//! Networks and security groups.

use mizan::targets::aws::api::{
    Endpoint,
    ec2::{Ec2, GroupRef, Ipv4Range, NewGroup, Permission, Tags},
};

use super::{Peer, REGION, credentials, http, peers, unique};

fn ec2(peer: &Peer) -> Ec2 {
    let at = Endpoint { service: "ec2", region: REGION.into(), url: peer.url.clone() };
    Ec2::at(http(), credentials(), at)
}

async fn default_vpc(ec2: &Ec2) -> String {
    let vpcs = ec2.vpcs(&[("is-default", &["true"])]).await.unwrap();
    assert_eq!(vpcs.len(), 1);
    assert!(vpcs[0].is_default && vpcs[0].cidr.starts_with("172.31."), "{vpcs:?}");
    vpcs[0].id.clone()
}

#[tokio::test]
async fn the_default_network_is_seen_with_its_zones_and_routes() {
    for peer in peers() {
        let ec2 = ec2(&peer);
        let vpc = default_vpc(&ec2).await;
        let of_vpc: [(&str, &[&str]); 1] = [("vpc-id", &[vpc.as_str()])];
        let subnets = ec2.subnets(&of_vpc).await.unwrap();
        let zones = ec2.zones(&[]).await.unwrap();
        assert!(subnets.len() >= 2, "{subnets:?}");
        for subnet in &subnets {
            assert_eq!(subnet.vpc, vpc);
            assert!(subnet.public_on_launch, "{subnet:?}");
            assert!(zones.iter().any(|zone| zone.name == subnet.zone), "{subnet:?} {zones:?}");
        }
        let tables = ec2.route_tables(&of_vpc).await.unwrap();
        let main = |table: &&mizan::targets::aws::api::ec2::RouteTable| {
            table.associations.iter().any(|association| association.main)
        };
        let main = tables.iter().find(main).unwrap();
        let internet = main.routes.iter().find(|route| route.gateway.as_deref() == Some("local"));
        assert!(internet.is_some(), "{main:?}");
        let none = ec2.subnets(&[("vpc-id", &["vpc-00000000"])]).await.unwrap();
        assert_eq!(none, []);
    }
}

#[tokio::test]
async fn a_security_group_is_made_opened_closed_and_deleted_any_number_of_times() {
    for peer in peers() {
        let ec2 = ec2(&peer);
        let vpc = default_vpc(&ec2).await;
        let name = unique("group");
        let tags = Tags::from([("mizan:app".to_owned(), "board".to_owned())]);
        let group = NewGroup { name: &name, description: "of a test", vpc: &vpc, tags: &tags };
        let id = ec2.create_security_group(&group).await.unwrap();
        let error = ec2.create_security_group(&group).await.unwrap_err();
        assert!(error.is("InvalidGroup.Duplicate"), "{error:?}");

        let permissions = [
            Permission {
                protocol: "tcp".into(),
                from_port: Some(80),
                to_port: Some(80),
                ipv4: vec![Ipv4Range { cidr: "0.0.0.0/0".into() }],
                ..Permission::default()
            },
            Permission {
                protocol: "tcp".into(),
                from_port: Some(8000),
                to_port: Some(8001),
                groups: vec![GroupRef { id: id.clone() }],
                ..Permission::default()
            },
        ];
        let seen = async || {
            let found = ec2.security_groups(&[("group-name", &[name.as_str()])]).await.unwrap();
            assert_eq!(found.len(), 1);
            found.into_iter().next().unwrap()
        };
        ec2.authorize_ingress(&id, &permissions[..1]).await.unwrap();
        ec2.authorize_ingress(&id, &permissions).await.unwrap();
        let found = seen().await;
        assert_eq!((found.id.as_str(), found.vpc.as_str()), (id.as_str(), vpc.as_str()));
        assert_eq!(found.tags, tags);
        assert_eq!(found.ingress, permissions);

        ec2.revoke_ingress(&id, &permissions[1..]).await.unwrap();
        ec2.revoke_ingress(&id, &permissions[1..]).await.unwrap();
        assert_eq!(seen().await.ingress, permissions[..1]);

        let in_group: [(&str, &[&str]); 1] = [("group-id", &[id.as_str()])];
        assert_eq!(ec2.network_interfaces(&in_group).await.unwrap(), []);
        ec2.delete_security_group(&id).await.unwrap();
        ec2.delete_security_group(&id).await.unwrap();
    }
}
