//! `mizan status --watch` on a real engine that goes away and comes back.

use std::{env, fs, os::unix::fs::symlink, process::Command};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Running, Sandbox};

fn is(name: &str) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == name
}

#[test]
fn an_engine_that_goes_away_is_told_and_ctrl_c_ends_it() {
    let socket = env::var("DOCKER_HOST").unwrap_or_default();
    let socket = socket.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("docker.sock");
    symlink(socket, &link).unwrap();
    let host = format!("unix://{}", link.display());
    let sandbox = Sandbox::new("conformance-app").with_environment(vec![("DOCKER_HOST", host)]);

    let mut watch = Running::start(&mut sandbox.mizan(&["status", "--watch", "1", "--json"]));
    watch.wait_for(|event| event["status"]["front"] == "front not deployed");
    fs::remove_file(&link).unwrap();
    watch.wait_for(is("warning"));
    symlink(socket, &link).unwrap();
    watch.wait_for(is("status"));
    watch.signal(Signal::INT);
    let ended = watch.end().expect(0);
    let last: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["ok"]), (&"result".into(), &true.into()));
    assert_eq!(last["value"]["environment"], "local");
}

#[test]
fn it_ends_when_its_reader_has_gone_away() {
    let sandbox = Sandbox::new("conformance-app");
    let mut watch = sandbox.mizan(&["status", "--watch", "1"]).spawn().unwrap();
    let mut head =
        Command::new("head").arg("-1").stdin(watch.stdout.take().unwrap()).spawn().unwrap();
    assert!(head.wait().unwrap().success());
    assert!(watch.wait().unwrap().success());
}
