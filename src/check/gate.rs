//! The check as a step of a deploy: the new release is asked before visitors are sent there.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Credentials, Finding, KnownSchema, Passage, Report, Request, RuleId, Samples, State, Through,
    check,
};
use crate::{
    engine::StepContext,
    error::{Context, Error, ErrorKind, Result},
    model::{App, OnError, SchemaSource},
};

/// What a deploy asks of a new release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// A broken rule stops the deploy; else it is told.
    pub blocks: bool,
    /// Values to call contexts with: context, parameter, value.
    pub params: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Gate {
    /// What mizan.yaml says; `None` if it says `off`, or if there is no edge that relies on the rules.
    pub fn of(app: &App) -> Option<Self> {
        let edge = app.edge.as_ref().filter(|_| app.schema != SchemaSource::None)?;
        let blocks = match edge.check.on_error {
            OnError::Block => true,
            OnError::Warn => false,
            OnError::Off => return None,
        };
        Some(Self { blocks, params: edge.check.params.clone() })
    }

    /// What the step does, for the reader of a plan.
    pub fn what(&self, whom: &str) -> String {
        let otherwise = if self.blocks { "" } else { "; broken rules are only told" };
        format!("ask {whom} whether it keeps the rules of the protocol{otherwise}")
    }

    /// Asks at `address`, by this passage, as the edge would that visitors find at `public_url`.
    ///
    /// # Errors
    /// A rule is broken that matters, and that stops the deploy; or the run was cancelled.
    pub async fn pass(
        &self,
        address: &str,
        public_url: &str,
        passage: Passage,
        schema: &Path,
        context: &StepContext<'_>,
    ) -> Result<()> {
        let text = fs::read_to_string(schema)
            .context(ErrorKind::Failed, || format!("cannot read {}", schema.display()))?;
        let request = Request {
            address: address.to_owned(),
            public_url: Some(public_url.to_owned()),
            through: Through::Origin,
            schema: Some(KnownSchema { from: "the build".to_owned(), text }),
            samples: Samples::new(self.params.clone()),
            credentials: Credentials::default(),
            passage,
            mutate: false,
        };
        context.progress(format!("asking {address}"));
        let report = tokio::select! {
            report = Box::pin(check(request)) => report,
            () = context.cancel.cancelled() => {
                return Err(Error::new(ErrorKind::Interrupted, "cancelled"));
            }
        };
        self.judge(report, context)
    }

    fn judge(&self, report: Result<Report>, context: &StepContext<'_>) -> Result<()> {
        let refusal = match report {
            Ok(report) => {
                report.of(State::Warning).for_each(|finding| context.warn(line(finding)));
                refusal(&report)
            }
            Err(error) => Some(error),
        };
        let way_out = "or let it pass: `edge: {check: {on_error: warn}}` in mizan.yaml";
        match refusal {
            None => Ok(()),
            Some(error) => self.refuse(error.hint(way_out), context),
        }
    }

    /// What is said against a release stops the deploy, or is told.
    ///
    /// # Errors
    /// What is said, if it stops the deploy.
    pub fn refuse(&self, error: Error, context: &StepContext<'_>) -> Result<()> {
        if self.blocks {
            return Err(error);
        }
        context.warn(error.to_string());
        Ok(())
    }
}

/// What is said of a release that breaks rules that matter.
fn refusal(report: &Report) -> Option<Error> {
    let failed: Vec<&Finding> = report.of(State::Failed).collect();
    let message = match failed.len() {
        0 => return None,
        1 => "a rule of the protocol is broken".to_owned(),
        count => format!("{count} rules of the protocol are broken"),
    };
    let told = failed.iter().copied().map(line).fold(Error::failed(message), Error::cause);
    let remedies: BTreeMap<RuleId, &str> =
        failed.iter().filter_map(|finding| Some((finding.rule, finding.hint?))).collect();
    Some(
        remedies
            .into_iter()
            .fold(told, |error, (rule, remedy)| error.hint(format!("{rule:?}: {remedy}"))),
    )
}

fn line(finding: &Finding) -> String {
    let Finding { rule, title, subject, evidence, .. } = finding;
    match evidence {
        Some(seen) => format!("{rule:?} {subject}: {title}: {}: {}", seen.request, seen.saw),
        None => format!("{rule:?} {subject}: {title}"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        check::{Evidence, RuleId, report::Objection},
        engine::{Event, Outputs},
        plan::StepId,
    };

    fn report(rules: &[RuleId]) -> Report {
        let evidence = || Evidence { request: "GET /".into(), saw: "500".into() };
        let broken =
            |rule: &RuleId| Finding::new(*rule, "site", Err(Objection::Broken(evidence())));
        let findings = rules.iter().map(broken).collect();
        Report::new("http://a".into(), Through::Origin, "a file".into(), findings, &[])
    }

    /// The error, if any, and the warnings.
    fn judged(blocks: bool, report: Result<Report>) -> (Option<Error>, Vec<String>) {
        let warnings = RefCell::new(Vec::new());
        let events = |event: Event| {
            if let Event::Warning { message } = event {
                warnings.borrow_mut().push(message);
            }
        };
        let context = StepContext {
            id: StepId::new("check", "r1"),
            outputs: Outputs::new(),
            cancel: CancellationToken::new(),
            events: &events,
        };
        let gate = Gate { blocks, params: BTreeMap::new() };
        let error = gate.judge(report, &context).err();
        (error, warnings.into_inner())
    }

    #[test]
    fn a_broken_rule_stops_the_deploy_or_is_told() {
        let both = || Ok(report(&[RuleId::H1, RuleId::H4]));
        let (error, warnings) = judged(true, both());
        let error = error.unwrap();
        assert_eq!(error.message, "a rule of the protocol is broken");
        assert!(error.causes[0].starts_with("H1 site: the health path"), "{:?}", error.causes);
        assert_eq!(error.hints[0], format!("H1: {}", RuleId::H1.rule().remedy));
        assert_eq!(warnings.len(), 1);
        let (error, warnings) = judged(false, both());
        assert_eq!((error, warnings.len()), (None, 2));
    }

    #[test]
    fn warnings_alone_and_a_clean_release_pass() {
        assert_eq!(judged(true, Ok(report(&[]))), (None, vec![]));
        assert_eq!(judged(true, Ok(report(&[RuleId::H4]))).0, None);
    }

    #[test]
    fn nobody_there_is_like_a_broken_rule() {
        let silent = || Err(Error::new(ErrorKind::Unavailable, "nobody there"));
        assert_eq!(judged(true, silent()).0.unwrap().message, "nobody there");
        assert_eq!(judged(false, silent()), (None, vec!["nobody there".to_owned()]));
    }
}
