//! Purges: what is sent, and what is said when they are refused.

use std::process::Command;

use serde_json::json;

use super::{KEY, Project, endpoint::Endpoint};
use crate::support::{Ended, free_port};

/// A project whose Edge knows these keys.
fn before(keys: &'static [&'static str]) -> (Project, Endpoint) {
    let (project, endpoint) = (Project::new(), Endpoint::with_keys(keys));
    project.release(&endpoint.url(), Some(project.facts()));
    (project, endpoint)
}

fn ended(command: &mut Command) -> Ended {
    command.output().unwrap().into()
}

#[test]
fn what_changed_is_sent_with_a_signature_that_holds() {
    let (project, endpoint) = before(&[KEY]);
    let url = endpoint.url();
    let whole = project.run(&["edge", "purge", "--context", "posts"]).expect(0);
    assert_eq!(whole.stdout, format!("purged all of posts at {url}\n"));
    let entry = ["edge", "purge", "--context", "post", "--param", "post_id=5"];
    let entries = project.run(&entry).expect(0);
    assert_eq!(entries.stdout, format!("purged post with post_id=5 at {url}\n"));
    let all = project.json(&["edge", "purge", "--all", "--yes"]);
    assert_eq!(all["seq"], 3);
    assert_eq!(all["invalidate"], json!(["*"]));
    assert_eq!(
        endpoint.purges(),
        [
            json!({"invalidate": ["posts"]}),
            json!({"invalidate": [{"context": "post", "params": {"post_id": "5"}}]}),
            json!({"invalidate": ["*"]}),
        ]
    );
}

#[test]
fn the_first_of_several_keys_signs() {
    let (project, _endpoint) = before(&["another", KEY]);
    let keys = format!("{KEY}, an older one");
    let mut purge = project.command(&["edge", "purge", "--context", "posts"]);
    ended(purge.env("MIZAN_PURGE_KEY", keys)).expect(0);
    let mut purge = project.command(&["edge", "purge", "--context", "posts"]);
    ended(purge.env("MIZAN_PURGE_KEY", format!("unknown,{KEY}"))).expect(77);
}

#[test]
fn what_the_edge_does_not_know_is_never_sent() {
    let (project, endpoint) = before(&[KEY]);
    let purge = |arguments: &[&str]| {
        let all = ["edge", "purge"].iter().chain(arguments).copied().collect::<Vec<_>>();
        project.run(&all)
    };
    purge(&["--context", "pots"])
        .expect(64)
        .says(&["there is no context `pots`", "did you mean `post`?"]);
    purge(&["--context", "post", "--param", "post=5"])
        .expect(64)
        .says(&["the context `post` has no parameter `post`"]);
    purge(&["--context", "post", "--param", "post_id=05"])
        .expect(64)
        .says(&["\"05\" is no value of `post_id`"]);
    purge(&[]).expect(64).says(&["--context", "--all"]);
    purge(&["--all", "--context", "post"]).expect(64);
    purge(&["--all", "--param", "post_id=5"]).expect(64);
    purge(&["--context", "post", "--param", "5"]).expect(64);
    // Nobody is there who could be asked.
    purge(&["--all"]).expect(64).says(&["Purge everything", "--yes answers yes"]);
    assert_eq!(endpoint.purges(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_purge_of_more_than_was_named_is_remarked() {
    let (project, endpoint) = before(&[KEY]);
    project
        .run(&["edge", "purge", "--context", "post", "--param", "limit=20"])
        .expect(0)
        .says(&["no mutation tells entries of post apart by limit: all of it is purged"]);
    project
        .run(&["edge", "purge", "--context", "me"])
        .expect(0)
        .says(&["the edge stores nothing of me: private, never stored"]);
    assert_eq!(endpoint.purges().len(), 2);
}

#[test]
fn without_a_key_the_line_that_is_missing_is_told() {
    let (project, _endpoint) = before(&[KEY]);
    let purge = ["edge", "purge", "--context", "posts"];
    ended(project.command(&purge).env_remove("MIZAN_PURGE_KEY"))
        .expect(1)
        .says(&["the secret MIZAN_PURGE_KEY has no value", "export MIZAN_PURGE_KEY=…"]);
    project.configure("secrets: []");
    project.run(&purge).expect(1).says(&[
        "board has no key for purges",
        "add to mizan.yaml: secrets: [{name: MIZAN_PURGE_KEY, generate: true}]",
    ]);
}

#[test]
fn every_refusal_has_its_exit_code_and_no_key_in_its_words() {
    let cases = [
        (400, r#"{"error": "there is no context \"posts\""}"#, 1, "there is no context \"posts\""),
        (401, r#"{"error": "not signed"}"#, 77, "does not accept the key or the time"),
        (404, r#"{"error": "no key is set"}"#, 1, "`mizan deploy` brings it there"),
        (404, "<!doctype html><p>Not found", 1, "the edge has no key for purges"),
        (409, r#"{"error": "used already"}"#, 1, "has had this very request already"),
        (503, r#"{"error": "the Hub is away"}"#, 69, "the Hub is away"),
        (500, "", 1, "the edge answers 500 to the purge"),
        (200, "<p>Hello", 1, "not as an Edge does"),
    ];
    for (status, body, code, words) in cases {
        let (project, endpoint) = (Project::new(), Endpoint::that_answers(status, body));
        project.release(&endpoint.url(), Some(project.facts()));
        let ended = project.run(&["edge", "purge", "--context", "posts"]).expect(code);
        assert!(!ended.stderr.contains(KEY) && !ended.stderr.contains("<"), "{}", ended.stderr);
        ended.says(&[words]);
    }
}

#[test]
fn an_edge_that_nobody_reaches_is_away() {
    let project = Project::new();
    project.release(&format!("http://127.0.0.1:{}", free_port()), Some(project.facts()));
    project
        .run(&["edge", "purge", "--context", "posts"])
        .expect(69)
        .says(&["cannot reach the edge", "run the same command again"]);
}

#[test]
fn an_old_record_or_none_is_told() {
    let project = Project::new();
    let purge = ["edge", "purge", "--context", "posts"];
    project.run(&purge).expect(1).says(&["no edge of board is deployed", "mizan deploy"]);
    let endpoint = Endpoint::with_keys(&[KEY]);
    project.release(&endpoint.url(), None);
    project.run(&purge).expect(1).says(&["the record of r3 does not say what its edge does"]);
    // What everything is need not be known.
    project.run(&["edge", "purge", "--all", "--yes"]).expect(0);
    assert_eq!(endpoint.purges().len(), 1);
}
