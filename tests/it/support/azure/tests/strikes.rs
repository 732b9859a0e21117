//! Strikes at calls, of which the conformance suite makes many.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Desk, RESOURCES, start};
use crate::support::{
    aws::{Fault, Moment},
    strikes::{Strike, Striker},
};

const SITE: &str = "PUT /demo";

#[test]
fn calls_are_heard_by_what_they_are_about() {
    let azure = start();
    let desk = Desk::new(&azure);
    desk.prepare();
    let heard = azure.heard();
    assert_eq!((heard[0].site.as_str(), heard[0].is_read), ("POST /*/oauth2/v2.0/token", true));
    assert!(heard.iter().any(|it| it.site == SITE && !it.is_read));
    assert_eq!(azure.count_of(SITE), 1);
    azure.clear();
    assert!(azure.heard().is_empty());
}

#[test]
fn a_call_is_refused_once_or_from_then_on() {
    let azure = start();
    let desk = Desk::new(&azure);
    let put = || {
        desk.ask("PUT", "/resourceGroups/demo", RESOURCES, &json!({"location": "westeurope"}))
            .status
    };
    Striker::strike(&azure, SITE, 2, Strike::Once(Fault::Throttled));
    assert_eq!([put(), put(), put()], [201, 429, 200]);
    assert_eq!(azure.struck(), 1);
    azure.clear();
    Striker::strike(&azure, SITE, 1, Strike::FromHere(Fault::Expired));
    let get = desk.ask("GET", "/resourcegroups", RESOURCES, &Value::Null).status;
    assert_eq!([get, put(), put()], [200, 401, 401]);
    assert_eq!(desk.ask("GET", "/resourcegroups", RESOURCES, &Value::Null).status, 401);
}

#[test]
fn a_call_is_cut_or_deadly_before_or_after_it_was_done() {
    for (how, done) in [
        (Strike::Once(Fault::CutBefore), 0),
        (Strike::Once(Fault::CutAfter), 1),
        (Strike::Kill(Moment::Before), 0),
        (Strike::Kill(Moment::After), 1),
    ] {
        let azure = start();
        let desk = Desk::new(&azure);
        let mut victim = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        azure.victim(victim.id());
        Striker::strike(&azure, SITE, 1, how);
        let body = json!({"location": "westeurope"});
        assert!(desk.try_ask("PUT", "/resourceGroups/demo", RESOURCES, &body).is_none(), "{how:?}");
        assert_eq!(azure.ids().len(), done, "{how:?}");
        if !matches!(how, Strike::Kill(_)) {
            victim.kill().unwrap();
        }
        assert!(!victim.wait().unwrap().success());
    }
}
