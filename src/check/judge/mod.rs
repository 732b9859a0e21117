//! The rules themselves: pure, on what was gathered.

mod cache_control;
mod call;
mod context;
mod mutation;
mod param;
mod schema;
mod site;
mod steadiness;

pub use call::{call, no_call};
pub use context::context;
pub use mutation::{mutation, no_mutation};
pub use schema::{live, problems};
pub use site::site;

use super::{
    exchange::{Asked, Exchange},
    report::{Finding, Judged, Objection},
    rule::RuleId,
};

const CACHE_CONTROL: &str = "Cache-Control";

/// Findings about one subject.
struct Findings {
    subject: String,
    list: Vec<Finding>,
}

impl Findings {
    fn about(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), list: Vec::new() }
    }

    fn add(&mut self, rule: RuleId, judged: Judged) {
        self.list.push(Finding::new(rule, self.subject.clone(), judged));
    }

    /// All of them for the same reason.
    fn skip(&mut self, rules: &[RuleId], reason: &str) {
        for rule in rules {
            self.add(*rule, Err(Objection::Skipped(reason.to_owned())));
        }
    }
}

/// What was asked, or the reason why the rule is skipped.
fn asked<T>(asked: &Asked<T>) -> Result<&T, Objection> {
    asked.as_ref().map_err(|reason| Objection::Skipped(reason.clone()))
}

/// The request was refused, and no cache keeps the refusal.
fn is_refused(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.is_refusal() && answer.is_no_store() {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[CACHE_CONTROL]))),
    }
}

/// Who asked was told that they may not, and no cache keeps it.
fn is_turned_away(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match matches!(answer.status.as_u16(), 401 | 403) && answer.is_no_store() {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[CACHE_CONTROL]))),
    }
}

/// The first objection to any of them.
fn each<'a>(
    exchanges: impl IntoIterator<Item = &'a Exchange>,
    judge: fn(&Exchange) -> Judged,
) -> Judged {
    exchanges.into_iter().try_for_each(judge)
}
