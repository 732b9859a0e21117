//! What stands beside the app in its account is the same before and after whatever the app does.

use serde_json::{Value, json};

use super::{deployed, light, prefix};
use crate::{
    conformance::{App, Fargate, Platform},
    support::{
        Ended,
        aws::{Aws, Client},
    },
};

/// A network, a cluster and a load balancer that somebody shares with the app.
struct Theirs {
    cluster: String,
    balancer: String,
    vpc: String,
}

impl Theirs {
    fn make(client: &Client) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let elb = |action, parameters: &[(&str, &str)]| {
            client.query("elasticloadbalancing", action, parameters).expect(action)
        };
        let ecs = |action, body: Value| client.json("ecs", action, &body).expect(action);
        let (vpc, subnets) = client.default_network();
        let tags = json!([{"key": "owner", "value": "somebody"}]);
        ecs("CreateCluster", json!({"clusterName": "theirs", "tags": tags}));
        let definition = json!({"family": "theirs", "networkMode": "awsvpc",
            "containerDefinitions": [{"name": "theirs", "image": "none"}]});
        ecs("RegisterTaskDefinition", definition);
        let service = json!({"cluster": "theirs", "serviceName": "theirs", "desiredCount": 0,
            "taskDefinition": "theirs", "tags": tags,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets}}});
        ecs("CreateService", service);
        let group = [("GroupName", "theirs"), ("GroupDescription", "of somebody"), ("VpcId", &vpc)];
        let group = client.query("ec2", "CreateSecurityGroup", &group).expect("a group");
        let balancer = elb(
            "CreateLoadBalancer",
            &[
                ("Name", "theirs"),
                ("Subnets.member.1", &subnets[0]),
                ("Subnets.member.2", &subnets[1]),
                ("SecurityGroups.member.1", &text(&group["groupId"])),
            ],
        );
        let balancer = text(&balancer["LoadBalancers"][0]["LoadBalancerArn"]);
        let fixed = "fixed-response";
        let listener = elb(
            "CreateListener",
            &[
                ("LoadBalancerArn", &balancer),
                ("Protocol", "HTTP"),
                ("Port", "80"),
                ("DefaultActions.member.1.Type", fixed),
                ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
            ],
        );
        elb(
            "CreateRule",
            &[
                ("ListenerArn", &text(&listener["Listeners"][0]["ListenerArn"])),
                ("Priority", "1"),
                ("Conditions.member.1.Field", "host-header"),
                ("Conditions.member.1.HostHeaderConfig.Values.member.1", "theirs.example.com"),
                ("Actions.member.1.Type", fixed),
                ("Actions.member.1.FixedResponseConfig.StatusCode", "418"),
                ("Tags.member.1.Key", "owner"),
                ("Tags.member.1.Value", "somebody"),
            ],
        );
        let role = [
            ("RoleName", "theirs"),
            ("AssumeRolePolicyDocument", r#"{"Version": "2012-10-17", "Statement": []}"#),
        ];
        client.query("iam", "CreateRole", &role).expect("a role");
        let secret = json!({"Name": "theirs", "SecretString": "somebody's"});
        client.json("secretsmanager", "CreateSecret", &secret).expect("a secret");
        Self { cluster: "theirs".to_owned(), balancer, vpc }
    }
}

/// What is not the app's: without the ledger's bucket, which is shared by design.
fn beside(platform: &Fargate) -> Vec<String> {
    let account = platform.aws().account();
    let app = platform.app();
    let foreign = account.foreign(&app).into_iter().filter(|it| !it.kind.starts_with("s3 "));
    foreign
        .filter(|it| !it.name.contains(&app))
        .map(|it| format!("{} {} {:?} {}", it.kind, it.name, it.tags, it.state))
        .collect()
}

#[test]
fn a_given_network_cluster_and_load_balancer_are_used_and_never_changed() {
    let platform = light(Aws::start());
    let theirs = Theirs::make(&platform.aws().client());
    let before = beside(&platform);
    let subnets = platform.aws().client().default_network().1;
    let target = format!(
        "{{target: {{aws: {{region: eu-west-1, vpc: {}, subnets: [{}, {}], cluster: {}, \
         load_balancer: '{}'}}}}, edge: {{on: [], domain: ours.example.com}}}}",
        theirs.vpc, subnets[0], subnets[1], theirs.cluster, theirs.balancer
    );
    let given = |version: &str| {
        let app = App::version(version);
        platform.write_as(&app, &[("{target: {aws: {region: eu-west-1}}}", &target)]);
    };
    // The emulator finds a load balancer by its own name only: for others, by a path.
    let entrance = format!("{}/_alb/theirs", platform.aws().endpoint());
    let run = |arguments: &[&str]| -> Ended {
        let mut mizan = platform.mizan(arguments);
        mizan.env("MIZAN_AWS_LOAD_BALANCER", &entrance).output().expect("mizan runs").into()
    };
    for version in ["1", "2"] {
        given(version);
        run(&["deploy", "--yes"]).expect(0);
        assert_eq!(beside(&platform), before, "after version {version}");
        let seen = platform.aws().visit("ours.example.com", "/_alb/theirs/version");
        assert_eq!(seen.as_deref(), Ok(version));
    }
    run(&["deploy", "--yes"]).expect(0).says(&["Nothing to change."]);
    let account = platform.aws().account();
    assert_eq!(account.kind("elb load balancer").len(), 1, "{:?}", account.names());
    assert_eq!(account.kind("ecs cluster").len(), 1, "{:?}", account.names());
    assert_eq!(account.kind("elb rule").len(), 2, "{:?}", account.names());
    run(&["rollback", "--yes"]).expect(0);
    assert_eq!(beside(&platform), before, "after a rollback");
    run(&["destroy", "--yes", "--volumes", "--shared"]).expect(0);
    assert_eq!(beside(&platform), before, "after destroy");
    let ours = platform.aws().account_of(|name| name.contains(&platform.app()));
    ours.expect_only(&["secret pending deletion"]);
}

#[test]
fn tags_of_others_on_our_things_stay() {
    let platform = light(Aws::shared());
    deployed(&platform, "1");
    let client = platform.aws().client();
    let name = prefix(&platform);
    let arn = format!("arn:aws:ecs:eu-west-1:123456789012:service/{name}/{name}-web");
    let tags = json!({"resourceArn": arn, "tags": [{"key": "cost", "value": "42"}]});
    client.json("ecs", "TagResource", &tags).expect("a tag");
    let role = format!("{name}-task");
    let tag =
        [("RoleName", role.as_str()), ("Tags.member.1.Key", "cost"), ("Tags.member.1.Value", "42")];
    client.query("iam", "TagRole", &tag).expect("a tag");
    platform.deploy().expect(0).says(&["Nothing to change."]);
    deployed(&platform, "2");
    let account = platform.aws().account_of(|it| it.contains(&name));
    for kind in ["ecs service", "iam role"] {
        let tagged = account.kind(kind).into_iter().filter(|it| it.tags.contains_key("cost"));
        assert_eq!(tagged.count(), 1, "{kind}: {:?}", account.kind(kind));
    }
}
