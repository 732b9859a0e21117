//! What a check found, by rule and subject: the one result that text, Markdown and JSON are made of.

use serde::Serialize;

use super::{
    mask::Mask,
    rule::{RuleId, Severity},
};
use crate::secret::SecretValue;

/// What was asked and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The request, without any credential.
    pub request: String,
    /// What was seen, in one line.
    pub saw: String,
}

/// Why a rule is not known to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It does not.
    Broken(Evidence),
    /// It does in the main, but not as the schema has it: never more than a warning.
    Drifted(Evidence),
    /// Nobody could ask.
    Skipped(String),
}

/// Whether a rule holds.
pub type Judged = Result<(), Objection>;

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It holds.
    Passed,
    /// It does not, and it matters.
    Failed,
    /// It does not, and it matters less.
    Warning,
    /// Nobody could ask.
    Skipped,
}

/// A rule and a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// What holds if it passed.
    pub title: &'static str,
    /// What it is about: `context post`, `function add_comment`, `schema`, `site`.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// What was asked and seen, if it does not hold.
    #[serde(flatten)]
    pub evidence: Option<Evidence>,
    /// Why nobody could ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

impl Finding {
    /// The finding of a judgement.
    pub fn new(rule: RuleId, subject: impl Into<String>, judged: Judged) -> Self {
        let about = rule.rule();
        let (state, evidence, reason) = match judged {
            Ok(()) => (State::Passed, None, None),
            Err(Objection::Broken(evidence)) => match about.severity {
                Severity::Error => (State::Failed, Some(evidence), None),
                Severity::Warning => (State::Warning, Some(evidence), None),
            },
            Err(Objection::Drifted(evidence)) => (State::Warning, Some(evidence), None),
            Err(Objection::Skipped(reason)) => (State::Skipped, None, Some(reason)),
        };
        let hint = evidence.is_some().then_some(about.remedy);
        Self { rule, title: about.title, subject: subject.into(), state, evidence, reason, hint }
    }
}

/// How many findings there are of each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the states are documented at `State`")]
pub struct Summary {
    pub failed: usize,
    pub warnings: usize,
    pub passed: usize,
    pub skipped: usize,
}

/// What is expected of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// Those of the app itself.
    Origin,
    /// Those of the edge before it.
    Edge,
}

/// The result of a check (version 1 of its JSON).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of this format.
    pub v: u8,
    /// The address that was asked.
    pub url: String,
    /// What was expected there.
    pub through: Through,
    /// Where the schema came from.
    pub schema: String,
    /// How it went.
    pub summary: Summary,
    /// By rule, then by subject.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The report of these findings. Whatever an answer repeated of a credential is taken out.
    pub fn new(
        url: String,
        through: Through,
        schema: String,
        mut findings: Vec<Finding>,
        secrets: &[SecretValue],
    ) -> Self {
        findings.sort_by(|one, other| (one.rule, &one.subject).cmp(&(other.rule, &other.subject)));
        let mask = Mask::of(secrets);
        let evidence = findings.iter_mut().filter_map(|finding| finding.evidence.as_mut());
        for text in evidence.flat_map(|seen| [&mut seen.request, &mut seen.saw]) {
            *text = mask.applied(text);
        }
        let count = |state| findings.iter().filter(|finding| finding.state == state).count();
        let summary = Summary {
            failed: count(State::Failed),
            warnings: count(State::Warning),
            passed: count(State::Passed),
            skipped: count(State::Skipped),
        };
        Self { v: 1, url, through, schema, summary, findings }
    }

    /// True if no rule is broken that matters.
    pub fn is_fit(&self) -> bool {
        self.summary.failed == 0
    }

    /// The findings of a state.
    pub fn of(&self, state: State) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.state == state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(saw: &str) -> Evidence {
        Evidence { request: "GET /".into(), saw: saw.into() }
    }

    #[test]
    fn the_rule_decides_how_much_a_break_matters() {
        let state = |rule, objection| Finding::new(rule, "site", Err(objection)).state;
        assert_eq!(state(RuleId::H1, Objection::Broken(evidence("503"))), State::Failed);
        assert_eq!(state(RuleId::H4, Objection::Broken(evidence("1970"))), State::Warning);
        assert_eq!(state(RuleId::C4, Objection::Drifted(evidence("60"))), State::Warning);
        assert_eq!(state(RuleId::H1, Objection::Skipped("no path".into())), State::Skipped);
    }

    #[test]
    fn findings_are_sorted_and_a_repeated_credential_is_masked() {
        let findings = vec![
            Finding::new(RuleId::H1, "site", Ok(())),
            Finding::new(RuleId::C1, "b", Err(Objection::Broken(evidence("you sent hunter2")))),
            Finding::new(RuleId::C1, "a", Ok(())),
        ];
        let secrets = [SecretValue::new("hunter2".into()), SecretValue::new(String::new())];
        let url = "http://127.0.0.1".to_owned();
        let report = Report::new(url, Through::Origin, "a file".into(), findings, &secrets);
        let order: Vec<_> = report.findings.iter().map(|it| (it.rule, &*it.subject)).collect();
        assert_eq!(order, [(RuleId::C1, "a"), (RuleId::C1, "b"), (RuleId::H1, "site")]);
        let saw = report.findings[1].evidence.as_ref().map(|seen| seen.saw.as_str());
        assert_eq!(saw, Some("you sent ***"));
        assert!(!report.is_fit());
    }
}
