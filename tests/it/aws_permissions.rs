//! The policy that `mizan config iam-policy` prints, tried: with it a deploy, a look and a destroy
//! are allowed, without one of its actions that action is named; and every call is in the table.
//!
//! The emulator enforces actions, but takes the resource of many calls for `*` and knows few
//! conditions. So the policy's resources are widened here: what is proven are the actions.

use std::process::Output;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use mizan::targets::aws::permissions::of_call;
use serde_json::{Value, json};

use crate::support::{
    Sandbox,
    aws::{ACCOUNT, Aws, Options, Proxy, REGION},
};

/// Somebody who may do what the policy says, at an emulator that minds it.
struct Deployer {
    aws: Aws,
    proxy: Proxy,
    sandbox: Sandbox,
    iam: aws_sdk_iam::Client,
    keys: (String, String),
}

impl Deployer {
    async fn new() -> Self {
        let aws = Aws::with(Options { authorization: true, ..Options::default() });
        let iam = root(&aws);
        iam.create_user().user_name("deployer").send().await.unwrap();
        let made = iam.create_access_key().user_name("deployer").send().await.unwrap();
        let key = made.access_key.unwrap();
        let keys = (key.access_key_id, key.secret_access_key);
        Self { proxy: aws.proxy(), sandbox: Sandbox::new("pages-app"), aws, iam, keys }
    }

    fn mizan(&self, arguments: &[&str]) -> Output {
        let mut command = self.sandbox.mizan(arguments);
        command
            .envs(self.aws.environment_by(&self.proxy))
            .env("AWS_ACCESS_KEY_ID", &self.keys.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.keys.1);
        command.output().unwrap()
    }

    fn expect(&self, arguments: &[&str]) -> String {
        let output = self.mizan(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
        assert!(!told.contains("not authorized"), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Allows the actions of the printed policy, but for one.
    async fn allow(&self, policy: &Value, without: Option<&str>) {
        let mut policy = policy.clone();
        for statement in policy["Statement"].as_array_mut().unwrap() {
            statement["Resource"] = json!("*");
            statement.as_object_mut().unwrap().remove("Condition");
            let actions = statement["Action"].as_array_mut().unwrap();
            actions.retain(|action| action.as_str() != without);
        }
        let put = self.iam.put_user_policy().user_name("deployer").policy_name("mizan");
        put.policy_document(policy.to_string()).send().await.unwrap();
    }
}

fn root(aws: &Aws) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(aws.endpoint())
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_iam::Client::from_conf(config)
}

#[tokio::test]
async fn the_printed_policy_is_enough_and_none_of_it_too_much() {
    let deployer = Deployer::new().await;
    let printed = deployer.expect(&["config", "iam-policy", "--account", ACCOUNT]);
    let policy: Value = serde_json::from_str(&printed).unwrap();

    for action in ["ecs:CreateService", "iam:CreateRole"] {
        deployer.allow(&policy, Some(action)).await;
        let output = deployer.mizan(&["deploy", "--yes"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(action), "{action}: {told}");
    }

    deployer.allow(&policy, None).await;
    deployer.expect(&["deploy", "--yes"]);
    let plan = deployer.expect(&["deploy", "--plan", "--detailed-exitcode"]);
    assert!(plan.contains("No changes"), "{plan}");
    deployer.expect(&["releases"]);
    deployer.expect(&["destroy", "--yes", "--volumes"]);

    let calls = deployer.proxy.names();
    let unknown: Vec<_> = calls.iter().filter(|call| of_call(call).is_none()).collect();
    assert!(calls.len() > 100 && unknown.is_empty(), "calls that no table has: {unknown:?}");
}
