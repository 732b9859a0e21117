//! The example app in an AWS account, with a real PostgreSQL: deployed, visited, through the load
//! balancer and through Edge and Render before it, released again under load, rolled back, removed.

mod edge;
mod entrance;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::support::{
    Ended, Sandbox,
    aws::{Aws, Options},
    load::{Errand, Load},
    visitor::{Answer, Visitor},
};
use edge::Edge;

const POSTS: &str = "/api/mizan/ctx/posts/";
const FIRST_POST: &str = "/api/mizan/ctx/post/?post_id=1";
const TAGLINE: &str = "A small message board, served from the edge.";
const CHANGED: &str = "A small message board, changed by one line.";
/// Long after a busy machine has come so far.
const PATIENCE: Duration = Duration::from_secs(120);

/// A copy of the board, and an account for it.
struct Board {
    sandbox: Sandbox,
    aws: Aws,
}

impl Board {
    /// With the environment that its README tells to add.
    fn new() -> Self {
        let aws = Aws::with(Options { health_checks: true, ..Options::default() });
        let sandbox = Sandbox::of(Path::new("examples/board")).with_environment(aws.environment());
        let board = Self { sandbox, aws };
        let readme = include_str!("../../../../examples/board/README.md");
        let (_, production) = readme.split_once("```yaml\n").expect("an environment");
        let (production, _) = production.split_once("```").expect("its end");
        let name = format!("app: {}", board.sandbox.name());
        board.edit("mizan.yaml", "app: board", &name);
        board.edit("mizan.yaml", "environments:\n", &format!("environments:\n{production}"));
        board
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.sandbox.app().join(file);
        let text = fs::read_to_string(&path).expect("a file of the board");
        assert!(text.contains(from), "{from:?} is not in {file}");
        fs::write(&path, text.replacen(from, to, 1)).expect("a file of the board");
    }

    /// People and proxies go on meanwhile.
    async fn run(&self, arguments: &[&str]) -> Ended {
        let arguments = [&["-e", "production"], arguments].concat();
        let mut mizan = self.sandbox.mizan(&arguments);
        let ended = spawn_blocking(move || mizan.output()).await.expect("it does not panic");
        ended.expect("mizan runs").into()
    }

    /// The host name that a deploy printed.
    async fn deploy(&self) -> String {
        let deployed = self.run(&["deploy", "--yes"]).await.expect(0);
        let url = deployed.stdout.trim();
        url.strip_prefix("http://").expect("a URL of the load balancer").to_owned()
    }

    /// What services say, until one has said this.
    async fn wait_for_log(&self, service: &str, words: &str) {
        let begun = Instant::now();
        loop {
            let log = self.run(&["logs", service]).await.expect(0).stdout;
            if log.contains(words) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{words:?} is not in the log of {service}: {log}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test]
async fn it_runs_on_a_real_database_behind_load_balancer_and_edge() {
    let board = Board::new();
    let database = tempfile::NamedTempFile::new().expect("a file");
    fs::write(database.path(), board.aws.database()).expect("a file");
    let file = database.path().to_str().expect("a path");
    board.run(&["secrets", "set", "DATABASE_URL", "--file", file]).await.expect(0);

    let host = board.deploy().await;
    board.run(&["deploy", "--yes"]).await.expect(0).says(&["Nothing to change."]);
    people_are_in_the_database(&board).await;
    through_the_load_balancer(&board, &host).await;
    let edge = Edge::before(&board, &host).await;
    through_the_edge(&edge, &host).await;
    worker_and_beat_are_at_work(&board).await;

    let [balancer, edge] = [board.aws.port(), edge.port()].map(|port| Visitor::new(&host, port));
    let people = vec![
        (balancer.clone(), Errand::Read(POSTS)),
        (balancer, Errand::Comment),
        (edge.clone(), Errand::Read("/")),
        (edge, Errand::Comment),
    ];
    let load = Load::start(people, [TAGLINE, CHANGED]);
    board.edit("backend/board/api.py", TAGLINE, CHANGED);
    assert_eq!(board.deploy().await, host);
    let seen = load.stop().await;
    assert_eq!(seen, [true, true], "old and new were seen");
    let mut visitor = Visitor::new(&host, board.aws.port());
    let comments = count(&visitor.get(POSTS).await.unwrap().ok());

    board.run(&["rollback", "--yes"]).await.expect(0).says(&["brings back r1"]);
    let posts = visitor.get(POSTS).await.unwrap().ok();
    assert!(posts.text.contains(TAGLINE), "{}", posts.text);
    assert_eq!(count(&posts), comments, "what people wrote is not taken back");

    board.run(&["destroy", "--yes", "--volumes", "--shared"]).await.expect(0);
    // Secrets can be brought back for some days.
    board.aws.account().expect_only(&["secret pending deletion"]);
    assert_eq!(board.aws.task_containers(), Vec::<String>::new());
    let again = board.run(&["destroy", "--yes", "--volumes", "--shared"]).await.expect(0);
    assert!(again.stdout.starts_with("nothing of "), "{}", again.stdout);
}

/// In a container of the live release, as somebody would who runs the board.
async fn people_are_in_the_database(board: &Board) {
    let script = "from django.contrib.auth.models import User\n\
                  from django.db import connection\n\
                  User.objects.create_user('ada', password='pw-ada')\n\
                  print('kept in', connection.vendor)";
    let ran =
        board.run(&["run", "--", "python", "manage.py", "shell", "-c", script]).await.expect(0);
    assert!(ran.stdout.contains("kept in postgresql"), "{ran:?}");
}

async fn through_the_load_balancer(board: &Board, host: &str) {
    let mut ada = Visitor::new(host, board.aws.port());
    assert_eq!(ada.get("/readyz").await.unwrap().ok().text, "ready");
    let posts = ada.get(POSTS).await.unwrap().ok();
    assert!(posts.text.contains(TAGLINE) && posts.text.contains("Welcome to the board"));
    // Without the Edge there are no pages, and without a token no comments.
    assert_eq!(ada.get("/").await.unwrap().status, 404);
    let call = json!({"function": "add_comment", "params": {"post_id": 1, "text": "forged"}});
    let forged = Visitor::forged(host, board.aws.port()).post("/api/mizan/call/", &call).await;
    assert_eq!(forged.unwrap().status, 403);

    ada.sign_in("ada", "pw-ada").await;
    let me = ada.get("/api/mizan/ctx/me/").await.unwrap().ok().json();
    assert_eq!(me["profile"]["username"], "ada");
    let said = ada.comment(1, "by the load balancer").await.unwrap().ok().json();
    assert_eq!(said["result"]["author"], "ada");
    let post = ada.get(FIRST_POST).await.unwrap().ok();
    assert!(post.text.contains("by the load balancer"), "{}", post.text);
    counts_who_is_here(&ada).await;
}

async fn through_the_edge(edge: &Edge, host: &str) {
    let mut ada = Visitor::new(host, edge.port());
    let page = ada.get("/posts/1/").await.unwrap().ok();
    for words in ["<h1>Welcome to the board</h1>", "by the load balancer"] {
        assert!(page.text.contains(words), "{words} is not rendered:\n{}", page.text);
    }
    let first = ada.get(POSTS).await.unwrap().ok();
    assert!(first.cache().contains("fwd=uri-miss"), "{}", first.cache());
    let begun = Instant::now();
    // It is stored after it was answered.
    while !ada.get(POSTS).await.unwrap().ok().cache().contains("Mizan; hit") {
        assert!(begun.elapsed() < PATIENCE, "it is never stored");
    }

    ada.sign_in("ada", "pw-ada").await;
    let before = count(&ada.get(POSTS).await.unwrap().ok());
    let said = ada.comment(1, "by the edge").await.unwrap().ok().json();
    assert_eq!(said["result"]["author"], "ada");
    // Her very next read, and her next page.
    let posts = ada.get(POSTS).await.unwrap().ok();
    assert_eq!(count(&posts), before + 1, "{}: {}", posts.cache(), posts.text);
    let post = ada.get(FIRST_POST).await.unwrap().ok();
    assert!(post.text.contains("by the edge"), "{}: {}", post.cache(), post.text);
    let page = ada.get("/posts/1/").await.unwrap().ok();
    assert!(page.text.contains("by the edge"), "{}", page.text);
    let me = ada.get("/api/mizan/ctx/me/").await.unwrap().ok();
    assert!(me.text.contains("ada") && me.cache().contains("detail=private"), "{}", me.cache());
    counts_who_is_here(&ada).await;
}

async fn counts_who_is_here(visitor: &Visitor) {
    let mut socket = visitor.socket().await;
    socket.say(&json!({"ping": 7})).await;
    assert_eq!(socket.hear().await, json!({"pong": 7}));
    socket.say(&json!({"subscribe": "presence"})).await;
    let news = socket.hear().await;
    assert_eq!(news["channel"], "presence");
    assert!(news["data"]["online"].as_u64() >= Some(1), "{news}");
}

async fn worker_and_beat_are_at_work(board: &Board) {
    board.wait_for_log("worker", "new comment(s)").await;
    board.wait_for_log("beat", "beat: removed").await;
    let status = board.run(&["status", "--format", "json"]).await.expect(0).stdout;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let rows = status["services"].as_array().expect("services");
    for service in ["web", "worker", "beat"] {
        let mut rows = rows.iter().filter(|row| row["service"] == service);
        let state = rows.next().expect("a row")["state"].as_str().expect("a state");
        assert!(state.starts_with("running"), "{service}: {status:#}");
        assert!(rows.next().is_none(), "one {service}: {status:#}");
    }
}

/// How many comments the front page counts.
fn count(posts: &Answer) -> u64 {
    posts.json()["site_stats"]["comments"].as_u64().expect("a number")
}
