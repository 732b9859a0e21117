//! Everything that exists in an account, in one picture that can be compared with another.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Client, Refusal};

/// Something in an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Service and type, such as `ecs service`.
    pub kind: &'static str,
    /// How its owner calls it: a name or a path, never a generated id.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What the service tells about it.
    pub state: Value,
}

/// Everything that a deploy could make, sorted; what every account has from the start is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// By kind and name.
    pub resources: Vec<Resource>,
}

impl Account {
    /// Looks at everything.
    pub fn look(client: &Client) -> Self {
        Self::look_for(client, |_| true)
    }

    /// Looks at what has such a name, and at no more than the names of the rest: in an account that
    /// others use, that may be gone a moment later.
    pub fn look_for(client: &Client, wanted: impl Fn(&str) -> bool) -> Self {
        let mut look = Look { client: *client, wanted: &wanted, found: Vec::new() };
        look.containers();
        look.task_definitions();
        look.repositories();
        look.load_balancers();
        look.security_groups();
        look.roles();
        look.secrets();
        look.log_groups();
        look.certificates();
        look.buckets();
        look.scaling();
        look.found.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        Self { resources: look.found }
    }

    /// What exists: kind and name.
    pub fn names(&self) -> Vec<String> {
        self.resources
            .iter()
            .map(|resource| format!("{} {}", resource.kind, resource.name))
            .collect()
    }

    /// The resources of a kind.
    pub fn kind(&self, kind: &str) -> Vec<&Resource> {
        self.resources.iter().filter(|resource| resource.kind == kind).collect()
    }

    /// What this app has marked as its own.
    pub fn of_app(&self, app: &str) -> Vec<&Resource> {
        self.resources.iter().filter(|resource| resource.is_of(app)).collect()
    }

    /// What this app has not marked: it must be the same before and after whatever the app does.
    pub fn foreign(&self, app: &str) -> Vec<&Resource> {
        self.resources.iter().filter(|resource| !resource.is_of(app)).collect()
    }

    /// Fails the test unless nothing exists.
    #[track_caller]
    pub fn expect_empty(&self) {
        assert!(self.resources.is_empty(), "the account is not empty: {:#?}", self.names());
    }

    /// Fails the test unless nothing but these exists.
    #[track_caller]
    pub fn expect_only(&self, kinds: &[&str]) {
        let other = |resource: &&Resource| !kinds.contains(&resource.kind);
        let others: Vec<_> = self.resources.iter().filter(other).collect();
        assert!(others.is_empty(), "more exists than {kinds:?}: {others:#?}");
    }
}

impl Resource {
    fn is_of(&self, app: &str) -> bool {
        self.tags.get("mizan:app").is_some_and(|owner| owner == app)
    }
}

struct Look<'a> {
    client: Client,
    wanted: &'a dyn Fn(&str) -> bool,
    found: Vec<Resource>,
}

impl Look<'_> {
    fn add(&mut self, kind: &'static str, name: &str, tags: &Value, state: Value) {
        if !(self.wanted)(name) {
            return;
        }
        self.found.push(Resource { kind, name: name.to_owned(), tags: tags_of(tags), state });
    }

    /// Those of these whose details are wanted.
    fn wanted_of(&self, all: Vec<Value>, name: impl Fn(&Value) -> String) -> Vec<Value> {
        all.into_iter().filter(|it| (self.wanted)(&name(it))).collect()
    }

    fn json(&self, service: &str, action: &str, body: &Value) -> Value {
        expect(action, self.client.json(service, action, body))
    }

    fn query(&self, service: &str, action: &str, parameters: &[(&str, &str)]) -> Value {
        expect(action, self.client.query(service, action, parameters))
    }

    fn containers(&mut self) {
        let all = self.json("ecs", "ListClusters", &json!({}));
        let arns = self.wanted_of(list(&all["clusterArns"]), text);
        let wanted = json!({"clusters": arns, "include": ["TAGS", "SETTINGS"]});
        for mut cluster in list(&self.json("ecs", "DescribeClusters", &wanted)["clusters"]) {
            let name = text(&cluster["clusterName"]);
            self.services_of(&name);
            self.tasks_of(&name);
            // They change with what runs in it.
            for count in ["runningTasksCount", "pendingTasksCount", "activeServicesCount"] {
                cluster[count].take();
            }
            self.add("ecs cluster", &name, &cluster["tags"].clone(), cluster);
        }
    }

    fn services_of(&mut self, cluster: &str) {
        let all = self.json("ecs", "ListServices", &json!({"cluster": cluster}));
        let wanted =
            json!({"cluster": cluster, "services": all["serviceArns"], "include": ["TAGS"]});
        for service in list(&self.json("ecs", "DescribeServices", &wanted)["services"]) {
            let name = format!("{cluster}/{}", text(&service["serviceName"]));
            self.add("ecs service", &name, &service["tags"].clone(), service);
        }
    }

    /// Those that run on their own; a service's tasks are its own matter.
    fn tasks_of(&mut self, cluster: &str) {
        let all = self.json("ecs", "ListTasks", &json!({"cluster": cluster}));
        let wanted = json!({"cluster": cluster, "tasks": all["taskArns"], "include": ["TAGS"]});
        for task in list(&self.json("ecs", "DescribeTasks", &wanted)["tasks"]) {
            let group = text(&task["group"]);
            if !group.starts_with("service:") {
                let name = format!("{cluster}/{group}/{}", text(&task["startedBy"]));
                self.add("ecs task", &name, &task["tags"].clone(), task);
            }
        }
    }

    fn task_definitions(&mut self) {
        let mut arns = Vec::new();
        let mut page = json!({"maxResults": 100});
        loop {
            let found = self.json("ecs", "ListTaskDefinitions", &page);
            arns.extend(list(&found["taskDefinitionArns"]));
            match found["nextToken"].as_str() {
                Some(token) => page["nextToken"] = json!(token),
                None => break,
            }
        }
        for arn in self.wanted_of(arns, text) {
            let wanted = json!({"taskDefinition": arn, "include": ["TAGS"]});
            let answer = self.json("ecs", "DescribeTaskDefinition", &wanted);
            let definition = answer["taskDefinition"].clone();
            let name = format!("{}:{}", text(&definition["family"]), definition["revision"]);
            self.add("ecs task definition", &name, &answer["tags"], definition);
        }
    }

    fn repositories(&mut self) {
        let all = self.json("ecr", "DescribeRepositories", &json!({}));
        for mut repository in
            self.wanted_of(list(&all["repositories"]), |it| text(&it["repositoryName"]))
        {
            let name = text(&repository["repositoryName"]);
            let wanted = json!({"resourceArn": repository["repositoryArn"]});
            let tags = self.json("ecr", "ListTagsForResource", &wanted)["tags"].clone();
            let by_name = json!({"repositoryName": name});
            repository["images"] = self.json("ecr", "ListImages", &by_name)["imageIds"].clone();
            repository["lifecycle"] = self
                .client
                .json("ecr", "GetLifecyclePolicy", &by_name)
                .map_or(Value::Null, |answer| answer["lifecyclePolicyText"].clone());
            self.add("ecr repository", &name, &tags, repository);
        }
    }

    fn load_balancers(&mut self) {
        let service = "elasticloadbalancing";
        let all = list(&self.query(service, "DescribeLoadBalancers", &[])["LoadBalancers"]);
        for mut balancer in self.wanted_of(all, |it| text(&it["LoadBalancerName"])) {
            let (name, arn) =
                (text(&balancer["LoadBalancerName"]), text(&balancer["LoadBalancerArn"]));
            balancer["attributes"] = self.of_arn(
                service,
                "DescribeLoadBalancerAttributes",
                "LoadBalancerArn",
                &arn,
            )["Attributes"]
                .clone();
            let tags = self.balancing_tags(&arn);
            self.add("elb load balancer", &name, &tags, balancer);
            self.listeners_of(&name, &arn);
        }
        let all = list(&self.query(service, "DescribeTargetGroups", &[])["TargetGroups"]);
        for mut group in self.wanted_of(all, |it| text(&it["TargetGroupName"])) {
            let (name, arn) = (text(&group["TargetGroupName"]), text(&group["TargetGroupArn"]));
            group["attributes"] = self.of_arn(
                service,
                "DescribeTargetGroupAttributes",
                "TargetGroupArn",
                &arn,
            )["Attributes"]
                .clone();
            let tags = self.balancing_tags(&arn);
            self.add("elb target group", &name, &tags, group);
        }
    }

    fn listeners_of(&mut self, balancer: &str, arn: &str) {
        let service = "elasticloadbalancing";
        let listeners = self.of_arn(service, "DescribeListeners", "LoadBalancerArn", arn);
        for listener in list(&listeners["Listeners"]) {
            let name = format!("{balancer}/{}", text(&listener["Port"]));
            let arn = text(&listener["ListenerArn"]);
            let tags = self.balancing_tags(&arn);
            self.add("elb listener", &name, &tags, listener);
            let rules = self.of_arn(service, "DescribeRules", "ListenerArn", &arn);
            for rule in list(&rules["Rules"]) {
                if rule["IsDefault"] != "true" {
                    let name = format!("{name}/{}", text(&rule["Priority"]));
                    let tags = self.balancing_tags(&text(&rule["RuleArn"]));
                    self.add("elb rule", &name, &tags, rule);
                }
            }
        }
    }

    fn of_arn(&self, service: &str, action: &str, key: &str, arn: &str) -> Value {
        self.query(service, action, &[(key, arn)])
    }

    fn balancing_tags(&self, arn: &str) -> Value {
        let found =
            self.of_arn("elasticloadbalancing", "DescribeTags", "ResourceArns.member.1", arn);
        found["TagDescriptions"][0]["Tags"].clone()
    }

    fn security_groups(&mut self) {
        let all = self.query("ec2", "DescribeSecurityGroups", &[]);
        for group in list(&all["securityGroupInfo"]) {
            let name = text(&group["groupName"]);
            if name != "default" {
                self.add("ec2 security group", &name, &group["tagSet"].clone(), group);
            }
        }
    }

    fn roles(&mut self) {
        let all = list(&self.query("iam", "ListRoles", &[])["Roles"]);
        for mut role in self.wanted_of(all, |it| text(&it["RoleName"])) {
            // AWS makes those for its services, once per account.
            if text(&role["Path"]).starts_with("/aws-service-role/") {
                continue;
            }
            let name = text(&role["RoleName"]);
            let by_name = |action| self.query("iam", action, &[("RoleName", &name)]);
            let tags = by_name("ListRoleTags")["Tags"].clone();
            role["attached"] = by_name("ListAttachedRolePolicies")["AttachedPolicies"].clone();
            let policies = list(&by_name("ListRolePolicies")["PolicyNames"]).into_iter();
            let policies = policies.map(|policy| {
                let policy = text(&policy);
                let both = [("RoleName", name.as_str()), ("PolicyName", policy.as_str())];
                self.query("iam", "GetRolePolicy", &both)
            });
            role["policies"] = policies.collect();
            self.add("iam role", &name, &tags, role);
        }
    }

    fn secrets(&mut self) {
        let wanted = json!({"IncludePlannedDeletion": true, "MaxResults": 100});
        for secret in list(&self.json("secretsmanager", "ListSecrets", &wanted)["SecretList"]) {
            let pending = !secret["DeletedDate"].is_null();
            let kind = if pending { "secret pending deletion" } else { "secret" };
            self.add(kind, &text(&secret["Name"]), &secret["Tags"].clone(), secret);
        }
    }

    fn log_groups(&mut self) {
        let all = list(&self.json("logs", "DescribeLogGroups", &json!({}))["logGroups"]);
        for mut group in self.wanted_of(all, |it| text(&it["logGroupName"])) {
            let wanted = json!({"resourceArn": group["logGroupArn"]});
            let tags = self.json("logs", "ListTagsForResource", &wanted)["tags"].clone();
            group["storedBytes"].take(); // It grows by itself.
            self.add("log group", &text(&group["logGroupName"]), &tags, group);
        }
    }

    fn certificates(&mut self) {
        let all = self.json("acm", "ListCertificates", &json!({}));
        let all = list(&all["CertificateSummaryList"]);
        for certificate in self.wanted_of(all, |it| text(&it["DomainName"])) {
            let wanted = json!({"CertificateArn": certificate["CertificateArn"]});
            let tags = self.json("acm", "ListTagsForCertificate", &wanted)["Tags"].clone();
            self.add("certificate", &text(&certificate["DomainName"]), &tags, certificate);
        }
    }

    fn buckets(&mut self) {
        let all = expect("ListBuckets", self.client.s3("GET", "/"));
        for bucket in list(&all["Buckets"]["Bucket"]) {
            let name = text(&bucket["Name"]);
            let tags = self.client.s3("GET", &format!("/{name}?tagging"));
            let tags = tags.map_or(Value::Null, |found| found["TagSet"]["Tag"].clone());
            self.add("s3 bucket", &name, &tags, bucket);
            // Whoever comes last takes the bucket along.
            let Ok(objects) = self.client.s3("GET", &format!("/{name}?list-type=2")) else {
                continue;
            };
            for object in list(&objects["Contents"]) {
                let key = format!("{name}/{}", text(&object["Key"]));
                self.add("s3 object", &key, &Value::Null, object);
            }
        }
    }

    fn scaling(&mut self) {
        let service = "application-autoscaling";
        let ecs = json!({"ServiceNamespace": "ecs"});
        for target in list(&self.json(service, "DescribeScalableTargets", &ecs)["ScalableTargets"])
        {
            self.add("scalable target", &text(&target["ResourceId"]), &Value::Null, target);
        }
        for policy in list(&self.json(service, "DescribeScalingPolicies", &ecs)["ScalingPolicies"])
        {
            let name = format!("{}/{}", text(&policy["ResourceId"]), text(&policy["PolicyName"]));
            self.add("scaling policy", &name, &Value::Null, policy);
        }
    }
}

fn expect(action: &str, answer: Result<Value, Refusal>) -> Value {
    answer.unwrap_or_else(|refusal| panic!("{action}: {} {}", refusal.status, refusal.body))
}

/// A list that may be absent, and, in XML without `member`, may be its only element.
fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(several) => several.clone(),
        Value::Object(_) => vec![value.clone()],
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Tags come as a map, or as pairs in two spellings.
fn tags_of(value: &Value) -> BTreeMap<String, String> {
    if let Value::Object(map) = value
        && !map.contains_key("Key")
        && !map.contains_key("key")
    {
        return map.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    }
    let pair = |tag: Value| {
        let of = |small: &str, large: &str| {
            tag.get(small).or_else(|| tag.get(large)).map(text).unwrap_or_default()
        };
        (of("key", "Key"), of("value", "Value"))
    };
    list(value).into_iter().map(pair).collect()
}
