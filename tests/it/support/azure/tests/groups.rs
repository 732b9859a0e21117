//! Container groups: their life, and what Azure refuses of them.

use serde_json::{Value, json};

use super::{Desk, GROUPS, start, web};
use crate::support::azure::{Azure, Settings, engine::Paper};

#[test]
fn a_group_starts_and_gives_no_secret_away() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    let made = desk.group("PUT", "web", &web());
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["properties"]["provisioningState"], "Creating");
    let status = made.header("azure-asyncoperation").unwrap();
    assert_eq!(desk.client.ask("GET", status, &Value::Null).body["status"], "InProgress");
    assert_eq!(desk.client.ask("GET", status, &Value::Null).body["status"], "Succeeded");

    let found = desk.group("GET", "web", &Value::Null);
    let properties = &found.body["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["instanceView"]["state"], "Running");
    assert_eq!(properties["ipAddress"]["fqdn"], "demo-web.westeurope.azurecontainer.io");
    assert_eq!(
        properties["containers"][0]["properties"]["environmentVariables"],
        json!([{"name": "DEBUG", "value": "0"}, {"name": "SECRET_KEY"}])
    );
    for told in [made.body.to_string(), found.body.to_string()] {
        assert!(!told.contains("canary-key"), "{told}");
    }
}

#[test]
fn nothing_is_changed_twice_at_a_time() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.group("PUT", "web", &web());
    for request in [desk.group("PUT", "web", &web()), desk.group("POST", "web/stop", &Value::Null)]
    {
        assert_eq!((request.status, request.code()), (409, "ContainerGroupTransitioning"));
    }
    assert_eq!(desk.group("PUT", "web", &web()).status, 200);
}

#[test]
fn a_group_stops_starts_and_goes() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.group("PUT", "web", &web());
    desk.settled("web");
    assert_eq!(desk.group("POST", "web/stop", &Value::Null).status, 204);
    assert_eq!(desk.settled("web")["instanceView"]["state"], "Stopped");
    let started = desk.group("POST", "web/start", &Value::Null);
    let result = started.header("location").unwrap();
    assert_eq!(desk.client.ask("GET", result, &Value::Null).status, 202);
    assert_eq!(desk.client.ask("GET", result, &Value::Null).status, 204);
    assert_eq!(desk.settled("web")["instanceView"]["state"], "Running");
    assert_eq!(desk.group("POST", "web/restart", &Value::Null).status, 204);
    desk.settled("web");

    let deleted = desk.group("DELETE", "web", &Value::Null);
    assert_eq!(deleted.status, 202);
    let result = deleted.header("location").unwrap();
    assert_eq!(desk.client.ask("GET", result, &Value::Null).status, 202);
    assert_eq!(desk.client.ask("GET", result, &Value::Null).status, 204);
    assert_eq!(desk.group("GET", "web", &Value::Null).code(), "ResourceNotFound");
    assert_eq!(desk.group("DELETE", "web", &Value::Null).status, 204);
}

#[test]
fn a_container_that_ended_tells_its_code_and_its_last_lines() {
    let paper = Paper::default().ends("web", 3, &["one", "two", "three"]);
    let azure = Azure::start(Settings::default(), paper);
    let desk = Desk::new(&azure);
    desk.prepare();
    desk.group("PUT", "web", &web());
    let properties = desk.settled("web");
    assert_eq!(properties["instanceView"]["state"], "Failed");
    let current = &properties["containers"][0]["properties"]["instanceView"]["currentState"];
    assert_eq!((&current["state"], &current["exitCode"]), (&json!("Terminated"), &json!(3)));
    let logs = |more: &str| {
        let version = format!("{GROUPS}{more}");
        let below = "/resourceGroups/demo/providers/Microsoft.ContainerInstance/containerGroups/web/containers/web/logs";
        desk.ask("GET", below, &version, &Value::Null).body["content"].clone()
    };
    assert_eq!(logs(""), "one\ntwo\nthree\n");
    assert_eq!(logs("&tail=1"), "three\n");
    assert_eq!(logs("&tail=1&timestamps=true"), "2026-11-29T12:00:00.000000000Z three\n");
}

#[test]
fn what_azure_refuses_is_refused() {
    let azure = start();
    let desk = Desk::new(&azure);
    assert_eq!(desk.group("PUT", "web", &web()).code(), "MissingSubscriptionRegistration");
    desk.prepare();
    let refused = |name: &str, pointer: &str, value: Value| {
        let mut body = web();
        *body.pointer_mut(pointer).unwrap() = value;
        desk.group("PUT", name, &body).code().to_owned()
    };
    let requests = "/properties/containers/0/properties/resources/requests/cpu";
    let ports = "/properties/ipAddress/ports";
    let six: Value = (1..=6).map(|port| json!({"port": port})).collect();
    assert_eq!(refused("web", "/location", json!("")), "LocationRequired");
    assert_eq!(refused("web", requests, json!(11)), "ContainerGroupQuotaReached");
    assert_eq!(refused("web", ports, six), "TooManyPorts");
    assert_eq!(refused("web", ports, json!([{"port": 1}])), "PortNotExposedByContainer");

    desk.group("PUT", "web", &web());
    desk.settled("web");
    assert_eq!(desk.group("PUT", "other", &web()).code(), "DnsNameLabelNotAvailable");
    assert_eq!(refused("web", requests, json!(2)), "InvalidContainerGroupUpdate");
    let usages = "/providers/Microsoft.ContainerInstance/locations/westeurope/usages";
    let usages = desk.ask("GET", usages, GROUPS, &Value::Null).body["value"].clone();
    let used: Vec<_> = (0..2).map(|it| usages[it]["currentValue"].clone()).collect();
    assert_eq!(used, [json!(1), json!(1)]);
}
