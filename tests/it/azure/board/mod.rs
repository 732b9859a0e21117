//! The example app in an Azure subscription, with a real PostgreSQL: deployed, visited through the
//! Edge, released again under load and in vain, rolled back, removed.

mod changes;
mod database;
mod visits;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::{expect_no_canary, left};
use crate::support::{
    Ended, Sandbox,
    azure::{Azure, Settings, engine::Docker},
    cloudflare_account::Account,
    strikes::Striker,
    visitor::Visitor,
};
use database::Database;

/// Where visitors come in.
const HOST: &str = "board.example.com";
const TAGLINE: &str = "A small message board, served from the edge.";
const CHANGED: &str = "A small message board, changed by one line.";
/// Two releases beside each other, with room to spare.
const CORES: u32 = 20;
/// Long after a busy machine has come so far.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a container group does, and which one of its name it is.
type Groups = BTreeMap<String, (String, u32)>;

/// A copy of the board, with a subscription, an account and a database for it.
struct Board {
    sandbox: Sandbox,
    azure: Azure,
    account: Account,
    database: Database,
    runtime: Handle,
    /// Visitors go on while nobody waits for them, so they have a thread of their own.
    _stop: oneshot::Sender<()>,
}

impl Board {
    /// With the environment that its README tells to add.
    fn new() -> Self {
        let settings = Settings { images: true, cores: CORES, ..Settings::default() };
        let azure = Azure::start(settings, Docker::default());
        let account = Account::start();
        let environment = [azure.environment(), account.environment()].concat();
        let sandbox = Sandbox::of(Path::new("examples/board")).with_environment(environment);
        let owned = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let runtime = owned.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || owned.block_on(stopped));
        let database = Database::start();
        let board = Self { sandbox, azure, account, database, runtime, _stop: stop };
        let readme = include_str!("../../../../examples/board/README.md");
        let added = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        let added = added.filter(|added| added.contains("azure:")).collect::<String>();
        let name = format!("app: {}", board.sandbox.name());
        board.edit("mizan.yaml", "app: board", &name);
        board.edit("mizan.yaml", "environments:\n", &format!("environments:\n{added}"));
        // Nobody here holds a request for long.
        board.edit("mizan.yaml", "drain: 30s", "drain: 3s");
        board
    }

    /// Replaces the first such text of a file.
    #[track_caller]
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.sandbox.app().join(file);
        let text = fs::read_to_string(&path).expect("a file of the board");
        assert!(text.contains(from), "{from:?} is not in {file}");
        fs::write(&path, text.replacen(from, to, 1)).expect("a file of the board");
    }

    /// Runs `mizan`, which tells no secret.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ended {
        let all = [&["-e", "azure"], arguments].concat();
        let ended = self.sandbox.mizan(&all).output().expect("mizan runs");
        let ended = Ended::from(ended);
        let command = format!("{arguments:?}");
        expect_no_canary(&self.azure, &command, &ended.stdout);
        expect_no_canary(&self.azure, &command, &ended.stderr);
        ended
    }

    /// Deploys, and visitors find it where they always do.
    #[track_caller]
    fn deploy(&self) {
        let deployed = self.run(&["deploy", "--yes"]).expect(0);
        assert_eq!(deployed.stdout.trim(), format!("https://{HOST}"));
    }

    /// The container groups by name.
    fn groups(&self) -> Groups {
        let groups = self.azure.seen().into_iter().filter(|it| it.kind == "containerGroups");
        let state = |seen: &Value| {
            seen["properties"]["instanceView"]["state"].as_str().unwrap_or_default().to_owned()
        };
        groups.map(|it| (it.name, (state(&it.state), it.serial))).collect()
    }

    /// Those of these releases, of which each service has one.
    fn groups_in(&self, states: &[(&str, &str)]) -> Vec<(String, String)> {
        let of = |(release, state): &(&str, &str)| {
            let web = format!("{}-azure-{release}", self.sandbox.name());
            ["", "-beat", "-worker"].map(|end| (format!("{web}{end}"), (*state).to_owned()))
        };
        states.iter().flat_map(of).collect()
    }

    /// There are groups of these releases, which do that, and no others.
    #[track_caller]
    fn expect_groups(&self, states: &[(&str, &str)]) {
        let found = self.groups().into_iter().map(|(name, (state, _))| (name, state));
        assert_eq!(found.collect::<Vec<_>>(), self.groups_in(states));
    }

    /// Somebody who comes for the first time.
    fn visitor(&self) -> Visitor {
        let environment = self.account.environment();
        let workers = environment.iter().find(|(name, _)| *name == "MIZAN_CLOUDFLARE_WORKERS");
        let port = workers.and_then(|(_, url)| url.rsplit(':').next()?.parse().ok());
        Visitor::secure(HOST, port.expect("the port of the Workers"))
    }

    /// What a service says, until it has said this.
    fn wait_for_log(&self, service: &str, words: &str) {
        let begun = Instant::now();
        loop {
            let log = self.run(&["logs", service]).expect(0).stdout;
            if log.contains(words) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{words:?} is not in the log of {service}: {log}");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn it_runs_on_a_real_database_behind_the_edge() {
    let board = Board::new();
    let url = tempfile::NamedTempFile::new().expect("a file");
    fs::write(url.path(), board.database.url()).expect("a file");
    let file = url.path().to_str().expect("a path");
    board.run(&["secrets", "set", "DATABASE_URL", "--file", file]).expect(0);

    board.deploy();
    board.expect_groups(&[("r1", "Running")]);
    nothing_to_change_writes_nothing(&board);
    visits::people_are_in_the_database(&board);
    visits::through_the_edge(&board);
    worker_and_beat_are_at_work(&board);

    changes::one_line_under_load(&board);
    changes::one_that_is_not_healthy(&board);
    changes::a_migration_that_fails(&board);
    changes::back_to_the_first_release(&board);

    let answers = board.azure.take_answers();
    assert!(answers.iter().any(|answer| answer.contains("DATABASE_URL")), "it is named");
    answers.iter().for_each(|answer| expect_no_canary(&board.azure, "ARM", answer));

    board.run(&["destroy", "--yes", "--volumes", "--shared"]).expect(0);
    assert_eq!(left(&board.azure), (Vec::new(), Value::Array(Vec::new())));
    let scripts = board.account.state()["scripts"].clone();
    assert_eq!(scripts, Value::Array(Vec::new()));
    let again = board.run(&["destroy", "--yes", "--volumes", "--shared"]).expect(0);
    assert!(again.stdout.starts_with("nothing of "), "{}", again.stdout);
    assert_eq!(board.azure.ids(), Vec::<String>::new());
}

/// But the lock, which every deploy takes and gives back.
fn nothing_to_change_writes_nothing(board: &Board) {
    board.account.clear();
    Striker::clear(&board.azure);
    board.run(&["deploy", "--yes"]).expect(0).says(&["Nothing to change."]);
    let heard = board.azure.heard();
    let written = heard.iter().filter(|call| !call.is_read).map(|call| call.site.as_str());
    let written: Vec<_> = written.filter(|site| !site.contains("/azure/lock")).collect();
    assert_eq!(written, [""; 0]);
    assert!(heard.iter().any(|call| call.site.contains("/containerGroups")), "{heard:#?}");
    assert_eq!(board.account.changes(), [""; 0]);
}

fn worker_and_beat_are_at_work(board: &Board) {
    board.wait_for_log("worker", "new comment(s)");
    board.wait_for_log("beat", "beat: removed");
    let status = board.run(&["status", "--format", "json"]).expect(0).stdout;
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let rows = status["services"].as_array().expect("services");
    for service in ["web", "worker", "beat"] {
        let rows: Vec<_> = rows.iter().filter(|row| row["service"] == service).collect();
        // The proxy, which runs beside web, is nobody's service.
        let [row] = rows[..] else { panic!("{status:#}") };
        assert_eq!(row["state"], "running", "{status:#}");
    }
}
