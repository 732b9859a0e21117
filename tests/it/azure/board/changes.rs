//! What becomes of the board when it is released again: well, in vain, and back.

use std::fs;

use serde_json::{Value, json};

use super::{
    Board, CHANGED, TAGLINE,
    visits::{POSTS, count},
};
use crate::support::load::{Errand, Load};

/// How the probe answers, and how it would if the database burned.
const HEALTHY: &str = "return answer(200, \"ok\")";
const BURNING: &str = "print(\"the database is on fire\", flush=True)\n            \
                       return answer(500, \"the database is on fire\")";
/// A migration of a table that nobody has made.
const MIGRATION: &str = "from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [('board', '0001_initial')]
    operations = [migrations.RunSQL('ALTER TABLE board_nothing ADD COLUMN x int')]
";

/// Nobody who reads or writes meanwhile sees a failure; the Hub moves them.
pub fn one_line_under_load(board: &Board) {
    let visitor = board.visitor();
    let people = vec![
        (visitor.clone(), Errand::Read(POSTS)),
        (visitor.clone(), Errand::Read("/")),
        (visitor, Errand::Comment),
    ];
    let load = {
        let _inside = board.runtime.enter();
        Load::start(people, [TAGLINE, CHANGED])
    };
    board.edit("backend/board/api.py", TAGLINE, CHANGED);
    board.deploy();
    let seen = board.runtime.block_on(load.stop());
    assert_eq!(seen, [true, true], "old and new were seen");
    board.expect_groups(&[("r1", "Stopped"), ("r2", "Running")]);
}

/// It is taken back, and the error has what the container says.
pub fn one_that_is_not_healthy(board: &Board) {
    const USUAL: &str = "health: /healthz";
    const SHORT: &str = "health: /healthz, health_timeout: 10s";
    board.edit("mizan.yaml", USUAL, SHORT);
    board.edit("backend/config/health.py", HEALTHY, BURNING);
    let words = ["service web did not become healthy", "500", "the database is on fire"];
    fails(board, &words);
    board.edit("backend/config/health.py", BURNING, HEALTHY);
    board.edit("mizan.yaml", SHORT, USUAL);
}

/// No service has changed by it, and the error has its end.
pub fn a_migration_that_fails(board: &Board) {
    let file = board.sandbox.app().join("backend/board/migrations/0002_broken.py");
    fs::write(&file, MIGRATION).expect("a file of the board");
    fails(board, &["exit code 1", "relation \"board_nothing\" does not exist"]);
    fs::remove_file(&file).expect("a file of the board");
}

/// A deploy that is taken back, and says why; everything is as it was.
#[track_caller]
fn fails(board: &Board, why: &[&str]) {
    let before = board.groups();
    board.run(&["deploy", "--yes"]).expect(70).says(why);
    assert_eq!(board.groups(), before);
    let posts = board.runtime.block_on(async { board.visitor().get(POSTS).await });
    let posts = posts.unwrap().ok();
    assert!(posts.text.contains(CHANGED), "{}", posts.text);
}

/// The groups that were stopped serve again; what people wrote is not taken back.
pub fn back_to_the_first_release(board: &Board) {
    let posts = || board.runtime.block_on(async { board.visitor().get(POSTS).await });
    let (before, comments) = (board.groups(), count(&posts().unwrap().ok()));
    board.run(&["rollback", "--yes"]).expect(0).says(&["brings back r1"]);
    board.expect_groups(&[("r1", "Running"), ("r2", "Stopped")]);
    let which = |groups: super::Groups| -> Vec<_> {
        groups.into_iter().map(|(name, (_, serial))| (name, serial)).collect()
    };
    assert_eq!(which(board.groups()), which(before), "none is new");
    let posts = posts().unwrap().ok();
    assert!(posts.text.contains(TAGLINE), "{}", posts.text);
    assert_eq!(count(&posts), comments);

    let releases = board.run(&["releases", "--format", "json"]).expect(0).stdout;
    let releases: Value = serde_json::from_str(&releases).expect("JSON");
    let told: Vec<_> = releases.as_array().expect("releases").iter().collect();
    let told: Vec<_> =
        told.iter().map(|it| json!([it["release"], it["live"], it["rollback_to"]])).collect();
    assert!(told.contains(&json!(["r3", true, "r1"])), "{told:?}");
    assert!(told.contains(&json!(["r2", false, null])), "{told:?}");
}
