//! What exists on a platform, as facts that can be compared.

use std::{fmt::Write, sync::LazyLock};

use regex::{Captures, Regex};

/// Something that exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What and how it is, in one line; equal for two deploys that came out the same.
    pub what: String,
    /// Which one it is: ids and addresses that no two deploys share.
    pub which: String,
    /// It may stay when a deploy is taken back: images, and what was taken out of them.
    pub cached: bool,
}

/// Everything that exists.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// In any order.
    pub facts: Vec<Fact>,
    /// The release that takes the traffic, as a number.
    pub live: Option<u32>,
    /// The services that run, by their names in `mizan.yaml`, sorted.
    pub services: Vec<String>,
}

impl World {
    /// True if nothing exists.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// What exists, whichever it is; releases are named by their distance from the live one, so
    /// that two deploys of a row compare.
    pub fn shape(&self) -> Vec<String> {
        sorted(self.facts.iter().map(|fact| self.relative(&fact.what)))
    }

    /// What must be the same after a deploy that was taken back.
    pub fn lasting(&self) -> Self {
        let facts = self.facts.iter().filter(|fact| !fact.cached);
        Self { facts: facts.cloned().collect(), live: self.live, services: self.services.clone() }
    }

    /// What exists, down to the ids.
    pub fn identity(&self) -> Vec<String> {
        sorted(self.facts.iter().map(|fact| format!("{} [{}]", fact.what, fact.which)))
    }

    fn relative(&self, text: &str) -> String {
        static RELEASE: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\br(\d+)\b").expect("an expression"));
        let name = |found: &Captures<'_>| {
            let number: i64 = found[1].parse().expect("a number");
            match self.live.map(|live| number - i64::from(live)) {
                Some(0) => "(live)".to_owned(),
                Some(distance) => format!("(live{distance:+})"),
                None => found[0].to_owned(),
            }
        };
        RELEASE.replace_all(text, name).into_owned()
    }
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// What differs, line by line; nothing if nothing does.
pub fn difference(expected: &[String], found: &[String]) -> String {
    let mut text = String::new();
    let mut rest = found.to_vec();
    for line in expected {
        match rest.iter().position(|other| other == line) {
            Some(at) => drop(rest.remove(at)),
            None => writeln!(text, "  missing: {line}").expect("a String"),
        }
    }
    for line in rest {
        writeln!(text, "  too much: {line}").expect("a String");
    }
    text
}

/// Fails the test if what was found is not what was expected.
#[track_caller]
pub fn assert_same(what: &str, expected: &[String], found: &[String]) {
    let difference = difference(expected, found);
    assert!(difference.is_empty(), "{what}:\n{difference}");
}
