//! What people do who visit the board.

use serde_json::json;

use super::{Board, PATIENCE, TAGLINE};
use crate::support::visitor::Answer;
use std::time::Instant;

/// The front page's data.
pub const POSTS: &str = "/api/mizan/ctx/posts/";
const FIRST_POST: &str = "/api/mizan/ctx/post/?post_id=1";

/// In a container of the live release, as somebody would who runs the board.
pub fn people_are_in_the_database(board: &Board) {
    let before = board.groups();
    let script = "from django.contrib.auth.models import User\n\
                  from django.db import connection\n\
                  User.objects.create_user('ada', password='pw-ada')\n\
                  print('kept in', connection.vendor)";
    let ran = board.run(&["run", "--", "python", "manage.py", "shell", "-c", script]).expect(0);
    assert!(ran.stdout.contains("kept in postgresql"), "{ran:?}");
    board.run(&["run", "--", "sh", "-c", "echo gone wrong; exit 7"]).expect(7);
    assert_eq!(board.groups(), before, "a command leaves no group");
}

/// Pages, data that is kept, data that a comment makes stale, a person, a WebSocket.
pub fn through_the_edge(board: &Board) {
    board.runtime.block_on(async {
        let mut ada = board.visitor();
        let page = ada.get("/posts/1/").await.unwrap().ok();
        assert!(page.text.contains("<h1>Welcome to the board</h1>"), "{}", page.text);
        let first = ada.get(POSTS).await.unwrap().ok();
        assert!(first.text.contains(TAGLINE), "{}", first.text);
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
        let me = ada.get("/api/mizan/ctx/me/").await.unwrap().ok();
        assert!(me.text.contains("ada") && me.cache().contains("detail=private"), "{}", me.text);

        let mut socket = ada.socket().await;
        socket.say(&json!({"ping": 7})).await;
        assert_eq!(socket.hear().await, json!({"pong": 7}));
    });
}

/// How many comments the front page counts.
pub fn count(posts: &Answer) -> u64 {
    posts.json()["site_stats"]["comments"].as_u64().expect("a number")
}
