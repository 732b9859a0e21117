//! What somebody changed by hand is told by the field, and repaired.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{light, plan, prefix};
use crate::{
    conformance::{App, Fargate, Platform},
    support::aws::{At, Aws, Client, Moment},
};

/// A change by hand.
struct Drift {
    /// The step that repairs it, by the beginning of its id.
    step: &'static str,
    /// The field that the plan names.
    field: &'static str,
    make: fn(&Hand<'_>),
}

/// Somebody with a console.
struct Hand<'a> {
    client: Client,
    platform: &'a Fargate,
    prefix: String,
}

impl Hand<'_> {
    fn elb(&self, action: &str, parameters: &[(&str, &str)]) -> Value {
        self.client.query("elasticloadbalancing", action, parameters).expect(action)
    }

    fn ecs(&self, action: &str, body: Value) -> Value {
        self.client.json("ecs", action, &body).expect(action)
    }

    /// The ARN, or for security groups the id, of what is called so.
    fn id(&self, kind: &str, name: &str, key: &str) -> String {
        let account = self.platform.aws().account_of(|it| it.contains(&self.prefix));
        let found = account.kind(kind).into_iter().find(|it| it.name == name);
        let found = found.unwrap_or_else(|| panic!("no {kind} {name}: {:?}", account.names()));
        found.state[key].as_str().expect("an id").to_owned()
    }

    fn service(&self) -> Value {
        json!({"cluster": self.prefix, "service": format!("{}-web", self.prefix)})
    }

    fn update_service(&self, change: &Value) {
        let mut update = self.service();
        for (key, value) in change.as_object().expect("fields") {
            update[key] = value.clone();
        }
        self.ecs("UpdateService", update);
    }

    fn ingress(&self, action: &str, group: &str, port: &str) {
        let id = self.id("ec2 security group", &format!("{}-{group}", self.prefix), "groupId");
        let parameters = [
            ("GroupId", id.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", port),
            ("IpPermissions.1.ToPort", port),
            ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
        ];
        self.client.query("ec2", action, &parameters).expect(action);
    }
}

const DRIFTS: [Drift; 13] = [
    Drift {
        step: "security-group/",
        field: "port 22 from 0.0.0.0/0",
        make: |hand| hand.ingress("AuthorizeSecurityGroupIngress", "tasks", "22"),
    },
    Drift {
        step: "security-group/",
        field: "port 80 from 0.0.0.0/0",
        make: |hand| hand.ingress("RevokeSecurityGroupIngress", "balancer", "80"),
    },
    Drift {
        step: "listener/80",
        field: "requests",
        make: |hand| {
            let arn = hand.id("elb listener", &format!("{}/80", hand.prefix), "ListenerArn");
            hand.elb(
                "ModifyListener",
                &[
                    ("ListenerArn", &arn),
                    ("DefaultActions.member.1.Type", "fixed-response"),
                    ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "503"),
                ],
            );
        },
    },
    Drift {
        step: "target-group/",
        field: "drain",
        make: |hand| {
            let name = format!("{}-web", hand.prefix);
            let arn = hand.id("elb target group", &name, "TargetGroupArn");
            hand.elb(
                "ModifyTargetGroupAttributes",
                &[
                    ("TargetGroupArn", &arn),
                    ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
                    ("Attributes.member.1.Value", "300"),
                ],
            );
        },
    },
    Drift {
        step: "target-group/",
        field: "health",
        make: |hand| {
            let name = format!("{}-web", hand.prefix);
            let arn = hand.id("elb target group", &name, "TargetGroupArn");
            hand.elb(
                "ModifyTargetGroup",
                &[("TargetGroupArn", &arn), ("HealthCheckPath", "/elsewhere")],
            );
        },
    },
    Drift {
        step: "load-balancer/",
        field: "idle_timeout",
        make: |hand| {
            let arn = hand.id("elb load balancer", &hand.prefix, "LoadBalancerArn");
            hand.elb(
                "ModifyLoadBalancerAttributes",
                &[
                    ("LoadBalancerArn", &arn),
                    ("Attributes.member.1.Key", "idle_timeout.timeout_seconds"),
                    ("Attributes.member.1.Value", "7"),
                ],
            );
        },
    },
    Drift {
        step: "log-group/",
        field: "log_retention",
        make: |hand| {
            let group = format!("/mizan/{}/aws", hand.platform.app());
            let body = json!({"logGroupName": group, "retentionInDays": 1});
            hand.client.json("logs", "PutRetentionPolicy", &body).expect("a policy");
        },
    },
    Drift {
        step: "role/",
        field: "allow ",
        make: |hand| {
            let role = format!("{}-execution", hand.prefix);
            let by_role = [("RoleName", role.as_str())];
            let policies = hand.client.query("iam", "ListRolePolicies", &by_role).expect("a list");
            let policy = policies["PolicyNames"][0].as_str().expect("a policy").to_owned();
            let both = [("RoleName", role.as_str()), ("PolicyName", policy.as_str())];
            hand.client.query("iam", "DeleteRolePolicy", &both).expect("it is deleted");
        },
    },
    Drift {
        step: "repository/",
        field: "lifecycle",
        make: |hand| {
            let name = json!({"repositoryName": format!("mizan/{}/aws", hand.platform.app())});
            hand.client.json("ecr", "DeleteLifecyclePolicy", &name).expect("it is deleted");
        },
    },
    Drift {
        step: "service/worker",
        field: "count",
        make: |hand| {
            let worker = format!("{}-worker", hand.prefix);
            hand.update_service(&json!({"service": worker, "desiredCount": 0}));
        },
    },
    Drift {
        step: "service/web",
        field: "cpu",
        make: |hand| {
            let found = hand.ecs(
                "DescribeServices",
                json!({"cluster": hand.prefix,
                "services": [format!("{}-web", hand.prefix)]}),
            );
            let definition = &found["services"][0]["taskDefinition"];
            let found = hand.ecs("DescribeTaskDefinition", json!({"taskDefinition": definition}));
            let mut changed = found["taskDefinition"].clone();
            changed["cpu"] = json!("512");
            changed["memory"] = json!("1024");
            let made = hand.ecs("RegisterTaskDefinition", changed);
            let arn = &made["taskDefinition"]["taskDefinitionArn"];
            hand.update_service(&json!({"taskDefinition": arn}));
        },
    },
    Drift {
        step: "service/web",
        field: "deployment.max",
        make: |hand| {
            let max = json!({"maximumPercent": 300, "minimumHealthyPercent": 100});
            hand.update_service(&json!({"deploymentConfiguration": max}));
        },
    },
    Drift {
        step: "scaling/web",
        field: "scale.max",
        make: |hand| {
            let resource = format!("service/{0}/{0}-web", hand.prefix);
            let target = json!({"ServiceNamespace": "ecs", "ResourceId": resource,
                "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1,
                "MaxCapacity": 7});
            let service = "application-autoscaling";
            hand.client.json(service, "RegisterScalableTarget", &target).expect("a target");
        },
    },
];

#[test]
fn drift_in_every_kind_is_told_by_its_field_and_repaired() {
    let platform = Fargate::on(Aws::shared());
    let app = App::version(1)
        .with_edit("drain: 5s", "drain: 5s, scale: {min: 1, max: 2, cpu: 50}")
        .with_edit(
            "  beat: {command: python manage.py beat, singleton: true, stop_timeout: 5s}\n",
            "",
        );
    platform.write(&app);
    platform.deploy().expect(0);
    let hand =
        Hand { client: platform.aws().client(), platform: &platform, prefix: prefix(&platform) };
    let mut wrong = Vec::new();
    for drift in DRIFTS {
        (drift.make)(&hand);
        let what = format!("{} {}", drift.step, drift.field);
        wrong.extend(told(&plan(&platform), &drift).err().map(|why| format!("{what}: {why}")));
        let repaired = platform.deploy();
        if repaired.code != Some(0) {
            wrong.push(format!("{what}: not repaired: {}", repaired.stderr));
        }
        let after = platform.deploy();
        if !after.stderr.contains("Nothing to change.") {
            wrong.push(format!("{what}: not repaired for good: {}", after.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(platform.serving().as_deref(), Ok("1"));
}

/// The plan has the step, and the step the field; and it is no new release.
fn told(plan: &Value, drift: &Drift) -> Result<(), String> {
    let steps = plan["steps"].as_array().expect("its steps");
    let id = |step: &Value| step["id"].as_str().unwrap_or_default().to_owned();
    if steps.iter().any(|step| id(step).starts_with("release/")) {
        return Err("a repair is no release".to_owned());
    }
    let step = steps.iter().find(|step| {
        id(step).starts_with(drift.step) && step["change"].to_string().contains(drift.field)
    });
    step.map(drop).ok_or_else(|| format!("not in the plan: {plan:#}"))
}

#[test]
fn what_was_deleted_by_hand_is_made_again() {
    let platform = light(Aws::shared());
    platform.write(&App::version(1));
    platform.deploy().expect(0);
    let hand =
        Hand { client: platform.aws().client(), platform: &platform, prefix: prefix(&platform) };
    let arn = hand.id("elb listener", &format!("{}/80", hand.prefix), "ListenerArn");
    hand.elb("DeleteListener", &[("ListenerArn", &arn)]);
    let mut force = hand.service();
    force["force"] = json!(true);
    hand.ecs("DeleteService", force);
    platform.deploy().expect(0);
    assert_eq!(platform.serving().as_deref(), Ok("1"));
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

/// Somebody deletes the worker when it runs already and the release is not recorded yet: status says
/// what is missing, and the next deploy makes it again.
#[test]
fn a_service_that_is_gone_before_it_is_recorded_is_missing_and_comes_back() {
    let platform = Fargate::on(Aws::shared());
    let beat = "  beat: {command: python manage.py beat, singleton: true, stop_timeout: 5s}\n";
    platform.write(&App::version(1).with_edit(beat, ""));
    let recording = Arc::new(AtomicBool::new(false));
    delete_worker_at_the_record(&platform, &recording);
    let mut run = platform.begin("");
    run.wait_for_step("release/r1");
    recording.store(true, Ordering::Relaxed);
    run.end().expect(0);
    platform.proxy().clear();

    let worker = || {
        let status = platform.run(&["status"]).expect(0).stdout;
        let row = status.lines().find(|row| row.trim_start().starts_with("worker"));
        row.unwrap_or_else(|| panic!("no worker in {status}")).to_owned()
    };
    assert!(worker().contains("missing: `mizan deploy` starts it again"), "{}", worker());
    assert!(plan(&platform)["steps"].to_string().contains("service/worker"));
    platform.deploy().expect(0);
    assert!(worker().contains("running"), "{}", worker());
    platform.deploy().expect(0).says(&["Nothing to change."]);
}

/// Strikes the write of the record. The lock's renewals are writes too, and no step: while the worker
/// is there, each is held for a moment, until it is known which it is.
fn delete_worker_at_the_record(platform: &Fargate, recording: &Arc<AtomicBool>) {
    let (client, cluster) = (platform.aws().client(), prefix(platform));
    let (worker, recording) = (format!("{cluster}-worker"), Arc::clone(recording));
    platform.proxy().on(At::From(Box::new(At::Call(1))), Moment::Before, move |call| {
        if call.name() != "s3:PutObject" {
            return;
        }
        let look = json!({"cluster": cluster, "services": [worker]});
        let found = client.json("ecs", "DescribeServices", &look).unwrap_or_default();
        let mut patience = 20;
        while found["services"][0]["status"] == "ACTIVE" && patience > 0 {
            if recording.load(Ordering::Relaxed) {
                let delete = json!({"cluster": cluster, "service": worker, "force": true});
                client.json("ecs", "DeleteService", &delete).expect("it is deleted");
                return;
            }
            thread::sleep(Duration::from_millis(100));
            patience -= 1;
        }
    });
}
