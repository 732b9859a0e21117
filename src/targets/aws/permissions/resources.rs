//! The resources of an environment, as policies name them, and the conditions that keep a policy to
//! them where names cannot.

use serde_json::{Value, json};

use crate::{
    check::Gate,
    model::{App, AwsTarget},
    targets::aws::names::{Scope, Tags},
};

/// An environment, as far as permissions differ from one to the other.
#[derive(Debug, Clone)]
pub struct Environment<'a> {
    /// Whose it is, in which account and region.
    pub scope: &'a Scope,
    /// The cluster that `mizan.yaml` names, if it names one.
    pub cluster: Option<&'a str>,
    /// The ARN of the load balancer that it names, likewise.
    pub balancer: Option<&'a str>,
    /// The ARNs of the roles that it names.
    pub roles: Vec<&'a str>,
    /// The ARNs of the secrets and parameters that it refers to.
    pub references: Vec<&'a str>,
    /// The origin has a certificate of its own.
    pub https: bool,
    /// A service scales by itself.
    pub scaling: bool,
    /// A new release is checked before visitors are sent there.
    pub check: bool,
}

impl<'a> Environment<'a> {
    /// What `mizan.yaml` says about it.
    pub fn of(scope: &'a Scope, app: &'a App, target: &'a AwsTarget) -> Self {
        let roles = [&target.execution_role, &target.task_role];
        Self {
            scope,
            cluster: target.cluster.as_deref(),
            balancer: target.load_balancer.as_deref(),
            roles: roles.into_iter().flatten().map(String::as_str).collect(),
            references: app.secrets.values().filter_map(|it| it.from.as_deref()).collect(),
            https: app.domain.is_some() && target.certificate.is_none(),
            scaling: app.services.values().any(|service| service.scale.max > service.scale.min),
            check: app.web().is_some() && Gate::of(app).is_some(),
        }
    }

    /// True if `mizan.yaml` refers to a secret or parameter of this service.
    pub(super) fn refers_to(&self, service: &str) -> bool {
        self.references.iter().any(|arn| arn.contains(service))
    }

    /// The ARNs of the secrets, without the key, stage and version that ECS takes behind them.
    fn given_secrets(&self) -> Vec<String> {
        let secrets = self.references.iter().filter(|arn| arn.contains(":secretsmanager:"));
        secrets.map(|arn| arn.splitn(8, ':').take(7).collect::<Vec<_>>().join(":")).collect()
    }
}

/// Resources, with the conditions under which they are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Nothing: everybody may.
    Free,
    /// Everything: these actions list, or AWS knows no resources for them.
    Any,
    /// The ledger's bucket.
    Bucket,
    /// The ledger of this environment in it.
    Objects,
    /// The ECR repository.
    Repository,
    /// The two roles of its tasks.
    Roles,
    /// Its roles, passed on to tasks and to nothing else.
    PassedRoles,
    /// The roles that AWS itself has in an account.
    ServiceLinkedRoles,
    /// Any VPC, to make a group in it.
    Vpcs,
    /// Security groups that are made with our tags.
    NewGroups,
    /// The tags of a group that is being made.
    NewGroupTags,
    /// Security groups with our tags.
    Groups,
    /// The log group.
    LogGroup,
    /// The secrets of the environment.
    Secrets,
    /// The secrets of others that `mizan.yaml` refers to.
    GivenSecrets,
    /// The load balancer.
    Balancer,
    /// The target group, and that of checks.
    TargetGroup,
    /// That of checks.
    CheckGroup,
    /// The load balancer's listeners.
    Listeners,
    /// Their rules.
    Rules,
    /// Certificates that are asked for with our tags.
    NewCertificates,
    /// All certificates, to see whose they are.
    AllCertificates,
    /// Certificates with our tags.
    Certificates,
    /// The cluster.
    Cluster,
    /// What is in the cluster.
    InCluster,
    /// Its services, as far as they are ours by name.
    Services,
    /// Our task definitions.
    TaskDefinitions,
    /// The same, run in the cluster.
    RunDefinitions,
    /// The tasks in the cluster.
    Tasks,
    /// Scalable targets of ECS.
    ScalableTargets,
    /// The alarms that AWS makes for a scaling policy.
    Alarms,
    /// Whoever asks.
    Principals,
}

impl On {
    /// The statement's name in a policy.
    pub fn sid(self) -> String {
        match self {
            Self::Any => "WithoutResources".to_owned(),
            other => format!("{other:?}"),
        }
    }

    /// False for what was given and is never made or changed: its permissions are not needed.
    pub(super) fn is_ours(self, environment: &Environment<'_>) -> bool {
        match self {
            Self::Roles => environment.roles.len() < 2,
            _ => true,
        }
    }

    /// The ARNs, with asterisks where ids are made up by AWS.
    pub fn resources(self, environment: &Environment<'_>) -> Vec<String> {
        let Environment { scope, .. } = environment;
        let ec2 = |kind: &str| vec![scope.arn("ec2", &format!("{kind}/*"))];
        let elb =
            |kind: &str, rest: &str| {
                vec![scope.arn(
                    "elasticloadbalancing",
                    &format!("{kind}/{}{rest}", balancer(environment)),
                )]
            };
        let ecs = |resource: String| vec![scope.arn("ecs", &resource)];
        let own = scope.prefix();
        let cluster = cluster(environment);
        match self {
            Self::Free => Vec::new(),
            Self::Any | Self::NewCertificates | Self::InCluster => vec!["*".to_owned()],
            Self::Bucket => vec![bucket(scope)],
            Self::Objects => vec![format!("{}/{}/*", bucket(scope), scope.ledger_prefix())],
            Self::Repository => {
                vec![scope.arn("ecr", &format!("repository/{}", scope.repository()))]
            }
            Self::Roles => own_roles(scope),
            Self::PassedRoles => passed_roles(environment),
            Self::ServiceLinkedRoles => vec![scope.role_arn("aws-service-role/*")],
            Self::Vpcs => ec2("vpc"),
            Self::NewGroups | Self::NewGroupTags | Self::Groups => ec2("security-group"),
            Self::LogGroup => {
                let group = scope.arn("logs", &format!("log-group:{}", scope.log_group()));
                vec![format!("{group}:*"), group]
            }
            Self::Secrets => {
                vec![scope.arn("secretsmanager", &format!("secret:{}/*", scope.secrets_prefix()))]
            }
            Self::GivenSecrets => environment.given_secrets(),
            Self::Balancer => elb("loadbalancer/app", "/*"),
            Self::Listeners => elb("listener/app", "/*"),
            Self::Rules => elb("listener-rule/app", "/*"),
            Self::TargetGroup => {
                let checked = environment.check.then(|| scope.check_group());
                let names = [scope.target_group()].into_iter().chain(checked);
                names.map(|name| target_group(scope, &name)).collect()
            }
            Self::CheckGroup => vec![target_group(scope, &scope.check_group())],
            Self::AllCertificates | Self::Certificates => vec![scope.arn("acm", "certificate/*")],
            Self::Cluster => ecs(format!("cluster/{cluster}")),
            Self::Services => ecs(format!("service/{cluster}/{own}-*")),
            Self::TaskDefinitions | Self::RunDefinitions => {
                ecs(format!("task-definition/{own}-*:*"))
            }
            Self::Tasks => ecs(format!("task/{cluster}/*")),
            Self::ScalableTargets => {
                vec![scope.arn("application-autoscaling", "scalable-target/*")]
            }
            Self::Alarms => {
                let alarm = format!("alarm:TargetTracking-service/{cluster}/{own}-*");
                vec![scope.arn("cloudwatch", &alarm)]
            }
            Self::Principals => vec![scope.role_arn("*")],
        }
    }

    /// The conditions of a policy's statement.
    pub fn conditions(self, environment: &Environment<'_>) -> Option<Value> {
        let Environment { scope, .. } = environment;
        match self {
            Self::PassedRoles => Some(json!({
                "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
            })),
            Self::ServiceLinkedRoles => Some(json!({
                "StringEquals": {"iam:AWSServiceName": [
                    "ecs.amazonaws.com",
                    "elasticloadbalancing.amazonaws.com",
                    "ecs.application-autoscaling.amazonaws.com",
                ]}
            })),
            Self::NewGroups | Self::NewCertificates => Some(tagged("aws:RequestTag", scope)),
            Self::Groups | Self::Certificates => Some(tagged("aws:ResourceTag", scope)),
            Self::NewGroupTags => Some(json!({
                "StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}
            })),
            Self::InCluster | Self::RunDefinitions => {
                let cluster = scope.arn("ecs", &format!("cluster/{}", cluster(environment)));
                Some(json!({"ArnEquals": {"ecs:cluster": cluster}}))
            }
            Self::ScalableTargets => Some(json!({
                "StringEquals": {"application-autoscaling:service-namespace": "ecs"}
            })),
            _ => None,
        }
    }
}

fn tagged(key: &str, scope: &Scope) -> Value {
    json!({"StringEquals": {
        format!("{key}/{}", Tags::APP): scope.app.to_string(),
        format!("{key}/{}", Tags::ENV): scope.env.to_string(),
    }})
}

/// Buckets have neither account nor region in their ARNs.
fn bucket(scope: &Scope) -> String {
    format!("arn:{}:s3:::{}", scope.partition, scope.bucket())
}

fn cluster(environment: &Environment<'_>) -> String {
    environment.cluster.map_or_else(|| environment.scope.cluster(), str::to_owned)
}

/// The load balancer's name; with its id, if it was given by its ARN.
fn balancer(environment: &Environment<'_>) -> String {
    let given = environment.balancer.and_then(|arn| arn.split_once(":loadbalancer/app/"));
    given.map_or_else(|| environment.scope.balancer(), |(_, name)| name.to_owned())
}

fn target_group(scope: &Scope, name: &str) -> String {
    scope.arn("elasticloadbalancing", &format!("targetgroup/{name}/*"))
}

fn own_roles(scope: &Scope) -> Vec<String> {
    vec![scope.role_arn(&scope.execution_role()), scope.role_arn(&scope.task_role())]
}

fn passed_roles(environment: &Environment<'_>) -> Vec<String> {
    let given = environment.roles.iter().map(|arn| (*arn).to_owned());
    match environment.roles.len() {
        2 => given.collect(),
        _ => own_roles(environment.scope).into_iter().chain(given).collect(),
    }
}
