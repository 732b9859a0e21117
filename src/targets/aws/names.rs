//! Whose everything on AWS is, and what it is called: deterministic names, so that nothing needs to
//! be remembered to be found, and tags that prove ownership. What has our name but not our tags is
//! foreign and never touched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{AppName, EnvName, ReleaseId};

/// The tag keys.
pub struct Tags;

impl Tags {
    /// The app's name.
    pub const APP: &'static str = "mizan:app";
    /// The environment's name.
    pub const ENV: &'static str = "mizan:env";
    /// The region of an environment, on what is of no region itself.
    pub const REGION: &'static str = "mizan:region";
    /// The release that wrote it last.
    pub const RELEASE: &'static str = "mizan:release";
    /// The hash of the specification that was applied last.
    pub const SPEC: &'static str = "mizan:spec";
    /// The service's name in `mizan.yaml`.
    pub const SERVICE: &'static str = "mizan:service";
    /// What a listener's rule is called, as rules have no names.
    pub const NAME: &'static str = "Name";
}

/// Load balancers and target groups have the shortest names of all.
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>)
const BALANCER_NAME: usize = 32;
/// Roles. (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>)
const ROLE_NAME: usize = 64;
/// What a task says it was started by.
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>)
const STARTED_BY: usize = 36;

/// One environment in one account and region: the owner of everything made for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The account's number.
    pub account: String,
    /// `aws`, `aws-cn` or `aws-us-gov`: the second part of every ARN.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The app.
    pub app: AppName,
    /// The environment.
    pub env: EnvName,
}

impl Scope {
    /// The partition that a region is in.
    pub fn partition_of(region: &str) -> &'static str {
        match region.split_once('-') {
            Some(("cn", _)) => "aws-cn",
            _ if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// `mizan-<app>-<env>`: the beginning of every name.
    pub fn prefix(&self) -> String {
        format!("mizan-{}-{}", self.app, self.env)
    }

    /// The tags of everything in this scope.
    pub fn tags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (Tags::APP.to_owned(), self.app.to_string()),
            (Tags::ENV.to_owned(), self.env.to_string()),
        ])
    }

    /// True if tags say that a thing is of this scope.
    pub fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags().iter().all(|(key, value)| tags.get(key) == Some(value))
    }

    /// The tags of what is of no region: they say of which region's environment it is.
    pub fn global_tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags();
        tags.insert(Tags::REGION.to_owned(), self.region.clone());
        tags
    }

    /// The tags of something that is of no region, as they count here: what is of this environment
    /// in another region is not of this one.
    pub fn tags_here(&self, mut tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if tags.get(Tags::REGION).is_some_and(|region| *region != self.region) {
            tags.remove(Tags::ENV);
        }
        tags
    }

    /// The ECR repository, which previews do not share with production.
    pub fn repository(&self) -> String {
        format!("mizan/{}/{}", self.app, self.env)
    }

    /// The registry's host.
    pub fn registry(&self) -> String {
        format!("{}.dkr.ecr.{}.{}", self.account, self.region, self.dns_suffix())
    }

    /// The domain of this partition's endpoints.
    pub fn dns_suffix(&self) -> &'static str {
        if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
    }

    /// The cluster, if none is given.
    pub fn cluster(&self) -> String {
        self.prefix()
    }

    /// The ECS service of a service of `mizan.yaml`; the family of its task definitions too.
    pub fn service(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix())
    }

    /// The family of the release step's task definitions. A service is never called
    /// `release-step`: the name is reserved in `config`.
    pub fn release_family(&self) -> String {
        self.service("release-step")
    }

    /// What the release step's tasks say they were started by: one per release.
    pub fn release_step(&self, release: ReleaseId) -> String {
        fit(&format!("{}-{release}", self.prefix()), STARTED_BY)
    }

    /// The role that pulls the image, reads the secrets and writes the logs.
    pub fn execution_role(&self) -> String {
        fit(&format!("{}-execution", self.prefix()), ROLE_NAME)
    }

    /// The role that the app's own code has.
    pub fn task_role(&self) -> String {
        fit(&format!("{}-task", self.prefix()), ROLE_NAME)
    }

    /// The role that deploys, where a workflow takes one.
    pub fn deploy_role(&self) -> String {
        fit(&format!("{}-deploy", self.prefix()), ROLE_NAME)
    }

    /// The load balancer.
    pub fn balancer(&self) -> String {
        fit(&self.prefix(), BALANCER_NAME)
    }

    /// The target group of the web service.
    pub fn target_group(&self) -> String {
        fit(&format!("{}-web", self.prefix()), BALANCER_NAME)
    }

    /// The target group of a new release that is checked.
    pub fn check_group(&self) -> String {
        fit(&self.check(), BALANCER_NAME)
    }

    /// What the tasks of checks say they were started by.
    pub fn check_task(&self) -> String {
        fit(&self.check(), STARTED_BY)
    }

    /// The rule that leads to a release that is checked.
    pub fn check(&self) -> String {
        format!("{}-check", self.prefix())
    }

    /// The load balancer's security group.
    pub fn balancer_group(&self) -> String {
        format!("{}-balancer", self.prefix())
    }

    /// The tasks' security group.
    pub fn tasks_group(&self) -> String {
        format!("{}-tasks", self.prefix())
    }

    /// The log group; a stream's name begins with the service's.
    pub fn log_group(&self) -> String {
        format!("/mizan/{}/{}", self.app, self.env)
    }

    /// A secret of `mizan.yaml` in Secrets Manager.
    pub fn secret(&self, name: &str) -> String {
        format!("{}/{name}", self.secrets_prefix())
    }

    /// How the names of all secrets begin.
    pub fn secrets_prefix(&self) -> String {
        format!("mizan/{}/{}", self.app, self.env)
    }

    /// The secret that the Edge sends to the origin. No variable has a hyphen in its name, so it
    /// never meets a secret of `mizan.yaml`.
    pub fn origin_secret(&self) -> String {
        self.secret("edge-origin-secret")
    }

    /// The bucket of the ledgers of all apps in this account and region.
    pub fn bucket(&self) -> String {
        format!("mizan-{}-{}", self.account, self.region)
    }

    /// The ledger's folder in the bucket.
    pub fn ledger_prefix(&self) -> String {
        format!("{}/{}", self.app, self.env)
    }

    /// An ARN of this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// The ARN of a role: roles have no region.
    pub fn role_arn(&self, role: &str) -> String {
        format!("arn:{}:iam::{}:role/{role}", self.partition, self.account)
    }
}

/// The name itself if it is short enough, else its beginning and a hash of the whole.
fn fit(name: &str, max: usize) -> String {
    const HASH: usize = 8;
    if name.len() <= max {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let hash: String = digest[..HASH / 2].iter().map(|byte| format!("{byte:02x}")).collect();
    let start = name.get(..max - HASH - 1).unwrap_or(name).trim_end_matches('-');
    format!("{start}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(app: &str, env: &str) -> Scope {
        Scope {
            account: "123456789012".into(),
            partition: "aws".into(),
            region: "eu-west-1".into(),
            app: AppName::new(app).expect("a name"),
            env: EnvName::new(env).expect("a name"),
        }
    }

    #[test]
    fn short_names_are_left_as_they_are() {
        let scope = scope("board", "production");
        assert_eq!(scope.balancer(), "mizan-board-production");
        assert_eq!(scope.target_group(), "mizan-board-production-web");
        assert_eq!(scope.registry(), "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let one = scope("an-app-with-a-long-name", "production");
        let two = scope("an-app-with-a-long-name", "productive");
        assert!(one.balancer().len() <= 32 && two.balancer().len() <= 32);
        assert_ne!(one.balancer(), two.balancer());
        assert!(one.balancer().starts_with("mizan-an-app-with-a"));
    }

    #[test]
    fn a_thing_is_ours_only_with_both_tags() {
        let scope = scope("board", "production");
        assert!(scope.owns(&scope.tags()));
        let other = BTreeMap::from([(Tags::APP.to_owned(), "board".to_owned())]);
        assert!(!scope.owns(&other));
    }
}
