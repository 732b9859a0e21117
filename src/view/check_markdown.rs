//! The report of a check as a comment on a pull request. What the app answered is foreign text.

use std::io::{self, Write};

use super::{
    check_text::{skipped, totals, word},
    plan_markdown::foreign,
};
use crate::check::{Report, State};

/// Writes the report as GitHub Flavored Markdown.
pub fn write_check_markdown(report: &Report, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let verdict = if report.is_fit() { "The check passed" } else { "The check failed" };
    writeln!(out, "**{verdict}:** {}", foreign(&totals(report)))?;
    let mut broken = report.of(State::Failed).chain(report.of(State::Warning)).peekable();
    if broken.peek().is_some() {
        writeln!(out, "\n| | rule | about | asked and seen |\n|---|---|---|---|")?;
    }
    for finding in broken {
        let seen = finding.evidence.as_ref().map_or_else(String::new, |seen| {
            format!("{}<br>{}", foreign(&seen.request), foreign(&seen.saw))
        });
        let (word, subject) = (word(finding.state).0, foreign(&finding.subject));
        let (rule, title) = (finding.rule, finding.title);
        writeln!(out, "| {word} | {rule:?}: {title} | {subject} | {seen} |")?;
    }
    let skipped = skipped(report);
    if skipped.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>Not asked</summary>\n")?;
    writeln!(out, "| rules | why |\n|---|---|")?;
    for (reason, names) in skipped {
        writeln!(out, "| {} | {} |", foreign(&names), foreign(reason))?;
    }
    writeln!(out, "\n</details>")
}
