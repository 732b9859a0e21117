//! `mizan check` against the board, and against the board with each rule broken.

use std::{collections::BTreeSet, fs, process::Command};

use bytes::Bytes;
use mizan::{
    check::{
        self, Credentials, KnownSchema, Passage, RULES, Report, Request, RuleId, Samples, State,
        Through,
    },
    http::{Http, Request as HttpRequest},
};
use serde_json::Value;

use crate::support::board::{Board, schema};

/// A mutant of the board, and the rules that name it.
type Mutant = (&'static str, &'static [RuleId]);

/// Mutants that show without changing anything.
const READ: &[Mutant] = &[
    ("s5", &[RuleId::S5]),
    ("a1", &[RuleId::A1]),
    ("a1-2", &[RuleId::A1, RuleId::C14]),
    ("c1", &[RuleId::C1]),
    ("c2", &[RuleId::C2]),
    ("c3", &[RuleId::C3]),
    ("c4", &[RuleId::C4]),
    ("c4-2", &[RuleId::C4]),
    ("c5", &[RuleId::C5]),
    ("c6", &[RuleId::C6]),
    ("c7", &[RuleId::C7]),
    ("c8", &[RuleId::C8]),
    ("c9", &[RuleId::C9]),
    ("c9-2", &[RuleId::C9]),
    ("c10", &[RuleId::C10]),
    ("c11", &[RuleId::C11]),
    ("c11-2", &[RuleId::C11]),
    ("c12", &[RuleId::C12]),
    ("c12-2", &[RuleId::C12]),
    ("c13", &[RuleId::C13]),
    ("c14", &[RuleId::C14]),
    ("p1", &[RuleId::P1]),
    ("p2", &[RuleId::P2]),
    ("p3", &[RuleId::P3]),
    ("p4", &[RuleId::P4]),
    ("p5", &[RuleId::P5]),
    ("p6", &[RuleId::P6]),
    ("e1", &[RuleId::E1]),
    ("e2", &[RuleId::E2]),
    ("e3", &[RuleId::E3]),
    ("m1", &[RuleId::M1]),
    ("m1-2", &[RuleId::M1]),
    ("m2", &[RuleId::M2]),
    ("m3", &[RuleId::M3]),
    ("m4", &[RuleId::M4]),
    ("w1", &[RuleId::W1]),
    ("h1", &[RuleId::H1]),
    ("h2", &[RuleId::H2]),
    ("h4", &[RuleId::H4]),
];

/// Mutants that show when mutations are called.
const CALLED: &[Mutant] = &[
    ("m5", &[RuleId::M5]),
    ("m6", &[RuleId::M6]),
    ("m7", &[RuleId::M7]),
    ("m8", &[RuleId::M8]),
    ("m9", &[RuleId::M9]),
    ("m10", &[RuleId::M10]),
];

/// What is not seen at a mutant of the board: those of the schema are texts, and for H3 the host
/// that names the mutant is the thing itself.
const ELSEWHERE: &[RuleId] = &[RuleId::S1, RuleId::S2, RuleId::S3, RuleId::S4, RuleId::H3];

struct Checks<'a> {
    board: &'a Board,
    schema: String,
    token: String,
    runtime: tokio::runtime::Runtime,
}

impl<'a> Checks<'a> {
    fn new(board: &'a Board) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let token = runtime.block_on(sign_in(board));
        Self { board, schema: schema(), token, runtime }
    }

    fn request(&self, mutant: &str, mutate: bool) -> Request {
        let mut samples = Samples::default();
        let values = [
            "post.post_id=1",
            "add_comment.post_id=1",
            "add_comment.text=5",
            "create_post.title=New",
        ];
        values.iter().for_each(|value| samples.add(value).unwrap());
        let mut credentials = Credentials::default();
        credentials.add_header("TOKEN", &format!("Authorization: Bearer {}", self.token)).unwrap();
        Request {
            address: self.board.url.clone(),
            public_url: Some(format!("http://{mutant}.board.test")),
            through: Through::Origin,
            schema: Some(KnownSchema { from: "the build".into(), text: self.schema.clone() }),
            samples,
            credentials,
            passage: Passage::default(),
            mutate,
        }
    }

    fn check(&self, request: Request) -> Report {
        self.runtime.block_on(check::check(request)).unwrap()
    }

    /// The rules that a mutant breaks and the clean board does not.
    fn broken(&self, (mutant, expected): Mutant, mutate: bool, clean: &Report) -> Option<String> {
        let report = self.check(self.request(mutant, mutate));
        let known = states(clean);
        let new = |finding: &&check::Finding| {
            !known.contains(&(finding.rule, finding.subject.clone(), finding.state))
        };
        let bad = report.of(State::Failed).chain(report.of(State::Warning)).filter(new);
        let found: BTreeSet<RuleId> = bad.map(|finding| finding.rule).collect();
        let expected: BTreeSet<RuleId> = expected.iter().copied().collect();
        (found != expected).then(|| format!("{mutant}: found {found:?}\n{}", told(&report)))
    }
}

fn states(report: &Report) -> BTreeSet<(RuleId, String, State)> {
    let findings = report.findings.iter();
    findings.map(|finding| (finding.rule, finding.subject.clone(), finding.state)).collect()
}

fn told(report: &Report) -> String {
    let mut text = Vec::new();
    mizan::view::write_check_text(report, false, &mut text).unwrap();
    anstream::adapter::strip_str(&String::from_utf8(text).unwrap()).to_string()
}

async fn sign_in(board: &Board) -> String {
    let body = Bytes::from_static(b"{\"username\": \"ada\", \"password\": \"pw-ada\"}");
    let request = HttpRequest::post(format!("{}/api/auth/token/", board.url))
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    let answer = Http::new().unwrap().fetch(request).await.unwrap();
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

#[test]
fn the_clean_board_gets_no_error_and_each_mutant_is_named() {
    let board = Board::start(None);
    let checks = Checks::new(&board);
    let clean = checks.check(checks.request("clean", true));
    assert!(clean.is_fit(), "{}", told(&clean));
    // `mark_read` has nothing to mark.
    let warned: Vec<_> = clean.of(State::Warning).map(|finding| finding.rule).collect();
    assert_eq!(warned, [RuleId::M9], "{}", told(&clean));
    let reading = READ.iter().filter_map(|mutant| checks.broken(*mutant, false, &clean));
    let calling = CALLED.iter().filter_map(|mutant| checks.broken(*mutant, true, &clean));
    let wrong: Vec<String> = reading.chain(calling).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_mutant() {
    let with: BTreeSet<RuleId> =
        READ.iter().chain(CALLED).flat_map(|(_, rules)| *rules).chain(ELSEWHERE).copied().collect();
    let all: BTreeSet<RuleId> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(with, all);
}

/// The command in a folder without mizan.yaml.
fn mizan(board: &Board, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mizan"));
    command.arg("check").arg(&board.url).args(arguments).current_dir(std::env::temp_dir());
    command.env("NO_COLOR", "1");
    command
}

#[test]
fn the_command_tells_what_it_found() {
    // Any host is taken: that is what H3 warns of.
    let board = Board::start(Some("*"));
    let sample = ["--param", "post.post_id=1"];
    let output = mizan(&board, &sample).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("warning  H3   site: an unknown Host is refused"), "{text}");
    assert!(text.contains("nobody is signed in: --cookie or --header"), "{text}");
    assert!(text.contains("schema S5: it is the live one that is checked against"), "{text}");

    let broken = ["--public-url", "http://h2.board.test", "--format", "json"];
    let output = mizan(&board, &[&sample[..], &broken].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["v"], 1);
    assert_eq!(report["summary"]["failed"], 1);
    let findings = report["findings"].as_array().unwrap();
    let failed: Vec<&Value> = findings.iter().filter(|it| it["state"] == "failed").collect();
    assert_eq!(failed[0]["rule"], "H2");
    assert_eq!(failed[0]["subject"], "site");
    assert_eq!(failed[0]["request"], "GET /mizan-check/no-such-page/");

    let markdown = ["--public-url", "http://h2.board.test", "--format", "md"];
    let output = mizan(&board, &[&sample[..], &markdown].concat()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("**The check failed:**"), "{text}");
    assert!(text.contains("| failed | H2: DEBUG is off |"), "{text}");
}

#[test]
fn a_credential_is_never_told() {
    let board = Board::start(Some("*"));
    let arguments = ["--header", "TOKEN", "--cookie", "SESSION", "-v"];
    for format in ["text", "json", "md"] {
        let output = mizan(&board, &arguments)
            .args(["--format", format])
            .env("TOKEN", "Authorization: Bearer hunter2")
            .env("SESSION", "sessionid=hunter3")
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("who is signed in may not read it"), "{told}");
        assert!(!told.contains("hunter"), "{told}");
    }
}

#[test]
fn a_typed_credential_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mizan"))
        .args(["check", "http://127.0.0.1:9", "--cookie", "sessionid=hunter2"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("--cookie takes the name of an environment variable"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn nobody_there_is_told_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::free_port();
    let output = Command::new(env!("CARGO_BIN_EXE_mizan"))
        .args(["check", &format!("http://127.0.0.1:{port}")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_broken_schema_fails_without_asking_for_more() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.json"), "{\"x-mizan\": {\"schemaVersion\": 2}}").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mizan"))
        .args(["check", "http://127.0.0.1:9", "--schema", "schema.json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("failed   S2   schema: the version of the schema is known"), "{text}");
}
