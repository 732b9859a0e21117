//! What is rendered is read back as it was, but for what Azure never tells.

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{AppName, EnvName, ReleaseId},
    plan::Late,
    targets::{
        EnvSpec,
        azure::{
            instances::{
                seen::State,
                spec::{Container, Kind, ServiceSpec, Sidecar, Size},
            },
            names::Scope,
        },
    },
};

const IDENTITY: &str = "/subscriptions/s/resourceGroups/g/providers/\
                        Microsoft.ManagedIdentity/userAssignedIdentities/mizan-board-production";
const SERVER: &str = "board.azurecr.io";

fn scope() -> Scope {
    Scope {
        subscription: "s".into(),
        location: "westeurope".into(),
        app: AppName::new("board").expect("a name"),
        env: EnvName::new("production").expect("a name"),
    }
}

fn spec(role: Kind, count: u32) -> ServiceSpec {
    let env = [
        ("MIZAN_HOSTS".to_owned(), EnvSpec::Literal("board.example.com".into())),
        ("SECRET_KEY".to_owned(), EnvSpec::Secret { fingerprint: Some("v1".into()) }),
        ("SHA".to_owned(), EnvSpec::Caller { from: "GIT_SHA".into(), fingerprint: "#abc".into() }),
    ];
    let container = Container {
        image: Late::Known("0123456789abcdef".into()),
        registry: scope().registry(),
        identity: "mizan-board-production".into(),
        command: Some(vec!["python".into(), "manage.py".into()]),
        env: env.into(),
        size: Size { cpu: 500, memory: 15 },
    };
    ServiceSpec { role, container, count }
}

fn web() -> ServiceSpec {
    let sidecar = Sidecar { image: "caddy:2".into(), secret_versions: ["o1".to_owned()].into() };
    let health = "/health/ with space".to_owned();
    spec(Kind::Web { port: 8000, health, health_timeout: 60, drain: 30, sidecar }, 1)
}

fn rendered(service: &str, spec: &ServiceSpec) -> Value {
    let value = |text: &str| SecretValue::new(text.to_owned());
    let values = Values {
        secrets: [("SECRET_KEY".to_owned(), value("canary-value"))].into(),
        caller: [("GIT_SHA".to_owned(), "abc".to_owned())].into(),
        origin: vec![value("canary-origin")],
    };
    let scope = scope();
    let rendering = Rendering {
        scope: &scope,
        group: "board-production-r7",
        release: ReleaseId(7),
        login_server: SERVER,
        digest: "sha256:1",
        identity: IDENTITY,
        is_local: false,
        values: &values,
    };
    let group = rendering.service(service, spec).expect("every value is there");
    serde_json::to_value(group).expect("JSON")
}

/// As Azure tells it.
fn told(mut group: Value) -> Value {
    for container in group["properties"]["containers"].as_array_mut().expect("containers") {
        for variable in
            container["properties"]["environmentVariables"].as_array_mut().expect("variables")
        {
            variable.as_object_mut().expect("a variable").remove("secureValue");
        }
    }
    group["name"] = "board-production-r7".into();
    group["id"] = "id".into();
    group["properties"]["provisioningState"] = "Succeeded".into();
    group["properties"]["instanceView"] = json!({"state": "Running", "events": []});
    group
}

fn read(group: &Value) -> crate::targets::azure::instances::SeenGroup {
    let reader = Reader {
        scope: &scope(),
        login_server: Some(SERVER),
        tags: &BTreeMap::new(),
        callers: &[("SHA".to_owned(), "GIT_SHA".to_owned())].into(),
        fingerprint: &|value| format!("#{value}"),
        is_local: false,
    };
    seen(&reader, group)
}

#[test]
fn what_is_made_is_read_back_as_it_should_be() {
    for (name, spec) in [
        ("web", web()),
        ("worker", spec(Kind::Worker, 1)),
        ("worker", spec(Kind::Worker, 3)),
        ("beat", spec(Kind::Singleton, 1)),
    ] {
        let seen = read(&told(rendered(name, &spec)));
        assert_eq!(seen.spec, Some(spec.without_versions()));
        assert!(seen.ours && seen.is_like(&spec));
        assert_eq!((seen.release, seen.service.as_deref()), (Some(ReleaseId(7)), Some(name)));
        assert_eq!(seen.state, State::Running);
    }
}

#[test]
fn what_somebody_changed_is_seen() {
    let change = |change: &dyn Fn(&mut Value)| {
        let mut group = told(rendered("web", &web()));
        change(&mut group);
        read(&group)
    };
    let container = |group: &mut Value, at: usize, field: &str, value: Value| {
        group["properties"]["containers"][at]["properties"][field] = value;
    };
    let image = change(&|group| container(group, 0, "image", json!("x.io/board@sha256:2")));
    assert!(!image.is_like(&web()));
    let sidecar = change(&|group| container(group, 1, "command", json!(["sleep", "1"])));
    assert_eq!(sidecar.spec, None);
    let variable = change(&|group| {
        let all = &mut group["properties"]["containers"][0]["properties"]["environmentVariables"];
        all.as_array_mut().expect("variables").push(json!({"name": "DEBUG", "value": "1"}));
    });
    assert!(!variable.is_like(&web()) && variable.spec.is_some());
    let label = change(&|group| group["properties"]["ipAddress"]["dnsNameLabel"] = json!("other"));
    assert_eq!(label.spec, None);
    let tags = change(&|group| group["tags"] = json!({"mizan:app": "board"}));
    assert!(!tags.ours);
}

#[test]
fn a_group_that_ended_by_itself_says_why() {
    let mut group = told(rendered("worker", &spec(Kind::Worker, 1)));
    let event = json!({"name": "Failed", "message": "no such image"});
    group["properties"]["instanceView"] = json!({"state": "Failed", "events": [event]});
    assert_eq!(read(&group).state, State::Failed("Failed: no such image".into()));
    group["properties"]["instanceView"] = json!({"state": "Stopped", "events": []});
    assert_eq!(read(&group).state, State::Stopped);
}

#[test]
fn values_are_secure_and_nothing_else_has_them() {
    let text = told(rendered("web", &web())).to_string();
    assert!(!text.contains("canary"), "{text}");
    assert!(rendered("web", &web()).to_string().contains("canary-origin"));
}
