//! The policy of the source and of the live release.

use serde_json::json;

use super::{Project, SCHEMA};

/// The schema with a context that is private now, and nothing that is meant by it.
fn changed() -> String {
    let mut schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let contexts = schema["x-mizan-contexts"].as_array_mut().unwrap();
    let posts = contexts.iter_mut().find(|context| context["name"] == "posts").unwrap();
    posts["auth"] = json!(["none", "staff"]);
    let functions = schema["x-mizan-functions"].as_array_mut().unwrap();
    let stats = functions.iter_mut().find(|function| function["name"] == "site_stats").unwrap();
    stats["auth"]["level"] = "staff".into();
    serde_json::to_string_pretty(&schema).unwrap()
}

#[test]
fn the_source_is_compared_with_what_is_live() {
    let project = Project::new();
    project.release("https://board.example.com", Some(project.facts()));
    let same = project.run(&["edge", "policy"]).expect(0);
    insta::assert_snapshot!(same.stdout, @"
    What the edge does:
      me: private, never stored
      post: public, by post_id, limit; purged by add_comment(post_id)
      posts: public; purged by add_comment, create_post
    ");
    same.says(&["board in elsewhere, policy of the source"]);
    project.write("schema.json", &changed());
    let other = project.run(&["edge", "policy"]).expect(0).stdout;
    assert!(other.contains("Since r3:\n  ~ posts: was public, is private\n"), "{other}");
    assert!(other.contains("warning: [mixed-auth] schema.json:"), "{other}");
    let live = project.run(&["edge", "policy", "--live"]).expect(0);
    assert!(live.stdout.contains("posts: public; purged by"), "{}", live.stdout);
    live.says(&["policy of release r3"]);
}

#[test]
fn programs_get_it_as_data() {
    let project = Project::new();
    project.release("https://board.example.com", Some(project.facts()));
    project.write("schema.json", &changed());
    let policy = project.json(&["edge", "policy"]);
    assert_eq!(policy["since"], "r3");
    assert_eq!(policy["changes"], json!([{"context": "posts", "words": "was public, is private"}]));
    assert_eq!(policy["findings"][0]["code"], "mixed-auth");
    let post = &policy["contexts"][1];
    assert_eq!(post["storage"], "public");
    assert_eq!(post["purged_by"], json!([{"mutation": "add_comment", "params": ["post_id"]}]));
    assert_eq!(post["words"], "public, by post_id, limit; purged by add_comment(post_id)");
}

#[test]
fn without_an_edge_or_a_release_there_is_nothing_to_show() {
    let project = Project::new();
    project.run(&["edge", "policy", "--live"]).expect(1).says(&["nobody knows the policy"]);
    project.release("https://board.example.com", None);
    project.run(&["edge", "policy", "--live"]).expect(1).says(&["an earlier version of mizan"]);
    // The schema file alone says what a deploy would bring.
    project.run(&["edge", "policy"]).expect(0);
    project.configure("schema: none");
    let text = std::fs::read_to_string(project.app().join("mizan.yaml")).unwrap();
    project.write("mizan.yaml", &text.replacen("schema: schema.json\n", "", 1));
    project.run(&["edge", "policy"]).expect(64).says(&["exports no schema"]);
}

/// The schema with a WebSocket function that changes `posts`.
fn with_websocket() -> String {
    let mut schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let functions = schema["x-mizan-functions"].as_array_mut().unwrap();
    let ticks = functions.iter_mut().find(|function| function["name"] == "ticks").unwrap();
    ticks["affects"] = json!([{"context": "posts", "params": {}}]);
    serde_json::to_string_pretty(&schema).unwrap()
}

#[test]
fn an_announced_context_is_kept_although_a_websocket_function_changes_it() {
    let project = Project::new();
    project.write("schema.json", &with_websocket());
    project.release("https://board.example.com", Some(project.facts()));
    let unheard = project.run(&["edge", "policy"]).expect(0);
    assert!(unheard.stdout.contains("posts: never stored: it changes over a WebSocket"));
    assert!(unheard.stdout.contains("[uncached-realtime]"), "{}", unheard.stdout);

    project.announce("posts");
    let heard = project.run(&["edge", "policy"]).expect(0);
    insta::assert_snapshot!(heard.stdout, @"
    What the edge does:
      me: private, never stored
      post: public, by post_id, limit; purged by add_comment(post_id)
      posts: public; purged by add_comment, create_post, announcements of WebSocket changes
    Since r3:
      ~ posts: was never stored (WebSocket), is public
      ~ posts: is purged by announcements of WebSocket changes now
    ");
    project.announce("psots");
    project
        .run(&["edge", "policy"])
        .expect(65)
        .says(&["mizan.yaml:9:42: the schema has no context `psots`", "did you mean `posts`?"]);
}
