//! What `mizan config` tells about permissions on Azure.

use std::{fs, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::Ended;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
const ME: &str = "11111111-2222-3333-4444-555555555555";

struct Project(TempDir);

impl Project {
    fn new(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "version: 1\napp: board\nservices: {{web: {{port: 8000}}}}\n\
             environments: {{production: {{target: {{{target}}}}}}}\n"
        );
        fs::write(folder.path().join("mizan.yaml"), config).unwrap();
        fs::write(folder.path().join("Dockerfile"), "FROM python:3.12-slim\n").unwrap();
        Self(folder)
    }

    fn config(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mizan"));
        command.arg("config").args(arguments).args(["-e", "production"]);
        command.current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command.output().unwrap().into()
    }
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn the_role_goes_into_a_file_and_the_commands_are_told() {
    let project = Project::new("azure: {location: westeurope, service: container-instances}");
    let printed = project
        .config(&["azure-role", "--subscription", SUBSCRIPTION, "--principal", ME])
        .expect(0)
        .says(&["az role definition create --role-definition role.json", ME, "--condition '"]);
    let role = json(&printed);
    assert_eq!(role["Name"], "mizan-board-production-deploy");
    assert_eq!(role["AssignableScopes"][0], format!("/subscriptions/{SUBSCRIPTION}"));
    assert!(role["Actions"].as_array().unwrap().len() > 40, "{role}");
    assert_eq!(role["DataActions"].as_array().unwrap().len(), 0);

    let whole = ["azure-role", "--subscription", SUBSCRIPTION, "--format", "json"];
    let whole = json(&project.config(&whole).expect(0));
    assert_eq!(whole["role"], role);
    assert!(whole["condition"].as_str().unwrap().contains("roleAssignments/write"));
    assert!(whole["commands"][1].as_str().unwrap().contains("--assignee OBJECT_ID"));

    project.config(&["azure-role"]).expect(0).says(&["SUBSCRIPTION_ID", "--subscription"]);
    project.config(&["azure-role", "--subscription", "mine"]).expect(64).says(&["no subscription"]);
    project.config(&["azure-role", "--principal", "$(rm x)"]).expect(64).says(&["no object id"]);
    project.config(&["iam-policy"]).expect(64).says(&["does not run on AWS"]);
}

#[test]
fn a_workflow_on_github_is_trusted_without_a_key() {
    let project = Project::new("azure: {location: westeurope, service: container-instances}");
    let arguments = ["github-role", "octo-org/board", "--subscription", SUBSCRIPTION];
    let printed = project.config(&arguments).expect(0).says(&[
        "az ad app create --display-name mizan-board-production-deploy",
        "az ad app federated-credential create",
        "--condition '",
        "role.json",
    ]);
    let credential = json(&printed);
    assert_eq!(credential["subject"], "repo:octo-org/board:environment:production");
    assert_eq!(credential["audiences"][0], "api://AzureADTokenExchange");

    let account = ["github-role", "octo-org/board", "--account", "123456789012"];
    project.config(&account).expect(64).says(&["--account"]);
    let aws = Project::new("aws: {region: eu-west-1}");
    aws.config(&arguments).expect(64).says(&["--subscription"]);
    aws.config(&["azure-role"]).expect(64).says(&["does not run on Azure"]);
}
