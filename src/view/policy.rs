//! The policy of the Edge, a line for each context; below it what changed and what is probably not
//! meant.

use std::io::{self, Write};

use owo_colors::OwoColorize;

use super::{
    clean::clean,
    style::{CARE, STRONG},
};
use crate::schema::{PolicyChange, PolicyReport, Severity};

/// Writes the policy.
pub fn write_policy_text(policy: &PolicyReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", "What the edge does:".style(STRONG))?;
    for context in &policy.contexts {
        let name = clean(&context.facts.name);
        writeln!(out, "  {}: {}", name.style(STRONG), clean(&context.words))?;
    }
    if policy.contexts.is_empty() {
        writeln!(out, "  there is no context: every request passes through")?;
    }
    if let Some(title) = changes_title(policy) {
        writeln!(out, "{}", title.style(STRONG))?;
        for change in &policy.changes {
            writeln!(out, "  {} {}", "~".style(CARE), clean(&change_line(change)))?;
        }
    }
    for finding in &policy.findings {
        let line = clean(&finding.line());
        let style = match finding.severity {
            Severity::Warning => CARE,
            Severity::Note => STRONG,
        };
        writeln!(out, "{} {line}", format!("{}:", finding.severity).style(style))?;
    }
    Ok(())
}

/// What stands above the changes, if there are any.
pub(super) fn changes_title(policy: &PolicyReport) -> Option<String> {
    let since = policy.since.as_ref().filter(|_| !policy.changes.is_empty())?;
    Some(format!("Since {}:", clean(since)))
}

pub(super) fn change_line(change: &PolicyChange) -> String {
    match &change.context {
        Some(context) => format!("{context}: {}", change.words),
        None => change.words.clone(),
    }
}
