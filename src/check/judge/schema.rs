//! S1 to S5: the schema by itself, and against the one that the app serves.

use serde_json::Value;

use super::Findings;
use crate::{
    check::{
        exchange::{Exchange, short},
        report::{Evidence, Finding, Judged, Objection},
        rule::RuleId,
    },
    schema::{self, Issue, Pointer, Schema},
};

const SUBJECT: &str = "schema";

/// A schema and what is wrong with it.
#[derive(Debug)]
pub struct Problems {
    /// As far as it could be read.
    pub schema: Option<Schema>,
    /// S1 to S4.
    pub findings: Vec<Finding>,
}

/// What is wrong with a schema; `from` tells where it came from.
pub fn problems(from: &str, text: &str) -> Problems {
    let (schema, issues) = schema::examine(text);
    let is_read = schema.is_some();
    let of = |rule| first(from, issues.iter().filter(|issue| rule_of(issue, is_read) == rule));
    let mut findings = Findings::about(SUBJECT);
    findings.add(RuleId::S1, of(RuleId::S1));
    findings.add(RuleId::S2, of(RuleId::S2));
    let read =
        || schema.as_ref().ok_or_else(|| Objection::Skipped("it is not readable".to_owned()));
    findings.add(RuleId::S3, read().and_then(|_| of(RuleId::S3)));
    findings.add(RuleId::S4, read().and_then(|schema| is_of_one_mind(from, schema)));
    Problems { schema, findings: findings.list }
}

/// The rule that a problem breaks, by its place. References are looked at once all is read.
fn rule_of(issue: &Issue, is_read: bool) -> RuleId {
    match &issue.pointer {
        Pointer::Value(pointer) if pointer == "/x-mizan/schemaVersion" => RuleId::S2,
        Pointer::Value(pointer) if is_read && pointer.contains("/affects/") => RuleId::S3,
        _ => RuleId::S1,
    }
}

/// The first problem, and how many more there are.
fn first<'a>(from: &str, mut issues: impl Iterator<Item = &'a Issue>) -> Judged {
    let Some(issue) = issues.next() else { return Ok(()) };
    let more = match issues.count() {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    let place = match &issue.pointer {
        Pointer::Value(pointer) => pointer.clone(),
        Pointer::Place(line, column) => format!("line {line}, column {column}"),
    };
    let saw = format!("{place}: {}{more}", issue.message);
    Err(Objection::Broken(Evidence { request: from.to_owned(), saw }))
}

/// S4
fn is_of_one_mind(from: &str, schema: &Schema) -> Judged {
    let mixed = schema.contexts.iter().find(|context| {
        let mut levels = context.auth.iter();
        levels.next().is_some_and(|first| levels.any(|level| level != first))
    });
    match mixed {
        None => Ok(()),
        Some(context) => Err(Objection::Broken(Evidence {
            request: from.to_owned(),
            saw: format!("the functions of context {} ask for different sign-ins", context.name),
        })),
    }
}

/// S5. Without `built`, what the app serves is what is checked against.
pub fn live(served: &Exchange, built: Option<&str>) -> Finding {
    Finding::new(RuleId::S5, SUBJECT, is_live(served, built))
}

fn is_live(served: &Exchange, built: Option<&str>) -> Judged {
    let skipped = |reason: String| Err(Objection::Skipped(reason));
    let Some(built) = built else {
        return skipped("it is the live one that is checked against".to_owned());
    };
    let answer = served.answer()?;
    let live = answer.json().filter(|live| answer.status.is_success() && is_schema(live));
    let Some(live) = live else {
        return skipped(format!("the app serves none ({}: {})", served.request, answer.status));
    };
    let built: Value = serde_json::from_str(built).unwrap_or_default();
    if live == built {
        return Ok(());
    }
    let version = |schema: &Value| short(schema["info"]["version"].as_str().unwrap_or("unknown"));
    Err(served.broken(format!("version {}, built was {}", version(&live), version(&built))))
}

fn is_schema(value: &Value) -> bool {
    value.get("x-mizan").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{exchange::tests::exchange, report::State};

    const EXAMPLE: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/valid/schema.json"));

    fn failed(text: &str) -> Vec<RuleId> {
        let findings = problems("schema.json", text).findings;
        let bad = |finding: &Finding| matches!(finding.state, State::Failed | State::Warning);
        findings.iter().filter(|finding| bad(finding)).map(|finding| finding.rule).collect()
    }

    fn changed(change: impl FnOnce(&mut Value)) -> String {
        let mut schema: Value = serde_json::from_str(EXAMPLE).unwrap();
        change(&mut schema);
        schema.to_string()
    }

    #[test]
    fn each_problem_belongs_to_its_rule() {
        assert_eq!(failed(EXAMPLE), []);
        assert_eq!(failed("{"), [RuleId::S1]);
        assert_eq!(failed(&changed(|it| it["x-mizan"]["base"] = "mizan".into())), [RuleId::S1]);
        assert_eq!(failed(&changed(|it| it["x-mizan"]["schemaVersion"] = 2.into())), [RuleId::S2]);
        let affects = |it: &mut Value| {
            let functions = it["x-mizan-functions"].as_array_mut().unwrap();
            let mut functions = functions.iter_mut();
            let changing = functions.find(|it| !it["affects"].as_array().unwrap().is_empty());
            changing.unwrap()["affects"][0]["context"] = "nowhere".into();
        };
        assert_eq!(failed(&changed(affects)), [RuleId::S3]);
        let shape = |it: &mut Value| {
            it["x-mizan-functions"][0]["affects"] = serde_json::json!([{"context": 1}]);
        };
        assert_eq!(failed(&changed(shape)), [RuleId::S1]);
        let auth = |it: &mut Value| {
            it["x-mizan-contexts"][0]["auth"] = serde_json::json!(["none", "user"]);
        };
        assert_eq!(failed(&changed(auth)), [RuleId::S4]);
    }

    #[test]
    fn live_and_built_are_compared_by_content() {
        let json = [("content-type", "application/json")];
        let served = |text: &str| exchange(200, &json, text);
        assert_eq!(is_live(&served(EXAMPLE), Some(EXAMPLE)), Ok(()));
        let other = changed(|it| it["info"]["version"] = "other".into());
        assert!(matches!(is_live(&served(&other), Some(EXAMPLE)), Err(Objection::Broken(_))));
        let none = is_live(&exchange(404, &json, "{}"), Some(EXAMPLE));
        assert!(matches!(none, Err(Objection::Skipped(_))));
    }
}
