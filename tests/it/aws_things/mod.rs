//! Every kind of thing, put, put again, changed and deleted at two emulators that were written
//! independently of each other; and things of others, which stay as they are.

mod secrets;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use mizan::targets::aws::spec::{
    Cluster, Condition, DefaultAction, Ingress, Listener, LoadBalancer, LogGroup, Peer, Repository,
    Role, Rule, Scaling, Secret, SecurityGroup, TargetGroup, Thing,
};

use self::world::{World, worlds};

const LIFECYCLE: &str = r#"{"rules":[{"action":{"type":"expire"},"rulePriority":1,"selection":{"countNumber":7,"countType":"sinceImagePushed","countUnit":"days","tagStatus":"untagged"}}]}"#;
const TRUST: &str = r#"{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"}}],"Version":"2012-10-17"}"#;
const POLICY: &str = r#"{"Statement":[{"Action":"logs:PutLogEvents","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}"#;

/// Everything at first, in the order in which it can be made.
async fn at_first(world: &World) -> Vec<Thing> {
    let scope = world.scope();
    let network = network(world).await;
    vec![
        Thing::Repository(Repository {
            name: scope.repository(),
            immutable: true,
            lifecycle: Some(LIFECYCLE.to_owned()),
        }),
        Thing::LogGroup(LogGroup { name: scope.log_group(), retention_days: Some(30) }),
        Thing::Role(Role {
            name: scope.execution_role(),
            trust: TRUST.to_owned(),
            policies: BTreeMap::from([("mizan".to_owned(), POLICY.to_owned())]),
        }),
        group(scope.balancer_group(), &network.0, 80, Peer::Cidr("0.0.0.0/0".to_owned())),
        group(scope.tasks_group(), &network.0, 8000, Peer::Group(scope.balancer_group())),
        Thing::Cluster(Cluster { name: scope.cluster() }),
        Thing::Secret(Secret { name: scope.origin_secret() }),
        Thing::TargetGroup(TargetGroup {
            name: scope.target_group(),
            vpc: network.0.clone(),
            health_path: "/healthz".to_owned(),
            matcher: "200-299".to_owned(),
            interval: 5,
            timeout: 3,
            threshold: 2,
            attributes: attribute("deregistration_delay.timeout_seconds", "30"),
        }),
        Thing::LoadBalancer(LoadBalancer {
            name: scope.balancer(),
            internal: false,
            subnets: network.1.iter().take(2).cloned().collect(),
            groups: BTreeSet::from([scope.balancer_group()]),
            attributes: attribute("idle_timeout.timeout_seconds", "60"),
        }),
        Thing::Listener(Listener {
            balancer: scope.balancer(),
            port: 80,
            certificate: None,
            default: DefaultAction::Forbid,
        }),
        Thing::Rule(Rule {
            name: scope.prefix(),
            balancer: scope.balancer(),
            port: 80,
            conditions: BTreeSet::from([Condition::SecretHeader {
                name: "x-origin".to_owned(),
                secret: scope.origin_secret(),
                versions: BTreeSet::new(),
            }]),
            target_group: scope.target_group(),
        }),
        Thing::Scaling(Scaling { service: "web".to_owned(), min: 1, max: 4, cpu: Some(60) }),
    ]
}

/// The same with everything changed that can be.
fn changed(thing: &Thing) -> Thing {
    let mut thing = thing.clone();
    match &mut thing {
        Thing::Repository(it) => (it.immutable, it.lifecycle) = (false, None),
        Thing::LogGroup(it) => it.retention_days = None,
        Thing::Role(it) => {
            it.policies = BTreeMap::from([("other".to_owned(), POLICY.to_owned())]);
        }
        Thing::SecurityGroup(it) => {
            it.ingress =
                BTreeSet::from([Ingress { port: 443, from: Peer::Cidr("10.0.0.0/8".into()) }]);
        }
        Thing::LoadBalancer(it) => {
            it.attributes = attribute("idle_timeout.timeout_seconds", "90");
        }
        Thing::TargetGroup(it) => {
            (it.health_path, it.interval, it.threshold) = ("/up".to_owned(), 10, 3);
        }
        Thing::Listener(it) => it.default = DefaultAction::RedirectToHttps,
        Thing::Rule(it) => it.conditions = BTreeSet::from([Condition::Host("a.example".into())]),
        Thing::Scaling(it) => (it.min, it.max, it.cpu) = (2, 8, None),
        Thing::Cluster(_) | Thing::Secret(_) | Thing::Certificate(_) | Thing::DnsRecord(_) => {}
    }
    thing
}

fn group(name: String, vpc: &str, port: u16, from: Peer) -> Thing {
    Thing::SecurityGroup(SecurityGroup {
        name,
        description: "A group of a test".to_owned(),
        vpc: vpc.to_owned(),
        ingress: BTreeSet::from([Ingress { port, from }]),
    })
}

fn attribute(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

/// The default VPC and its subnets.
async fn network(world: &World) -> (String, Vec<String>) {
    let ec2 = &world.clients().ec2;
    let vpcs = ec2.vpcs(&[("is-default", &["true"])]).await.unwrap();
    let subnets = ec2.subnets(&[("vpc-id", &[&vpcs[0].id])]).await.unwrap();
    (vpcs[0].id.clone(), subnets.into_iter().map(|subnet| subnet.id).collect())
}

#[tokio::test]
async fn every_thing_is_made_once_changed_in_place_and_deleted_once() {
    for world in worlds("things") {
        let things = at_first(&world).await;
        let mut arns = Vec::new();
        for thing in &things {
            arns.push(world.put(thing).await.unwrap_or_else(|error| panic!("{error}")));
        }
        let secret = secret_value(&world).await;
        for (thing, arn) in things.iter().zip(&arns) {
            let again = world.put(thing).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(&again, arn, "{}", thing.id());
        }
        assert_eq!(secret_value(&world).await, secret, "a secret keeps its value");
        for (thing, arn) in things.iter().zip(&arns) {
            let after = world.put(&changed(thing)).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(&after, arn, "{}", thing.id());
        }
        expect_changed(&world).await;
        for _ in 0..2 {
            for thing in things.iter().rev() {
                world.delete(thing).await.unwrap_or_else(|error| panic!("{error}"));
            }
        }
        expect_gone(&world).await;
    }
}

async fn secret_value(world: &World) -> String {
    let call = world.clients().secrets.get_secret_value();
    let answer = call.secret_id(world.scope().origin_secret()).send().await.unwrap();
    answer.secret_string.unwrap()
}

async fn expect_changed(world: &World) {
    let (clients, scope) = (world.clients(), world.scope());
    let policies = clients.iam.list_role_policies().role_name(scope.execution_role());
    assert_eq!(policies.send().await.unwrap().policy_names, ["other"]);
    let groups = clients.ec2.security_groups(&[("group-name", &[&scope.tasks_group()])]).await;
    let ingress = &groups.unwrap()[0].ingress;
    assert_eq!(ingress.len(), 1);
    assert_eq!((ingress[0].from_port, ingress[0].groups.len()), (Some(443), 0));
    let group = clients.elb.describe_target_groups().names(scope.target_group());
    let group = group.send().await.unwrap().target_groups.unwrap().pop().unwrap();
    assert_eq!(group.health_check_path(), Some("/up"));
    assert_eq!(group.health_check_interval_seconds(), Some(10));
    let log = clients.logs.describe_log_groups().log_group_name_prefix(scope.log_group());
    assert_eq!(log.send().await.unwrap().log_groups()[0].retention_in_days(), None);
    let policy = clients.ecr.get_lifecycle_policy().repository_name(scope.repository());
    assert!(policy.send().await.is_err(), "there is no lifecycle policy any more");
}

async fn expect_gone(world: &World) {
    let (clients, scope) = (world.clients(), world.scope());
    let repository = clients.ecr.describe_repositories().repository_names(scope.repository());
    assert!(repository.send().await.is_err());
    assert!(clients.iam.get_role().role_name(scope.execution_role()).send().await.is_err());
    assert!(clients.elb.describe_load_balancers().names(scope.balancer()).send().await.is_err());
    let groups = clients.elb.describe_target_groups().names(scope.target_group()).send().await;
    assert!(groups.map_or(true, |answer| answer.target_groups().is_empty()));
    let filter = [scope.tasks_group(), scope.balancer_group()];
    let filter: Vec<_> = filter.iter().map(String::as_str).collect();
    let groups = clients.ec2.security_groups(&[("group-name", &filter)]).await.unwrap();
    assert_eq!(groups, []);
    let secret = clients.secrets.describe_secret().secret_id(scope.origin_secret());
    assert!(secret.send().await.unwrap().deleted_date.is_some(), "it can be brought back");
}

#[tokio::test]
async fn what_others_made_under_our_names_is_neither_changed_nor_deleted() {
    for world in worlds("foreign") {
        let things = at_first(&world).await;
        make_foreign(&world, &things).await;
        for thing in things.iter().filter(|thing| has_a_name(thing)) {
            let error = world.put(thing).await.expect_err(&thing.id().to_string());
            assert!(error.message.contains("was not made for this app"), "{error}");
            world.delete(thing).await.unwrap_or_else(|error| panic!("{error}"));
        }
        expect_untouched(&world, &things).await;
    }
}

/// The kinds that `make_foreign` makes.
fn has_a_name(thing: &Thing) -> bool {
    matches!(
        thing,
        Thing::Repository(_)
            | Thing::LogGroup(_)
            | Thing::Role(_)
            | Thing::SecurityGroup(_)
            | Thing::Cluster(_)
            | Thing::Secret(_)
            | Thing::TargetGroup(_)
    ) && thing.id().name.find("-tasks").is_none()
}

async fn make_foreign(world: &World, things: &[Thing]) {
    let clients = world.clients();
    for thing in things.iter().filter(|thing| has_a_name(thing)) {
        match thing {
            Thing::Repository(it) => {
                clients.ecr.create_repository().repository_name(&it.name).send().await.unwrap();
            }
            Thing::LogGroup(it) => {
                clients.logs.create_log_group().log_group_name(&it.name).send().await.unwrap();
            }
            Thing::Role(it) => {
                let call = clients.iam.create_role().role_name(&it.name);
                call.assume_role_policy_document(TRUST).send().await.unwrap();
            }
            Thing::SecurityGroup(it) => {
                let tags = BTreeMap::from([("owner".to_owned(), "somebody".to_owned())]);
                let new = mizan::targets::aws::api::ec2::NewGroup {
                    name: &it.name,
                    description: "somebody's",
                    vpc: &it.vpc,
                    tags: &tags,
                };
                clients.ec2.create_security_group(&new).await.unwrap();
            }
            Thing::Cluster(it) => {
                clients.ecs.create_cluster().cluster_name(&it.name).send().await.unwrap();
            }
            Thing::Secret(it) => {
                let call = clients.secrets.create_secret().name(&it.name);
                call.secret_string("somebody's").send().await.unwrap();
            }
            Thing::TargetGroup(it) => {
                let call = clients.elb.create_target_group().name(&it.name).vpc_id(&it.vpc);
                let http = aws_sdk_elasticloadbalancingv2::types::ProtocolEnum::Http;
                call.protocol(http).port(81).send().await.unwrap();
            }
            _ => {}
        }
    }
}

async fn expect_untouched(world: &World, things: &[Thing]) {
    let clients = world.clients();
    assert_eq!(secret_value(world).await, "somebody's");
    for thing in things.iter().filter(|thing| has_a_name(thing)) {
        match thing {
            Thing::Repository(it) => {
                let call = clients.ecr.describe_repositories().repository_names(&it.name);
                call.send().await.unwrap();
            }
            Thing::Role(it) => {
                let call = clients.iam.list_role_policies().role_name(&it.name);
                assert!(call.send().await.unwrap().policy_names.is_empty());
            }
            Thing::SecurityGroup(it) => {
                let found = clients.ec2.security_groups(&[("group-name", &[&it.name])]).await;
                assert_eq!(found.unwrap()[0].ingress, []);
            }
            Thing::TargetGroup(it) => {
                let found = clients.elb.describe_target_groups().names(&it.name).send().await;
                assert_eq!(found.unwrap().target_groups()[0].port(), Some(81));
            }
            _ => {}
        }
    }
}
