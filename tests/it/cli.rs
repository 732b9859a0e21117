//! Whole invocations that need no engine: arguments in; exit code, stdout and stderr out.

use std::{fs, path::Path, process::Command};

use insta::assert_snapshot;
use tempfile::TempDir;

const APP: &str = "\
version: 1
app: shop
services:
  web: {port: 8000, health: /healthz}
  worker: {command: python manage.py worker}
release: python manage.py migrate --noinput
env: {LEVEL: info}
secrets: [API_KEY, {name: SECRET_KEY, generate: true}]
environments:
  local: {target: local}
  production: {target: {aws: {region: eu-west-1}}}
  elsewhere: {target: {origin: https://app.example.net}, edge: {on: [cloudflare], domain: app.example.com}}
";

/// A folder with an app, and everything the tool writes kept inside it.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("app")).unwrap();
        let project = Self { folder };
        project.write("mizan.yaml", APP);
        project.write("Dockerfile", "FROM python:3.12-slim\nCOPY . /app\n");
        project
    }

    fn app(&self) -> std::path::PathBuf {
        self.folder.path().join("app")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.app().join(name), text).unwrap();
    }

    fn mizan(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mizan"));
        command
            .args(arguments)
            .current_dir(self.app())
            .env_clear()
            .env("HOME", self.folder.path())
            // No credentials, and no instance to ask for any.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // Nobody listens there: a command that asks the engine says so.
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        command
    }

    /// The events of an invocation with `--json`.
    fn events(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let output = self.mizan(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The invocation as a snapshot tells it.
    fn told(&self, arguments: &[&str]) -> String {
        tell(&mut self.mizan(arguments), self.folder.path())
    }
}

fn tell(command: &mut Command, folder: &Path) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .replace(folder.canonicalize().unwrap().to_str().unwrap(), "FOLDER")
            .replace(folder.to_str().unwrap(), "FOLDER")
    };
    format!(
        "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
        output.status.code().map_or("none".to_owned(), |code| code.to_string()),
        text(&output.stdout),
        text(&output.stderr)
    )
}

#[test]
fn help_names_every_command() {
    assert_snapshot!(Project::new().told(&["--help"]));
}

#[test]
fn help_of_deploy() {
    assert_snapshot!(Project::new().told(&["deploy", "--help"]));
}

#[test]
fn help_of_init() {
    assert_snapshot!(Project::new().told(&["init", "--help"]));
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    assert_snapshot!(Project::new().told(&["deplyo"]));
}

#[test]
fn without_a_file_it_says_what_is_missing() {
    let project = Project::new();
    fs::remove_file(project.app().join("mizan.yaml")).unwrap();
    assert_snapshot!(project.told(&["deploy"]));
}

#[test]
fn every_problem_of_the_file_is_told_at_once() {
    let project = Project::new();
    project
        .write("mizan.yaml", "version: 1\napp: Shop\nservices:\n  web: {port: 99999, helth: /}\n");
    assert_snapshot!(project.told(&["deploy"]));
}

#[test]
fn two_environments_and_nobody_to_ask() {
    assert_snapshot!(Project::new().told(&["status"]));
}

#[test]
fn an_environment_that_does_not_exist() {
    assert_snapshot!(Project::new().told(&["status", "-e", "prodution"]));
}

#[test]
fn a_target_that_is_not_built_yet_is_refused_before_anything_happens() {
    let project = Project::new();
    let target = "{target: {azure: {location: westeurope, service: container-apps}}}";
    let elsewhere = APP.lines().last().unwrap().trim_start();
    project.write("mizan.yaml", &APP.replace(elsewhere, &format!("elsewhere: {target}")));
    assert_snapshot!(project.told(&["deploy", "-e", "elsewhere"]));
}

#[test]
fn an_edge_on_cloudflare_without_a_token() {
    assert_snapshot!(Project::new().told(&["deploy", "-e", "elsewhere"]));
}

#[test]
fn aws_without_credentials() {
    assert_snapshot!(Project::new().told(&["deploy", "-e", "production"]));
}

#[test]
fn an_engine_that_cannot_be_reached() {
    assert_snapshot!(Project::new().told(&["deploy", "-e", "local"]));
}

#[test]
fn an_offline_plan_needs_no_engine() {
    assert_snapshot!(Project::new().told(&["deploy", "-e", "local", "--plan", "--offline"]));
}

#[test]
fn an_offline_plan_as_json() {
    assert_snapshot!(Project::new().told(&[
        "deploy",
        "-e",
        "local",
        "--plan",
        "--offline",
        "--format",
        "json"
    ]));
}

#[test]
fn an_offline_plan_as_markdown() {
    assert_snapshot!(Project::new().told(&[
        "deploy",
        "-e",
        "local",
        "--plan",
        "--offline",
        "--format",
        "markdown"
    ]));
}

#[test]
fn an_app_elsewhere_is_checked_before_its_edge_is_asked() {
    let project = Project::new();
    // What runs elsewhere has no services here.
    let (head, _) = APP.split_once("services:").unwrap();
    let (_, environments) = APP.split_once("environments:").unwrap();
    project.write("mizan.yaml", &format!("{head}environments:{environments}"));
    let plan = ["deploy", "-e", "elsewhere", "--plan", "--offline", "--format", "json"];
    let output = project.mizan(&plan).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let needs = |id: &str| {
        let step = plan["steps"].as_array().unwrap().iter().find(|step| step["id"] == id).unwrap();
        step["needs"].as_array().unwrap().clone()
    };
    assert_eq!(needs("check/r1"), ["artifacts/shop"]);
    assert!(needs("probe/r1").contains(&"check/r1".into()), "{:?}", needs("probe/r1"));
}

#[test]
fn a_schema_in_a_file_is_part_of_the_offline_plan() {
    let project = Project::new();
    project.write("mizan.yaml", &format!("schema: schema.json\n{APP}"));
    project.write(
        "schema.json",
        r#"{
            "openapi": "3.1.0",
            "info": {"title": "shop", "version": "5127e1463ad36767"},
            "x-mizan": {
                "schemaVersion": 1, "protocol": "1.0", "base": "/api/mizan/", "health": "/healthz",
                "credentials": {
                    "headers": ["Authorization"], "cookies": ["sessionid"],
                    "csrfCookie": "csrftoken", "csrfHeader": "X-CSRFToken",
                    "csrfPath": "/api/mizan/csrf/"
                }
            },
            "x-mizan-functions": [], "x-mizan-contexts": [], "x-mizan-routes": []
        }"#,
    );
    let told = project.told(&["deploy", "-e", "local", "--plan", "--offline"]);
    assert!(told.contains("schema: 5127e1463ad36767"), "{told}");

    project.write("schema.json", r#"{"openapi": "3.1.0", "x-mizan": {"schemaVersion": 2}}"#);
    let told = project.told(&["deploy", "-e", "local", "--plan", "--offline"]);
    assert!(told.starts_with("exit code: 65"), "{told}");
    assert!(told.contains("schema version 2 is not known"), "{told}");
}

#[test]
fn offline_plans_are_no_approvals() {
    assert_snapshot!(Project::new().told(&[
        "deploy",
        "--plan",
        "--offline",
        "--detailed-exitcode"
    ]));
}

#[test]
fn the_resolved_configuration_masks_nothing_it_could_show() {
    assert_snapshot!(Project::new().told(&["config", "show", "-e", "local"]));
}

#[test]
fn a_key_of_the_file_is_explained() {
    let project = Project::new();
    let explain = |arguments: &[&str]| project.told(&[&["config", "explain"], arguments].concat());
    assert_snapshot!(
        [
            explain(&["services.web.health", "-e", "local"]),
            explain(&["environments.production.target.aws.region", "--format", "json"]),
            explain(&["services.web.helth", "-e", "local"]),
            explain(&["environments.production.env", "-e", "local"]),
        ]
        .join("\n")
    );
}

#[test]
fn without_a_file_a_key_still_has_a_meaning() {
    let project = Project::new();
    fs::remove_file(project.app().join("mizan.yaml")).unwrap();
    assert_snapshot!(project.told(&["config", "explain", "services.NAME.scale.cpu"]));
}

#[test]
fn a_secret_goes_in_and_never_comes_out() {
    const CANARY: &str = "canary-7f3a91";
    let project = Project::new();
    let value = project.app().join("value");
    fs::write(&value, format!("{CANARY}\n")).unwrap();
    let mut told = project.told(&["secrets", "set", "API_KEY", "--file", "value", "-e", "local"]);
    for command in [
        vec!["secrets", "list", "-e", "local"],
        vec!["secrets", "list", "-e", "local", "--format", "json"],
        vec!["config", "show", "-e", "local"],
        vec!["deploy", "-e", "local", "-vv"],
        vec!["deploy", "-e", "local", "--json"],
        vec!["deploy", "-e", "local", "--plan", "--offline", "--format", "json"],
    ] {
        told.push_str(&project.told(&command));
    }
    assert!(!told.contains(CANARY), "{told}");
    assert!(told.contains("API_KEY  set"), "{told}");
    let store = walk(project.folder.path()).into_iter().find(|path| path.ends_with("secrets.json"));
    let store = store.expect("the value is stored");
    assert!(fs::read_to_string(&store).unwrap().contains(CANARY));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&store).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_secret_that_mizan_yaml_does_not_name() {
    assert_snapshot!(Project::new().told(&["secrets", "set", "API_KYE", "-e", "local"]));
}

#[test]
fn a_damaged_secret_store_is_told_without_its_content() {
    let project = Project::new();
    project.told(&["secrets", "set", "API_KEY", "--file", "Dockerfile", "-e", "local"]);
    let store = walk(project.folder.path()).into_iter().find(|path| path.ends_with("secrets.json"));
    fs::write(store.unwrap(), "{\"API_KEY\": canary}").unwrap();
    let told = project.told(&["secrets", "list", "-e", "local"]);
    assert!(told.contains("is damaged") && !told.contains("canary"), "{told}");
}

#[test]
fn looking_creates_nothing() {
    let project = Project::new();
    let before = walk(project.folder.path());
    for command in [
        vec!["config", "show", "-e", "local"],
        vec!["config", "explain", "env.LEVEL", "-e", "local"],
        vec!["secrets", "list", "-e", "local"],
        vec!["status", "-e", "local"],
        vec!["deploy", "--plan", "-e", "local"],
        vec!["deploy", "--plan", "--offline", "-e", "local"],
        vec!["unlock", "-e", "local"],
    ] {
        project.told(&command);
    }
    assert_eq!(walk(project.folder.path()), before);
}

#[test]
fn the_schema_is_the_one_that_is_checked_in() {
    let output = Project::new().mizan(&["config", "schema"]).output().unwrap();
    let checked_in = include_str!("../../docs/mizan.schema.json");
    assert_eq!(String::from_utf8_lossy(&output.stdout), checked_in);
}

#[test]
fn completions_and_the_manual_page_are_there() {
    for arguments in [vec!["completions", "bash"], vec!["completions", "zsh"], vec!["man"]] {
        let output = Project::new().mizan(&arguments).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("rollback"));
    }
}

#[test]
fn events_end_with_the_error() {
    let events = Project::new().events(&["deploy", "-e", "local", "--json"]);
    let last = events.last().unwrap();
    assert_eq!(last["event"], "result");
    assert_eq!(last["ok"], false);
    assert_eq!(last["exit_code"], 69);
}

#[test]
fn a_mistake_is_an_event_with_its_place() {
    let project = Project::new();
    project.write("mizan.yaml", &APP.replace("port: 8000", "port: 8000, cpus: 1"));
    let events = project.events(&["deploy", "-e", "local", "--json"]);
    let problem = serde_json::json!({
        "event": "problem",
        "level": "error",
        "file": "mizan.yaml",
        "line": 4,
        "column": 21,
        "end_line": 4,
        "end_column": 25,
        "message": "unknown field `cpus`",
        "hint": "did you mean `cpu`?",
    });
    assert_eq!(events[1..events.len() - 1], [problem]);
    assert_eq!(events.last().unwrap()["exit_code"], 65);
}

#[test]
fn what_is_probably_not_meant_is_an_event_too() {
    let project = Project::new();
    let edge = "edge: {on: [local], check: {user: ada}}\nenvironments:";
    project.write("mizan.yaml", &APP.replace("environments:", edge));
    let events = project.events(&["deploy", "-e", "local", "--plan", "--offline", "--json"]);
    assert_eq!(events[1]["event"], "problem", "{events:?}");
    assert_eq!((&events[1]["level"], &events[1]["line"]), (&"warning".into(), &9.into()));
    assert_eq!(events[2]["event"], "plan");
}

#[test]
fn one_run_gives_a_plan_as_data_and_as_a_pull_request_shows_it() {
    let project = Project::new();
    let plan = ["deploy", "-e", "local", "--plan", "--offline", "--format"];
    let stdout = |format: &str| {
        let output = project.mizan(&[&plan[..], &[format]].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let events = project.events(&[&plan[..], &["markdown", "--json"]].concat());
    assert_eq!(events[1]["markdown"].as_str().unwrap(), stdout("markdown"));
    let alone: serde_json::Value = serde_json::from_str(&stdout("json")).unwrap();
    assert_eq!(events[1]["plan"], alone);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}
