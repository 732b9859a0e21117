//! Writes what the rules mean (`docs/check.md`), and keeps it fresh. Compiled for tests alone.

use std::{fmt::Write as _, fs, path::Path};

use super::rule::{RULES, Rule, RuleId, Severity};

/// What each group of rules is about.
const GROUPS: [(&str, RuleId); 8] = [
    ("The schema", RuleId::S1),
    ("Who may read", RuleId::A1),
    ("Contexts", RuleId::C1),
    ("Parameters of contexts", RuleId::P1),
    ("Errors", RuleId::E1),
    ("Mutations", RuleId::M1),
    ("WebSockets", RuleId::W1),
    ("The host", RuleId::H1),
];

const BEGIN: &str = "<!-- rules: made from src/check/rule.rs by `UPDATE=1 cargo test check::reference`; do not edit -->\n";
const END: &str = "<!-- end of rules -->\n";

fn tables() -> String {
    let mut out = String::new();
    for rule in RULES {
        if let Some((title, _)) = GROUPS.iter().find(|(_, first)| *first == rule.id) {
            let _ = write!(
                out,
                "\n### {title}\n\n| rule | holds if | if it is broken | what to do |\n|---|---|---|---|\n"
            );
        }
        row(rule, &mut out);
    }
    out
}

fn row(rule: &Rule, out: &mut String) {
    let Rule { id, severity, title, meaning, remedy } = rule;
    let warning = if *severity == Severity::Warning { " (warning)" } else { "" };
    let _ = writeln!(out, "| {id:?}{warning} | {title} | {meaning} | {remedy} |");
}

#[test]
fn the_rules_in_docs_are_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md");
    let found = fs::read_to_string(&path).unwrap();
    let (before, rest) = found.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}\n{END}{after}", tables());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == expected, "docs/check.md is stale: run UPDATE=1 cargo test check::reference");
}
