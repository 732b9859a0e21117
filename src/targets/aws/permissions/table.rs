//! The table: every action, its resources, and what needs it. A test holds it against the calls of
//! recorded runs, in both directions.

use super::{Asked, On, Permission, Purpose};

const fn call(action: &'static str, on: On, purpose: Purpose) -> Permission {
    Permission { action, on, purpose, asked: Asked::Call }
}

const fn named(
    action: &'static str,
    calls: &'static [&'static str],
    on: On,
    purpose: Purpose,
) -> Permission {
    Permission { action, on, purpose, asked: Asked::Named(calls) }
}

const fn implied(action: &'static str, why: &'static str, on: On, purpose: Purpose) -> Permission {
    Permission { action, on, purpose, asked: Asked::Implied(why) }
}

const PUSH: &str = "docker push";
const TAGGED: &str = "made with tags";

/// Everything that may have to be allowed.
pub const TABLE: &[Permission] = {
    use On::{
        Alarms, AllCertificates, Any, Balancer, Bucket, Certificates, CheckGroup, Cluster, Free,
        GivenSecrets, Groups, InCluster, Listeners, LogGroup, NewCertificates, NewGroupTags,
        NewGroups, Objects, PassedRoles, Principals, Repository, Roles, Rules, RunDefinitions,
        ScalableTargets, Secrets, ServiceLinkedRoles, Services, TargetGroup, TaskDefinitions,
        Tasks, Vpcs,
    };
    use Purpose as For;
    &[
        call("sts:GetCallerIdentity", Free, For::Account),
        call("s3:CreateBucket", Bucket, For::Ledger),
        call("s3:DeleteBucket", Bucket, For::Ledger),
        named("s3:ListBucket", &["s3:ListObjectsV2", "s3:HeadBucket"], Bucket, For::Ledger),
        call("s3:GetBucketTagging", Bucket, For::Ledger),
        call("s3:PutBucketTagging", Bucket, For::Ledger),
        named("s3:PutBucketPublicAccessBlock", &["s3:PutPublicAccessBlock"], Bucket, For::Ledger),
        named("s3:GetObject", &["s3:GetObject", "s3:HeadObject"], Objects, For::Ledger),
        call("s3:PutObject", Objects, For::Ledger),
        named("s3:DeleteObject", &["s3:DeleteObject", "s3:DeleteObjects"], Objects, For::Ledger),
        call("ecr:GetAuthorizationToken", Any, For::Image),
        call("ecr:CreateRepository", Repository, For::Image),
        call("ecr:DeleteRepository", Repository, For::Image),
        call("ecr:DescribeRepositories", Repository, For::Image),
        implied("ecr:TagResource", TAGGED, Repository, For::Image),
        call("ecr:ListTagsForResource", Repository, For::Image),
        call("ecr:PutImageTagMutability", Repository, For::Image),
        call("ecr:GetLifecyclePolicy", Repository, For::Image),
        call("ecr:PutLifecyclePolicy", Repository, For::Image),
        call("ecr:DeleteLifecyclePolicy", Repository, For::Image),
        call("ecr:DescribeImages", Repository, For::Image),
        call("ecr:BatchDeleteImage", Repository, For::Image),
        implied("ecr:BatchCheckLayerAvailability", PUSH, Repository, For::Image),
        implied("ecr:InitiateLayerUpload", PUSH, Repository, For::Image),
        implied("ecr:UploadLayerPart", PUSH, Repository, For::Image),
        implied("ecr:CompleteLayerUpload", PUSH, Repository, For::Image),
        implied("ecr:PutImage", PUSH, Repository, For::Image),
        implied(
            "ecr:BatchGetImage",
            "docker pull, of an image whose artifacts are not here",
            Repository,
            For::Image,
        ),
        implied("ecr:GetDownloadUrlForLayer", "docker pull", Repository, For::Image),
        call("iam:CreateRole", Roles, For::Roles),
        call("iam:DeleteRole", Roles, For::Roles),
        call("iam:GetRole", Roles, For::Roles),
        implied("iam:TagRole", TAGGED, Roles, For::Roles),
        call("iam:ListRoleTags", Roles, For::Roles),
        call("iam:UpdateAssumeRolePolicy", Roles, For::Roles),
        call("iam:ListRolePolicies", Roles, For::Roles),
        call("iam:GetRolePolicy", Roles, For::Roles),
        call("iam:PutRolePolicy", Roles, For::Roles),
        call("iam:DeleteRolePolicy", Roles, For::Roles),
        call("iam:ListAttachedRolePolicies", Roles, For::Roles),
        call("iam:DetachRolePolicy", Roles, For::Roles),
        implied("iam:PassRole", "a task definition names its roles", PassedRoles, For::Roles),
        implied(
            "iam:CreateServiceLinkedRole",
            "the first cluster, load balancer or scalable target of an account",
            ServiceLinkedRoles,
            For::Roles,
        ),
        call("ec2:DescribeVpcs", Any, For::Network),
        call("ec2:DescribeSubnets", Any, For::Network),
        call("ec2:DescribeRouteTables", Any, For::Network),
        call("ec2:DescribeAvailabilityZones", Any, For::Network),
        call("ec2:DescribeSecurityGroups", Any, For::Network),
        call("ec2:DescribeNetworkInterfaces", Any, For::Network),
        call("ec2:CreateSecurityGroup", NewGroups, For::Network),
        implied("ec2:CreateSecurityGroup", "a group is made in a VPC", Vpcs, For::Network),
        implied("ec2:CreateTags", TAGGED, NewGroupTags, For::Network),
        call("ec2:AuthorizeSecurityGroupIngress", Groups, For::Network),
        call("ec2:RevokeSecurityGroupIngress", Groups, For::Network),
        call("ec2:DeleteSecurityGroup", Groups, For::Network),
        call("logs:DescribeLogGroups", Any, For::Logs),
        call("logs:CreateLogGroup", LogGroup, For::Logs),
        call("logs:DeleteLogGroup", LogGroup, For::Logs),
        implied("logs:TagResource", TAGGED, LogGroup, For::Logs),
        call("logs:ListTagsForResource", LogGroup, For::Logs),
        call("logs:PutRetentionPolicy", LogGroup, For::Logs),
        call("logs:DeleteRetentionPolicy", LogGroup, For::Logs),
        call("logs:GetLogEvents", LogGroup, For::Logs),
        call("secretsmanager:ListSecrets", Any, For::Secrets),
        call("secretsmanager:CreateSecret", Secrets, For::Secrets),
        implied("secretsmanager:TagResource", TAGGED, Secrets, For::Secrets),
        call("secretsmanager:DescribeSecret", Secrets, For::Secrets),
        call("secretsmanager:GetSecretValue", Secrets, For::Secrets),
        call("secretsmanager:PutSecretValue", Secrets, For::Secrets),
        call("secretsmanager:RestoreSecret", Secrets, For::Secrets),
        call("secretsmanager:DeleteSecret", Secrets, For::Secrets),
        implied(
            "secretsmanager:DescribeSecret",
            "the call, about a secret of others",
            GivenSecrets,
            For::GivenSecrets,
        ),
        call("ssm:DescribeParameters", Any, For::GivenParameters),
        call("elasticloadbalancing:DescribeLoadBalancers", Any, For::Traffic),
        call("elasticloadbalancing:DescribeLoadBalancerAttributes", Any, For::Traffic),
        call("elasticloadbalancing:DescribeTargetGroups", Any, For::Traffic),
        call("elasticloadbalancing:DescribeTargetGroupAttributes", Any, For::Traffic),
        call("elasticloadbalancing:DescribeListeners", Any, For::Traffic),
        call("elasticloadbalancing:DescribeRules", Any, For::Traffic),
        call("elasticloadbalancing:DescribeTags", Any, For::Traffic),
        call("elasticloadbalancing:DescribeTargetHealth", Any, For::Traffic),
        call("elasticloadbalancing:CreateLoadBalancer", Balancer, For::Traffic),
        call("elasticloadbalancing:ModifyLoadBalancerAttributes", Balancer, For::Traffic),
        call("elasticloadbalancing:SetSecurityGroups", Balancer, For::Traffic),
        call("elasticloadbalancing:SetSubnets", Balancer, For::Traffic),
        call("elasticloadbalancing:DeleteLoadBalancer", Balancer, For::Traffic),
        call("elasticloadbalancing:CreateListener", Balancer, For::Traffic),
        implied("elasticloadbalancing:AddTags", TAGGED, Balancer, For::Traffic),
        call("elasticloadbalancing:CreateTargetGroup", TargetGroup, For::Traffic),
        call("elasticloadbalancing:ModifyTargetGroup", TargetGroup, For::Traffic),
        call("elasticloadbalancing:ModifyTargetGroupAttributes", TargetGroup, For::Traffic),
        call("elasticloadbalancing:DeleteTargetGroup", TargetGroup, For::Traffic),
        implied("elasticloadbalancing:AddTags", TAGGED, TargetGroup, For::Traffic),
        call("elasticloadbalancing:ModifyListener", Listeners, For::Traffic),
        call("elasticloadbalancing:DeleteListener", Listeners, For::Traffic),
        call("elasticloadbalancing:CreateRule", Listeners, For::Traffic),
        implied("elasticloadbalancing:AddTags", TAGGED, Listeners, For::Traffic),
        call("elasticloadbalancing:ModifyRule", Rules, For::Traffic),
        call("elasticloadbalancing:DeleteRule", Rules, For::Traffic),
        implied("elasticloadbalancing:AddTags", TAGGED, Rules, For::Traffic),
        call("acm:ListCertificates", Any, For::Certificate),
        call("acm:RequestCertificate", NewCertificates, For::Certificate),
        implied("acm:AddTagsToCertificate", TAGGED, Certificates, For::Certificate),
        call("acm:ListTagsForCertificate", AllCertificates, For::Certificate),
        call("acm:DescribeCertificate", Certificates, For::Certificate),
        call("acm:DeleteCertificate", Certificates, For::Certificate),
        call("ecs:CreateCluster", Cluster, For::Services),
        call("ecs:DescribeClusters", Cluster, For::Services),
        call("ecs:DeleteCluster", Cluster, For::Services),
        implied("ecs:TagResource", TAGGED, Cluster, For::Services),
        call("ecs:ListServices", InCluster, For::Services),
        call("ecs:ListTasks", InCluster, For::Services),
        call("ecs:CreateService", Services, For::Services),
        call("ecs:DescribeServices", Services, For::Services),
        call("ecs:UpdateService", Services, For::Services),
        call("ecs:DeleteService", Services, For::Services),
        call("ecs:TagResource", Services, For::Services),
        call("ecs:ListTaskDefinitionFamilies", Any, For::Services),
        call("ecs:ListTaskDefinitions", Any, For::Services),
        call("ecs:DescribeTaskDefinition", Any, For::Services),
        call("ecs:DeregisterTaskDefinition", Any, For::Services),
        call("ecs:RegisterTaskDefinition", TaskDefinitions, For::Services),
        call("ecs:DeleteTaskDefinitions", TaskDefinitions, For::Services),
        implied("ecs:TagResource", TAGGED, TaskDefinitions, For::Services),
        call("ecs:RunTask", RunDefinitions, For::Services),
        call("ecs:DescribeTasks", Tasks, For::Services),
        call("ecs:StopTask", Tasks, For::Services),
        implied("ecs:TagResource", TAGGED, Tasks, For::Services),
        call("elasticloadbalancing:RegisterTargets", CheckGroup, For::Check),
        call("elasticloadbalancing:DeregisterTargets", CheckGroup, For::Check),
        call("application-autoscaling:DescribeScalableTargets", Any, For::Scaling),
        call("application-autoscaling:DescribeScalingPolicies", Any, For::Scaling),
        call("application-autoscaling:RegisterScalableTarget", ScalableTargets, For::Scaling),
        call("application-autoscaling:DeregisterScalableTarget", ScalableTargets, For::Scaling),
        call("application-autoscaling:PutScalingPolicy", ScalableTargets, For::Scaling),
        call("application-autoscaling:DeleteScalingPolicy", ScalableTargets, For::Scaling),
        implied("application-autoscaling:TagResource", TAGGED, ScalableTargets, For::Scaling),
        implied("cloudwatch:DescribeAlarms", "a policy that tracks a target", Alarms, For::Scaling),
        implied("cloudwatch:PutMetricAlarm", "a policy that tracks a target", Alarms, For::Scaling),
        implied("cloudwatch:DeleteAlarms", "a policy that tracks a target", Alarms, For::Scaling),
        call("iam:SimulatePrincipalPolicy", Principals, For::Doctor),
        call("servicequotas:GetServiceQuota", Any, For::Doctor),
    ]
};

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::Path};

    use super::*;

    #[test]
    fn nothing_is_in_it_twice() {
        let mut seen = BTreeSet::new();
        for Permission { action, on, .. } in TABLE {
            assert!(seen.insert((action, on)), "{action} on {on:?}");
        }
    }

    /// The sources of the target are searched for each action's name, as the SDK writes it
    /// (`create_service`) or as AWS does: nobody is to be asked for a right that is not used.
    #[test]
    fn no_right_is_asked_for_that_nobody_uses() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let sources: String = ["targets/aws", "ledger"].map(|it| read_all(&root.join(it))).concat();
        for permission in TABLE {
            let calls = match permission.asked {
                Asked::Call => &[permission.action][..],
                Asked::Named(calls) => calls,
                Asked::Implied(_) => continue,
            };
            // The crate object_store makes the requests about objects.
            let objects = |call: &&&str| call.starts_with("s3:") && call.ends_with("Object");
            for call in calls.iter().filter(|call| !objects(call)) {
                let name = call.split(':').next_back().unwrap();
                let used = sources.contains(&snake(name)) || sources.contains(name);
                assert!(used || permission.on == On::Objects, "nobody calls {call}");
            }
        }
    }

    /// All sources of a folder but this one.
    fn read_all(folder: &Path) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("permissions") {
                text.push_str(&read_all(&path));
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with(file!()) {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
        text
    }

    fn snake(name: &str) -> String {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        snake
    }

    #[test]
    fn a_call_asks_for_one_permission() {
        for permission in TABLE {
            let calls = match permission.asked {
                Asked::Call => &[permission.action][..],
                Asked::Named(calls) => calls,
                Asked::Implied(_) => continue,
            };
            for call in calls {
                let asked = TABLE.iter().filter(|other| other.is_asked_by(call)).count();
                assert!(asked == 1 || *call == "ecs:TagResource", "{call} asks for {asked}");
            }
        }
    }
}
