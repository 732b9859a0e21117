//! Text that nobody meant as mizan.yaml or as a schema: arbitrary, and valid files with random
//! damage. Nothing may panic, and every problem must stand in the text. The same checks run with
//! many more cases in the ignored tests (`make conformance`), and without end in `fuzz/`.

use std::path::Path;

use mizan::{
    config::{self, ConfigError, ConfigFile, Diagnostics},
    schema,
};
use proptest::{prelude::*, test_runner::TestRunner};

const CONFIGS: [&str; 3] = [
    include_str!("../fixtures/valid/reference/mizan.yaml"),
    include_str!("../fixtures/valid/board/mizan.yaml"),
    include_str!("../fixtures/valid/every/mizan.yaml"),
];
const SCHEMA: &str = include_str!("../fixtures/valid/schema.json");

/// What turns up where parsers go wrong.
const TOKENS: [&str; 24] = [
    "\n",
    "\t",
    "  ",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<",
    "!!int ",
    "|\n",
    ">\n",
    "'",
    "\"",
    "\\u0000",
    "\u{feff}",
    "ü",
    "---\n",
    "~",
    "99999999999999999999",
    "-0x1",
];

/// One piece of damage; the numbers are taken modulo the length of the text.
#[derive(Debug, Clone)]
enum Damage {
    Insert(usize, &'static str),
    Delete(usize, usize),
    Repeat(usize, usize),
    Byte(usize, u8),
}

fn any_damage() -> impl Strategy<Value = Vec<Damage>> {
    let place = || any::<usize>();
    let one = prop_oneof![
        (place(), prop::sample::select(&TOKENS[..]))
            .prop_map(|(at, token)| Damage::Insert(at, token)),
        (place(), 1..40_usize).prop_map(|(at, length)| Damage::Delete(at, length)),
        (place(), 1..40_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
    ];
    prop::collection::vec(one, 1..6)
}

fn damaged(text: &str, damage: &[Damage]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for piece in damage {
        let length = bytes.len().max(1);
        match *piece {
            Damage::Insert(at, token) => {
                let at = at % length;
                bytes.splice(at..at, token.bytes());
            }
            Damage::Delete(at, count) => {
                let at = at % length;
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Damage::Repeat(at, count) => {
                let at = at % length;
                let piece = bytes[at..(at + count).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            Damage::Byte(at, byte) => {
                if let Some(place) = bytes.get_mut(at % length) {
                    *place = byte;
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn check_config(text: &str) -> Result<(), TestCaseError> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/app"));
    let file = match ConfigFile::parse("mizan.yaml", text, root) {
        Ok(file) => file,
        Err(error) => return check_error(&error, text),
    };
    for env in file.environments() {
        match file.resolve(env) {
            Ok(app) => {
                let shown = config::show(&app);
                prop_assert!(shown.is_ok(), "{:?}", shown);
            }
            Err(error) => check_error(&error, text)?,
        }
    }
    Ok(())
}

fn check_error(error: &ConfigError, text: &str) -> Result<(), TestCaseError> {
    let diagnostics = error.diagnostics();
    prop_assert!(diagnostics.is_some(), "no problem of the file: {}", error);
    diagnostics.map_or(Ok(()), |diagnostics| check_diagnostics(diagnostics, text))
}

fn check_diagnostics(diagnostics: &Diagnostics, text: &str) -> Result<(), TestCaseError> {
    prop_assert!(!diagnostics.list().is_empty());
    // The YAML parser also ends lines at a lone carriage return; the end of the text is a place.
    let lines = text.matches(['\n', '\r']).count() + 1;
    for problem in diagnostics.list() {
        let start = problem.span.start;
        prop_assert!((1..=lines + 1).contains(&start.line), "{:?}", problem);
        prop_assert!((1..=text.chars().count() + 1).contains(&start.column), "{:?}", problem);
    }
    prop_assert!(!diagnostics.render("error", false).is_empty());
    Ok(())
}

fn check_schema(text: &str) -> Result<(), TestCaseError> {
    match schema::parse("schema.json", text) {
        Ok(schema) => {
            let data = schema::policy(&schema, deployment());
            prop_assert!(serde_json::to_string(&data).is_ok());
            Ok(())
        }
        Err(diagnostics) => check_diagnostics(&diagnostics, text),
    }
}

fn deployment() -> schema::Deployment {
    schema::Deployment {
        app: "board".into(),
        environment: "local".into(),
        release: "r1".into(),
        assets: None,
        per_user: false,
        announced: vec!["posts".into()],
        window: 600,
    }
}

fn run<T: Strategy>(
    cases: u32,
    strategy: T,
    check: impl Fn(T::Value) -> Result<(), TestCaseError>,
) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    if let Err(failure) = TestRunner::new(config).run(&strategy, check) {
        panic!("{failure}");
    }
}

fn arbitrary(cases: u32) {
    run(cases, "(?s).{0,200}", |text| check_config(&text).and_then(|()| check_schema(&text)));
}

fn damaged_configs(cases: u32) {
    let strategy = (prop::sample::select(&CONFIGS[..]), any_damage());
    run(cases, strategy, |(text, damage)| check_config(&damaged(text, &damage)));
}

fn damaged_schemas(cases: u32) {
    run(cases, any_damage(), |damage| check_schema(&damaged(SCHEMA, &damage)));
}

#[test]
fn arbitrary_text_never_panics() {
    arbitrary(500);
}

#[test]
fn damaged_configurations_never_panic() {
    damaged_configs(500);
}

#[test]
fn damaged_schemas_never_panic() {
    damaged_schemas(200);
}

#[test]
#[ignore = "many cases: run by `make conformance`"]
fn conformance_arbitrary_text_never_panics() {
    arbitrary(50_000);
}

#[test]
#[ignore = "many cases: run by `make conformance`"]
fn conformance_damaged_configurations_never_panic() {
    damaged_configs(50_000);
}

#[test]
#[ignore = "many cases: run by `make conformance`"]
fn conformance_damaged_schemas_never_panic() {
    damaged_schemas(20_000);
}
