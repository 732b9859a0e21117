//! The test bed itself: what the tests of the AWS target rely on.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::{ACCOUNT, At, Aws, Client, Fault, Options};
use crate::support::get;

#[test]
fn an_account_is_empty_shows_what_is_made_and_leaves_nothing() {
    let aws = Aws::start();
    aws.account().expect_empty();
    let client = aws.client();
    let tags = json!([{"key": "mizan:app", "value": "board"}]);
    let cluster = json!({"clusterName": "mizan-board-production", "tags": tags});
    client.json("ecs", "CreateCluster", &cluster).unwrap();
    let trust = r#"{"Version": "2012-10-17", "Statement": []}"#;
    let role = [("RoleName", "somebody"), ("AssumeRolePolicyDocument", trust)];
    client.query("iam", "CreateRole", &role).unwrap();

    let account = aws.account();
    assert_eq!(account.names(), ["ecs cluster mizan-board-production", "iam role somebody"]);
    assert_eq!(account.of_app("board")[0].kind, "ecs cluster");
    assert_eq!(account.foreign("board")[0].kind, "iam role");
    assert_eq!(account.kind("iam role")[0].name, "somebody");
    account.expect_only(&["ecs cluster", "iam role"]);
    let arn = account.kind("ecs cluster")[0].state["clusterArn"].as_str().unwrap().to_owned();
    assert!(arn.contains(ACCOUNT), "{arn}");
    let refused = client.json("ecs", "DescribeServices", &json!({"cluster": "none"}));
    assert_eq!(refused.unwrap_err().code, "ClusterNotFoundException");

    let name = aws.name();
    drop(aws);
    let names = Command::new("docker").args(["ps", "--all", "--format", "{{.Names}}"]).output();
    let names = String::from_utf8(names.unwrap().stdout).unwrap();
    assert!(!names.contains(&name), "{names}");
}

#[test]
fn a_child_that_goes_by_the_proxy_is_struck_and_its_traffic_is_not() {
    let aws = Aws::start();
    let proxy = aws.proxy();
    proxy.strike(At::Action("ecs:CreateCluster", 1), Fault::CutAfter);
    let by_proxy = aws.environment_by(&proxy);
    let of = |environment: &[(&str, String)], name: &str| {
        environment.iter().find(|(other, _)| *other == name).unwrap().1.clone()
    };
    assert_eq!(of(&by_proxy, "AWS_ENDPOINT_URL"), proxy.endpoint());
    for name in ["MIZAN_AWS_REGISTRY", "MIZAN_AWS_LOAD_BALANCER"] {
        assert_eq!(of(&by_proxy, name), of(&aws.environment(), name));
    }
    let port = proxy.endpoint().rsplit(':').next().unwrap().parse().unwrap();
    let child = Client::new(port, port);
    let cluster = json!({"clusterName": "made"});
    assert_eq!(child.json("ecs", "CreateCluster", &cluster).unwrap_err().status, 0);
    assert_eq!(aws.account().names(), ["ecs cluster made"]);
    let scaling = json!({"ServiceNamespace": "ecs"});
    child.json("application-autoscaling", "DescribeScalableTargets", &scaling).unwrap();
}

/// One service behind a load balancer, made by hand.
struct Stack {
    aws: Aws,
    image: String,
    group: String,
    domain: String,
}

impl Stack {
    fn up() -> Self {
        let aws = Aws::with(Options { health_checks: true, ..Options::default() });
        let client = aws.client();
        client.json("ecr", "CreateRepository", &json!({"repositoryName": "app"})).unwrap();
        let image = push(&aws);
        let (vpc, subnets) = client.default_network();
        let elb = |action, parameters: &[(&str, &str)]| {
            client.query("elasticloadbalancing", action, parameters).unwrap()
        };
        let balancer = elb(
            "CreateLoadBalancer",
            &[
                ("Name", "app"),
                ("Subnets.member.1", &subnets[0]),
                ("Subnets.member.2", &subnets[1]),
            ],
        );
        let group = elb(
            "CreateTargetGroup",
            &[
                ("Name", "app"),
                ("Protocol", "HTTP"),
                ("Port", "8000"),
                ("VpcId", &vpc),
                ("TargetType", "ip"),
                ("HealthCheckPath", "/etc/hostname"),
                ("HealthCheckIntervalSeconds", "5"),
                ("HealthCheckTimeoutSeconds", "3"),
            ],
        );
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let balancer = &balancer["LoadBalancers"][0];
        let group = text(&group["TargetGroups"][0]["TargetGroupArn"]);
        elb(
            "CreateListener",
            &[
                ("LoadBalancerArn", balancer["LoadBalancerArn"].as_str().unwrap()),
                ("Protocol", "HTTP"),
                ("Port", "80"),
                ("DefaultActions.member.1.Type", "forward"),
                ("DefaultActions.member.1.TargetGroupArn", &group),
            ],
        );
        let domain = text(&balancer["DNSName"]);
        let stack = Self { aws, image, group, domain };
        stack.create_service(&subnets);
        stack
    }

    fn create_service(&self, subnets: &[String]) {
        let breaker = json!({"enable": true, "rollback": true, "thresholdConfiguration":
            {"type": "COUNT", "value": 2}});
        let service = json!({
            "cluster": "app",
            "serviceName": "web",
            "taskDefinition": self.version("/"),
            "desiredCount": 1,
            "healthCheckGracePeriodSeconds": 30,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets}},
            "loadBalancers": [{"targetGroupArn": self.group, "containerName": "web",
                "containerPort": 8000}],
            "deploymentConfiguration": {"deploymentCircuitBreaker": breaker},
        });
        self.aws.client().json("ecs", "CreateService", &service).unwrap();
    }

    /// A task definition that serves this folder; healthy is who serves the root.
    fn version(&self, folder: &str) -> String {
        self.running(&["python3", "-m", "http.server", "--directory", folder, "8000"])
    }

    fn running(&self, command: &[&str]) -> String {
        let definition = json!({"family": "app", "networkMode": "awsvpc", "containerDefinitions":
            [{"name": "web", "image": self.image, "command": command}]});
        let made = self.aws.client().json("ecs", "RegisterTaskDefinition", &definition).unwrap();
        made["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    }

    fn update(&self, definition: &str) {
        let update = json!({"cluster": "app", "service": "web", "taskDefinition": definition});
        self.aws.client().json("ecs", "UpdateService", &update).unwrap();
    }

    /// Waits for a rollout's end while visitors come; answers the service's task definition.
    fn settle(&self) -> (String, Vec<String>) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut failures = Vec::new();
        while Instant::now() < deadline {
            let wanted = json!({"cluster": "app", "services": ["web"]});
            let found = self.aws.client().json("ecs", "DescribeServices", &wanted).unwrap();
            let service = &found["services"][0];
            let primary = &service["deployments"].as_array().unwrap().iter();
            let done = primary.clone().find(|one| one["status"] == "PRIMARY").unwrap();
            if done["rolloutState"] == "COMPLETED" {
                return (service["taskDefinition"].as_str().unwrap().to_owned(), failures);
            }
            failures.extend(self.visit().err());
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the rollout never ends: {:#?}", self.aws.account().kind("ecs service"));
    }

    /// What a WebSocket through the load balancer answers.
    fn talk(&self, message: &str) -> String {
        let address = self.aws.endpoint().replace("http://", "");
        let url = format!("ws://{}/", self.domain);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let (mut socket, _) = client_async(url, stream).await.unwrap();
            socket.send(Message::text(message)).await.unwrap();
            socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
        })
    }

    fn visit(&self) -> Result<String, String> {
        let port = self.aws.endpoint().rsplit(':').next().unwrap().to_owned();
        get(&format!("http://{}:{port}", self.domain), "/etc/hostname")
    }
}

/// Any image with an HTTP server in it will do.
fn push(aws: &Aws) -> String {
    let registry = aws.environment().into_iter().find(|(name, _)| *name == "MIZAN_AWS_REGISTRY");
    let image = format!("{}/app:v1", registry.unwrap().1);
    for arguments in [["tag", "python:3.12-slim", &image].as_slice(), &["push", "--quiet", &image]]
    {
        let done = Command::new("docker").args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    image
}

#[test]
fn rollouts_mind_health_visitors_see_no_failure_and_websockets_pass() {
    let stack = Stack::up();
    let first = stack.settle().0;
    stack.visit().unwrap();

    let second = stack.version("/");
    stack.update(&second);
    assert_eq!(stack.settle(), (second.clone(), Vec::new()));

    stack.update(&stack.version("/nowhere"));
    assert_eq!(stack.settle(), (second.clone(), Vec::new()));
    assert_ne!(first, second);
    let account = stack.aws.account();
    let told = account.kind("ecs service")[0].state["events"].to_string();
    assert!(told.contains("Health checks failed with these codes: [404]"), "{told}");

    let echo =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/websocket-echo.py"));
    stack.update(&stack.running(&["python3", "-c", echo]));
    stack.settle();
    assert_eq!(stack.talk("hello"), "hello");

    stack.aws.kill();
    assert!(!stack.aws.task_containers().is_empty());
    stack.aws.ensure();
    assert_eq!(stack.aws.task_containers(), Vec::<String>::new());
    stack.aws.account().expect_empty();
}
