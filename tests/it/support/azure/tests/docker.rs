//! Container groups on the local Docker engine.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use super::{Desk, GROUPS, web};
use crate::support::{
    azure::{
        Azure, Settings,
        engine::{Docker, Engine, Program},
    },
    get,
};

#[test]
fn docker_runs_the_containers_of_a_group_beside_each_other() {
    let azure = Azure::start(Settings::default(), Docker::default());
    let desk = Desk::new(&azure);
    desk.prepare();
    let mut group = web();
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

    assert_eq!(desk.group("POST", "web/stop", &Value::Null).status, 204);
    assert_eq!(azure.published(id, 8000), None);
}

#[test]
fn an_image_that_docker_does_not_have_is_refused() {
    let mut docker = Docker::default();
    let program = Program {
        name: "web".to_owned(),
        image: "mizan-no-such-image:1".to_owned(),
        command: Vec::new(),
        environment: Vec::new(),
    };
    let refused = docker.start("g", &[program], &[]).unwrap_err();
    assert!(refused.contains("No such image"), "{refused}");
}
