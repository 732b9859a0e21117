//! Requests against their specs, and calls that go wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use super::{Desk, start, web};
use crate::support::azure::{Fault, LOOK, router, specs};

#[test]
fn every_operation_that_is_served_has_a_handler() {
    specs::operations().iter().for_each(|operation| _ = router::handler(operation.id));
}

#[test]
fn faults_strike_once() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    let put = "ContainerGroups_CreateOrUpdate";
    azure.strike(put, Fault::throttled(17));
    let throttled = desk.group("PUT", "web", &web());
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("17")));
    let puts = azure.take_log().into_iter().filter(|it| it.contains("/containerGroups/web"));
    assert_eq!(puts.count(), 1);

    azure.strike(put, Fault::Fails { code: "ImagePullFailed", message: "no such image" });
    desk.group("PUT", "web", &web());
    let failed = desk.settled("web");
    assert_eq!(failed["provisioningState"], "Failed");
    assert_eq!(failed["instanceView"]["events"][0]["message"], "no such image");

    azure.strike(put, Fault::AnswerLost);
    assert_eq!(desk.group("PUT", "web", &web()).status, 500);
    assert_eq!(desk.settled("web")["provisioningState"], "Succeeded");

    azure.strike(put, Fault::NeverEnds);
    let status = desk.group("PUT", "web", &web());
    let status = status.header("azure-asyncoperation").unwrap();
    azure.strike(LOOK, Fault::throttled(5));
    assert_eq!(desk.client.ask("GET", status, &Value::Null).status, 429);
    for _ in 0..20 {
        assert_eq!(desk.client.ask("GET", status, &Value::Null).body["status"], "InProgress");
    }
}

#[test]
fn a_request_against_its_spec_is_refused_and_remembered() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    let mut unknown = web();
    unknown["properties"]["replicas"] = 2.into();
    assert_eq!(desk.group("PUT", "web", &unknown).code(), "InvalidRequestContent");
    assert_eq!(azure.take_violations().len(), 1);
    let path = format!("/subscriptions/{}/resourcegroups", azure.subscription());
    assert_eq!(desk.client.ask("GET", &path, &Value::Null).code(), "MissingApiVersionParameter");
    assert_eq!(
        desk.client.ask("GET", &format!("{path}?api-version=1999-01-01"), &Value::Null).code(),
        "InvalidResourceType"
    );
    assert_eq!(azure.take_violations().len(), 2);
    desk.group("PUT", "web", &unknown);
    drop(desk);
    let failed = catch_unwind(AssertUnwindSafe(|| drop(azure)));
    assert!(failed.is_err(), "a test goes on after a violation");
}
