//! Container groups on the local Docker engine.

use std::{
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Desk, GROUPS, web};
use crate::support::{
    azure::{
        Azure, Settings, client,
        engine::{Docker, Engine, Program, Restart},
        gates,
    },
    get,
};

#[test]
fn docker_runs_the_containers_of_a_group_beside_each_other() {
    let azure = Azure::start(Settings::default(), Docker::default());
    let desk = Desk::new(&azure);
    desk.prepare();
    let mut group = web();
    group["properties"]["restartPolicy"] = "Never".into();
    let serve = "import http.server, os; http.server.HTTPServer.allow_reuse_address = True; \
                 open('/tmp/key', 'w').write(os.environ['SECRET_KEY']); os.chdir('/tmp'); \
                 http.server.test(http.server.SimpleHTTPRequestHandler, port=8000)";
    let ask = "import time, urllib.request\n\
               for _ in range(100):\n\
               \x20   try:\n\
               \x20       print(urllib.request.urlopen('http://localhost:8000/key').read().decode()); break\n\
               \x20   except OSError: time.sleep(0.1)";
    let containers = &mut group["properties"]["containers"];
    containers[0]["properties"]["command"] = json!(["python3", "-c", serve]);
    let mut beside = containers[0].clone();
    beside["name"] = "beside".into();
    beside["properties"]["command"] = json!(["python3", "-c", ask]);
    beside["properties"]["ports"] = json!([]);
    containers.as_array_mut().unwrap().push(beside);
    let made = desk.group("PUT", "web", &group);
    assert_eq!(made.status, 201, "{made:?}");
    let ended = || {
        let view = &desk.settled("web")["containers"][1]["properties"]["instanceView"];
        view["currentState"]["state"] == "Terminated"
    };
    while !ended() {
        thread::sleep(Duration::from_millis(100));
    }
    let below = "/resourceGroups/demo/providers/Microsoft.ContainerInstance/containerGroups/web/containers/beside/logs";
    assert_eq!(desk.ask("GET", below, GROUPS, &Value::Null).body["content"], "canary-key\n");
    let id = made.body["id"].as_str().unwrap();
    let port = azure.published(id, 8000).unwrap();
    assert_eq!(get(&format!("http://127.0.0.1:{port}"), "/key"), Ok("canary-key".to_owned()));

    // Visitors come in at an address that follows from the host name, while it runs.
    let seen = desk.settled("web");
    let host = seen["ipAddress"]["fqdn"].as_str().unwrap();
    let address = gates::address_of(host);
    assert_eq!(seen["ipAddress"]["ip"], address.to_string());
    let environment = azure.environment();
    let (_, outside) = environment.iter().find(|(key, _)| *key == "MIZAN_AZURE_GROUPS").unwrap();
    let outside = SocketAddr::from((address, outside.parse().unwrap()));
    assert_eq!(client::send_to(outside, "GET", "/key", &[], "").status, 200);
    assert_eq!(desk.group("POST", "web/stop", &Value::Null).status, 204);
    assert_eq!(azure.published(id, 8000), None);
    assert!(TcpStream::connect(outside).is_err(), "nobody listens any more");
    desk.group("POST", "web/start", &Value::Null);
    desk.settled("web");
    while TcpStream::connect(outside).is_err() {
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_container_that_ends_is_started_again_unless_it_should_not() {
    let azure = Azure::start(Settings::default(), Docker::default());
    let desk = Desk::new(&azure);
    desk.prepare();
    let mut group = web();
    let containers = &mut group["properties"]["containers"];
    containers[0]["properties"]["command"] = json!(["python3", "-c", "raise SystemExit(3)"]);
    let view =
        |properties: &Value| properties["containers"][0]["properties"]["instanceView"].clone();
    assert_eq!(desk.group("PUT", "web", &group).status, 201);
    let mut seen = Value::Null;
    while seen["restartCount"].as_u64().is_none_or(|count| count < 2) {
        seen = view(&desk.settled("web"));
    }
    assert_eq!(seen["previousState"]["exitCode"], 3);
    assert_eq!(desk.group("POST", "web/stop", &Value::Null).status, 204);

    group["properties"]["restartPolicy"] = "OnFailure".into();
    group["properties"]["ipAddress"]["dnsNameLabel"] = "demo-job".into();
    group["properties"]["containers"][0]["properties"]["command"] = json!(["true"]);
    assert_eq!(desk.group("PUT", "job", &group).status, 201);
    let mut properties = desk.settled("job");
    while properties["instanceView"]["state"] != "Succeeded" {
        properties = desk.settled("job");
    }
    assert_eq!(view(&properties)["currentState"]["exitCode"], 0);
    assert_eq!(view(&properties)["restartCount"], 0);
}

#[test]
fn a_command_takes_the_place_of_all_that_the_image_runs() {
    let azure = Azure::start(Settings::default(), Docker::default());
    let desk = Desk::new(&azure);
    desk.prepare();
    let mut group = web();
    group["properties"]["containers"][0]["properties"]["command"] = json!(["no-such-program"]);
    assert_eq!(desk.group("PUT", "web", &group).status, 201);
    let view = desk.settled("web")["containers"][0]["properties"]["instanceView"].clone();
    assert_eq!(view["currentState"]["state"], "Waiting");
    assert_eq!(view["events"][0]["name"], "Failed");
    let why = view["events"][0]["message"].as_str().unwrap();
    assert!(why.contains("no-such-program") && why.contains("not found"), "{why}");
}

#[test]
fn an_image_that_docker_does_not_have_is_refused() {
    let mut docker = Docker::default();
    let program = Program {
        name: "web".to_owned(),
        image: "mizan-no-such-image:1".to_owned(),
        ..Program::default()
    };
    let refused = docker.start("g", &[program], &[], Restart::Always).unwrap_err();
    assert!(refused.contains("No such image"), "{refused}");
}
