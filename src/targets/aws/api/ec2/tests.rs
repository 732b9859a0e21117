//! Requests as they are written, answers as EC2's reference has them.

use super::*;

fn page<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let page: Page<T> = quick_xml::de::from_str(text).unwrap();
    page.things
}

#[test]
fn lists_are_numbered_from_one() {
    let tags = Tags::from([("mizan:app".into(), "board".into()), ("mizan:env".into(), "p".into())]);
    let query = Query::new("CreateSecurityGroup")
        .filters(&[("vpc-id", &["vpc-1"]), ("group-name", &["a", "b c"])])
        .tags("security-group", &tags);
    insta::assert_snapshot!(query.encode().unwrap().replace('&', "\n"), @"
    Action=CreateSecurityGroup
    Version=2016-11-15
    Filter.1.Name=vpc-id
    Filter.1.Value.1=vpc-1
    Filter.2.Name=group-name
    Filter.2.Value.1=a
    Filter.2.Value.2=b+c
    TagSpecification.1.ResourceType=security-group
    TagSpecification.1.Tag.1.Key=mizan%3Aapp
    TagSpecification.1.Tag.1.Value=board
    TagSpecification.1.Tag.2.Key=mizan%3Aenv
    TagSpecification.1.Tag.2.Value=p
    ");
}

#[test]
fn a_permission_says_what_may_come_in_and_from_where() {
    let permission = Permission {
        protocol: "tcp".into(),
        from_port: Some(8000),
        to_port: Some(8000),
        ipv4: vec![Ipv4Range { cidr: "0.0.0.0/0".into() }],
        ipv6: vec![Ipv6Range { cidr: "::/0".into() }],
        groups: vec![GroupRef { id: "sg-1".into() }],
    };
    let query = Query::new("AuthorizeSecurityGroupIngress").permission(&permission);
    insta::assert_snapshot!(query.encode().unwrap().replace('&', "\n"), @"
    Action=AuthorizeSecurityGroupIngress
    Version=2016-11-15
    IpPermissions.1.IpProtocol=tcp
    IpPermissions.1.FromPort=8000
    IpPermissions.1.ToPort=8000
    IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0
    IpPermissions.1.Ipv6Ranges.1.CidrIpv6=%3A%3A%2F0
    IpPermissions.1.Groups.1.GroupId=sg-1
    ");
}

#[test]
fn subnets_are_read_with_their_tags_and_without() {
    let subnets: Vec<Subnet> = page(
        "<DescribeSubnetsResponse><requestId>1</requestId><subnetSet>\
         <item><subnetId>subnet-1</subnetId><state>available</state><vpcId>vpc-1</vpcId>\
         <cidrBlock>172.31.0.0/20</cidrBlock><availabilityZone>eu-west-1a</availabilityZone>\
         <defaultForAz>true</defaultForAz><mapPublicIpOnLaunch>true</mapPublicIpOnLaunch>\
         <tagSet><item><key>Name</key><value>one</value></item>\
         <item><key>empty</key><value/></item></tagSet></item>\
         <item><subnetId>subnet-2</subnetId><vpcId>vpc-1</vpcId>\
         <cidrBlock>172.31.16.0/20</cidrBlock><availabilityZone>eu-west-1b</availabilityZone>\
         <tagSet/></item></subnetSet></DescribeSubnetsResponse>",
    );
    assert_eq!(subnets.len(), 2);
    assert!(subnets[0].public_on_launch && subnets[0].is_default);
    let expected = [("Name".to_owned(), "one".to_owned()), ("empty".to_owned(), String::new())];
    assert_eq!(subnets[0].tags, Tags::from(expected));
    assert_eq!((subnets[1].zone.as_str(), subnets[1].public_on_launch), ("eu-west-1b", false));
}

#[test]
fn a_route_says_which_kind_of_gateway_it_leads_to() {
    let tables: Vec<RouteTable> = page(
        "<R><routeTableSet><item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId>\
         <routeSet><item><destinationCidrBlock>172.31.0.0/16</destinationCidrBlock>\
         <gatewayId>local</gatewayId><state>active</state></item>\
         <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>\
         <natGatewayId>nat-1</natGatewayId><state>active</state></item></routeSet>\
         <associationSet><item><routeTableAssociationId>a</routeTableAssociationId>\
         <main>true</main></item><item><subnetId>subnet-1</subnetId><main>false</main></item>\
         </associationSet></item></routeTableSet></R>",
    );
    let [table] = tables.as_slice() else { panic!("{tables:?}") };
    assert_eq!(table.routes[1].nat_gateway.as_deref(), Some("nat-1"));
    assert_eq!(table.routes[1].gateway, None);
    assert!(table.associations[0].main);
    assert_eq!(table.associations[1].subnet.as_deref(), Some("subnet-1"));
}

#[test]
fn a_group_is_read_with_what_may_come_in() {
    let groups: Vec<SecurityGroup> = page(
        "<R><securityGroupInfo><item><ownerId>1</ownerId><groupId>sg-1</groupId>\
         <groupName>mizan-board-p</groupName><groupDescription>d</groupDescription>\
         <vpcId>vpc-1</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol>\
         <fromPort>80</fromPort><toPort>80</toPort><groups><item><userId>1</userId>\
         <groupId>sg-2</groupId></item></groups><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item>\
         </ipRanges><ipv6Ranges/><prefixListIds/></item></ipPermissions>\
         <ipPermissionsEgress><item><ipProtocol>-1</ipProtocol></item></ipPermissionsEgress>\
         </item></securityGroupInfo></R>",
    );
    let expected = Permission {
        protocol: "tcp".into(),
        from_port: Some(80),
        to_port: Some(80),
        ipv4: vec![Ipv4Range { cidr: "0.0.0.0/0".into() }],
        ipv6: vec![],
        groups: vec![GroupRef { id: "sg-2".into() }],
    };
    assert_eq!(groups[0].ingress, [expected]);
    assert!(groups[0].tags.is_empty());
}

#[test]
fn nothing_found_is_an_empty_list() {
    assert!(page::<Vpc>("<R><requestId>1</requestId><vpcSet/></R>").is_empty());
}
