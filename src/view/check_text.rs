//! The report of a check for a person: what is wrong, what could not be asked, and the sum of it.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use owo_colors::{OwoColorize, Style};

use super::{
    clean::clean,
    style::{BAD, CARE, GOOD, QUIET, STRONG},
};
use crate::check::{Finding, Report, State, Summary, Through};

/// Writes the report; `verbose` also lists what holds.
pub fn write_check_text(
    report: &Report,
    verbose: bool,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    for finding in report.of(State::Failed).chain(report.of(State::Warning)) {
        write_broken(finding, out)?;
    }
    if verbose {
        for finding in report.of(State::Passed) {
            write_line(finding, out)?;
        }
    }
    for (reason, names) in skipped(report) {
        let line = format!("{:<7}  {names}: {}", "skipped", clean(reason));
        writeln!(out, "{}", line.style(QUIET))?;
    }
    writeln!(out, "{}", totals(report).style(STRONG))
}

fn write_broken(finding: &Finding, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    write_line(finding, out)?;
    if let Some(evidence) = &finding.evidence {
        writeln!(out, "         {}", clean(&evidence.request))?;
        writeln!(out, "         saw: {}", clean(&evidence.saw))?;
    }
    match finding.hint {
        Some(hint) => writeln!(out, "         hint: {hint}"),
        None => Ok(()),
    }
}

fn write_line(finding: &Finding, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let (word, style) = word(finding.state);
    let (rule, subject) = (format!("{:?}", finding.rule), clean(&finding.subject));
    writeln!(out, "{:<7}  {rule:<3}  {subject}: {}", word.style(style), finding.title)
}

/// A state in a word.
pub(super) fn word(state: State) -> (&'static str, Style) {
    match state {
        State::Passed => ("passed", GOOD),
        State::Failed => ("failed", BAD),
        State::Warning => ("warning", CARE),
        State::Skipped => ("skipped", QUIET),
    }
}

/// What could not be asked, by the reason: subjects with their rules.
pub(super) fn skipped(report: &Report) -> BTreeMap<&str, String> {
    let mut reasons: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for finding in report.of(State::Skipped) {
        let reason = finding.reason.as_deref().unwrap_or_default();
        let rules = reasons.entry(reason).or_default().entry(&finding.subject).or_default();
        *rules += &format!(" {:?}", finding.rule);
    }
    let told = |subjects: BTreeMap<&str, String>| {
        let subjects = subjects.into_iter();
        let subjects = subjects.map(|(subject, rules)| format!("{}{rules}", clean(subject)));
        subjects.collect::<Vec<_>>().join(", ")
    };
    reasons.into_iter().map(|(reason, subjects)| (reason, told(subjects))).collect()
}

/// How it went, in one line.
pub(super) fn totals(report: &Report) -> String {
    let Summary { failed, warnings, passed, skipped } = report.summary;
    let through = match report.through {
        Through::Origin => "the app itself",
        Through::Edge => "the edge",
    };
    let (url, schema) = (clean(&report.url), clean(&report.schema));
    format!(
        "{failed} failed, {warnings} warnings, {passed} passed, {skipped} skipped: {through} at \
         {url}, by the schema of {schema}."
    )
}
