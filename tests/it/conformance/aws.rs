//! The AWS target: everything in an account that bears the app's name, and the app through its load
//! balancer. All tests of a run share one account; each has an app of its own in it.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use super::{App, Fact, Platform, World, platform::Cloud};
use crate::support::{
    Sandbox,
    aws::{Aws, Proxy, Resource},
};

/// What runs beside the web service, as the fixture writes it.
const BESIDE: [&str; 2] = [
    "  worker: {command: python manage.py worker, stop_timeout: 5s}\n",
    "  beat: {command: python manage.py beat, singleton: true, stop_timeout: 5s}\n",
];

/// What the fixture has for the local target only, and what AWS needs instead.
const OWN: [(&str, &str); 3] = [
    (", volumes: {data: /app/data}", ""),
    ("render: {bundle: /app/bundle.js, assets: /app/static}\n", ""),
    ("local: {target: local}", "aws: {target: {aws: {region: eu-west-1}}}"),
];

/// An environment in the account of this run.
pub struct Fargate {
    sandbox: Sandbox,
    proxy: Proxy,
    aws: Aws,
    light: AtomicBool,
}

impl Default for Fargate {
    fn default() -> Self {
        Self::on(Aws::shared())
    }
}

impl Fargate {
    /// An environment in this account.
    pub fn on(aws: Aws) -> Self {
        Self::with(aws, Vec::new())
    }

    /// The same, with more in the environment of `mizan`.
    pub fn with(aws: Aws, more: Vec<(&'static str, String)>) -> Self {
        let proxy = aws.proxy();
        let environment = [aws.environment_by(&proxy), more].concat();
        let sandbox = Sandbox::new("conformance-app").with_environment(environment);
        Self { sandbox, proxy, aws, light: AtomicBool::default() }
    }

    /// The account.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// What every call passes on its way; it can strike them.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The app's name.
    pub fn app(&self) -> String {
        self.sandbox.name().to_owned()
    }

    /// The app has but its web service.
    pub fn without_beside(&self) {
        self.light.store(true, Ordering::Relaxed);
    }

    /// The source becomes this app, with more replacements in its `mizan.yaml`.
    pub fn write_as(&self, app: &App, more: &[(&str, &str)]) {
        let root = self.sandbox.app();
        let fixture =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/conformance-app"));
        let original = |name| fs::read_to_string(fixture.join(name)).expect("the fixture");
        let mut config = original("mizan.yaml");
        let name = format!("app: {}", self.sandbox.name());
        let own = [("app: conformance", name.as_str())];
        for (from, to) in OWN.iter().chain(&own).chain(&app.edits).chain(more) {
            assert!(config.contains(from), "{from:?} is not in mizan.yaml");
            config = config.replace(from, to);
        }
        if self.light.load(Ordering::Relaxed) {
            BESIDE.iter().for_each(|service| config = config.replace(service, ""));
        }
        let state = json!({"version": app.version, "fault": app.fault}).to_string();
        let dockerfile = app.dockerfile(&original("Dockerfile"));
        for (name, text) in
            [("mizan.yaml", config), ("app.json", state), ("Dockerfile", dockerfile)]
        {
            fs::write(root.join(name), text).expect("a file of the app");
        }
    }

    /// Something in a file of the source becomes something else.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.sandbox.app().join(file);
        let text = fs::read_to_string(&path).expect("a file of the app");
        assert!(text.contains(from), "{from:?} is not in {file}");
        fs::write(&path, text.replacen(from, to, 1)).expect("a file of the app");
    }

    /// The name of the app's load balancer, if it has one.
    pub fn dns(&self) -> Result<String, String> {
        let name = format!("mizan-{}-aws", self.sandbox.name());
        let by_name = [("Names.member.1", name.as_str())];
        let found =
            self.aws.client().query("elasticloadbalancing", "DescribeLoadBalancers", &by_name);
        let found = found.map_err(|refusal| refusal.body)?;
        let dns = found["LoadBalancers"][0]["DNSName"].as_str();
        Ok(dns.expect("a name").to_owned())
    }

    /// What a visitor gets.
    pub fn get(&self, path: &str) -> Result<String, String> {
        self.aws.visit(&self.dns()?, path)
    }
}

impl Platform for Fargate {
    const NAME: &'static str = "aws";
    const STAGES: &'static [&'static str] = &["service/web"];
    const KEPT: Option<&'static str> = Some("secret ");
    const FOREIGN: (i32, &'static str) = (1, "does not belong to this environment");
    const STRIDE: usize = 5;

    fn write(&self, app: &App) {
        self.write_as(app, &[]);
    }

    fn mizan(&self, arguments: &[&str]) -> Command {
        self.sandbox.mizan(arguments)
    }

    fn world(&self) -> World {
        let app = self.sandbox.name();
        let ours = self.aws.account_of(|name| mentions(name, app)).resources;
        let live = self.live();
        let running = ours.iter().filter(|it| it.kind == "ecs service" && !is_stopped(it));
        let mut services: Vec<String> =
            running.filter_map(|it| it.tags.get("mizan:service").cloned()).collect();
        services.sort();
        // A secret that is going away is gone; revisions are the history, which grows; and what the
        // lock leaves lying tells nothing, as long as it goes with the ledger.
        let counts = |it: &Resource| match it.kind {
            "secret pending deletion" => false,
            "ecs task definition" => live.is_none() || is_of(it, live),
            "s3 object" => live.is_none() || !it.name.contains("/lock."),
            _ => true,
        };
        let ours: Vec<_> = ours.into_iter().filter(counts).collect();
        World { facts: ours.iter().map(|it| fact(it, live)).collect(), live, services }
    }

    fn serving(&self) -> Result<String, String> {
        self.get("/version")
    }

    fn squat(&self) -> String {
        let name = format!("mizan-{}-aws-execution", self.sandbox.name());
        let trust = r#"{"Version": "2012-10-17", "Statement": []}"#;
        let role = [("RoleName", name.as_str()), ("AssumeRolePolicyDocument", trust)];
        self.aws.client().query("iam", "CreateRole", &role).expect("a role");
        name
    }

    fn unsquat(&self, what: &str) -> bool {
        self.aws.client().query("iam", "DeleteRole", &[("RoleName", what)]).is_ok()
    }

    fn lighten(&self) {
        self.without_beside();
    }
}

impl Cloud for Fargate {
    type Striker = Proxy;

    fn striker(&self) -> &Proxy {
        &self.proxy
    }

    fn app(&self) -> &str {
        self.sandbox.name()
    }
}

impl Fargate {
    /// The release that the ledger calls live.
    fn live(&self) -> Option<u32> {
        let path = format!("/{}/{}/aws/current.json", self.aws.bucket(), self.sandbox.name());
        let current = self.aws.client().s3_text(&path).ok()?;
        let current: Value = serde_json::from_str(&current).expect("JSON");
        current["release"].as_u64().and_then(|release| release.try_into().ok())
    }
}

/// True if this app's name is in that of a resource; everything of an app is called by it.
fn mentions(name: &str, app: &str) -> bool {
    let mut rest = name.split(app).skip(1);
    rest.any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// True if it was made for this release.
fn is_of(resource: &Resource, release: Option<u32>) -> bool {
    resource.tags.get("mizan:release") == release.map(|release| format!("r{release}")).as_ref()
}

fn is_stopped(service: &Resource) -> bool {
    service.state["status"] != "ACTIVE" || service.state["desiredCount"] == 0
}

/// What compares with another deploy is what was asked for; ids, times and counts are its identity
/// or nobody's.
fn fact(resource: &Resource, live: Option<u32>) -> Fact {
    let state = &resource.state;
    let cached = match resource.kind {
        "ecs task definition" => !is_of(resource, live),
        "ecr repository" | "log group" => true,
        "s3 object" => resource.name.contains("/lock."),
        _ => false,
    };
    let mut name = resource.name.clone();
    if resource.kind == "ecs task definition" {
        name = name.rsplit_once(':').map(|(family, _)| family.to_owned()).expect("a revision");
    }
    let tags: BTreeMap<_, _> =
        resource.tags.iter().filter(|(key, _)| *key != "mizan:spec").collect();
    let what = format!("{} {name} {tags:?}: {}", resource.kind, essence(resource.kind, state));
    Fact { what, which: arn(state), cached }
}

/// What was asked for, without what the service made up.
fn essence(kind: &str, state: &Value) -> String {
    let fields: &[&str] = match kind {
        "ecs service" => &[
            "status",
            "desiredCount",
            "runningCount",
            "launchType",
            "deploymentConfiguration",
            "healthCheckGracePeriodSeconds",
        ],
        "ecs task definition" => &["cpu", "memory", "networkMode", "status"],
        "elb load balancer" => &["Scheme", "Type", "AvailabilityZones", "attributes"],
        "elb target group" => &[
            "Protocol",
            "Port",
            "TargetType",
            "HealthCheckPath",
            "HealthCheckIntervalSeconds",
            "HealthCheckTimeoutSeconds",
            "Matcher",
            "attributes",
        ],
        "elb listener" => &["Protocol", "Port"],
        "elb rule" => &["Conditions", "Priority"],
        "iam role" => &["AssumeRolePolicyDocument", "attached"],
        "log group" => &["retentionInDays"],
        "ecr repository" => &["imageTagMutability", "lifecycle"],
        "scalable target" => &["MinCapacity", "MaxCapacity"],
        "scaling policy" => &["TargetTrackingScalingPolicyConfiguration"],
        "ecs cluster" => &["status", "settings"],
        _ => &[],
    };
    fields.iter().map(|field| format!("{field}={} ", state[*field])).collect()
}

/// Which one it is: its ARN, with its revision and its release where it has those.
fn arn(state: &Value) -> String {
    let keys = [
        "serviceArn",
        "taskDefinitionArn",
        "clusterArn",
        "LoadBalancerArn",
        "TargetGroupArn",
        "ListenerArn",
        "RuleArn",
        "Arn",
        "ARN",
        "groupId",
        "repositoryArn",
        "logGroupArn",
    ];
    let found = keys.iter().find_map(|key| state[*key].as_str());
    let runs = state["taskDefinition"].as_str().unwrap_or_default();
    format!("{} {runs}", found.unwrap_or_default())
}
