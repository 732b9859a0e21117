//! M5 to M10: what a real call answers, and what changes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{CACHE_CONTROL, Findings, asked, is_turned_away};
use crate::{
    check::{
        exchange::{Answer, Exchange, short},
        gather::{Affected, Called, MutationSeen},
        report::{Finding, Judged, Objection},
        rule::RuleId,
    },
    schema::{Affects, Function},
};

const OF_CALL: [RuleId; 5] = [RuleId::M5, RuleId::M6, RuleId::M7, RuleId::M9, RuleId::M10];

/// Everything about one mutation.
pub fn mutation(seen: &MutationSeen<'_>) -> Vec<Finding> {
    let mut findings = Findings::about(format!("function {}", seen.function.name));
    findings.add(RuleId::M8, asked(&seen.stranger).and_then(is_turned_away));
    match &seen.called {
        Ok(called) => judge(seen.function, called, &mut findings),
        Err(reason) => findings.skip(&OF_CALL, reason),
    }
    findings.list
}

/// The same, where nothing may be changed or there is nothing to call.
pub fn no_mutation(reason: &str) -> Vec<Finding> {
    let mut findings = Findings::about("mutations");
    findings.skip(&OF_CALL, reason);
    findings.skip(&[RuleId::M8], reason);
    findings.list
}

fn judge(function: &Function, called: &Called, findings: &mut Findings) {
    let exchange = &called.exchange;
    findings.add(RuleId::M5, is_no_store(exchange));
    let entries = entries(exchange);
    findings.add(RuleId::M6, entries.as_ref().map(drop).map_err(Clone::clone));
    let unread = "the answer cannot be read: see M6".to_owned();
    let entries = entries.map_err(|_| Objection::Skipped(unread));
    let of_entries = |rule: &dyn Fn(&[Entry]) -> Judged| {
        entries.as_ref().map_err(Clone::clone).and_then(|entries| rule(entries))
    };
    findings.add(RuleId::M7, of_entries(&|entries| is_declared(exchange, entries, function)));
    findings.add(RuleId::M9, of_entries(&|_| changes(exchange, &called.affected)));
    findings.add(RuleId::M10, of_entries(&|entries| is_sent(exchange, entries, function)));
}

/// M5
fn is_no_store(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.is_no_store() {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[CACHE_CONTROL]))),
    }
}

/// An entry of `invalidate`.
#[derive(Debug, PartialEq)]
struct Entry {
    context: String,
    params: BTreeSet<String>,
}

/// M6
fn entries(exchange: &Exchange) -> Result<Vec<Entry>, Objection> {
    let answer = exchange.answer()?;
    if answer.status.as_u16() != 200 {
        return Err(exchange.broken(answer.told(&["Content-Type"])));
    }
    read(answer).map_err(|what| exchange.broken(what))
}

fn read(answer: &Answer) -> Result<Vec<Entry>, String> {
    let body = answer.json().ok_or_else(|| answer.told(&["Content-Type"]))?;
    let body = body.as_object().ok_or("no JSON object")?;
    body.get("result").ok_or("no `result`")?;
    let list = body.get("invalidate").and_then(Value::as_array).ok_or("no list `invalidate`")?;
    list.iter().map(entry).collect()
}

fn entry(value: &Value) -> Result<Entry, String> {
    let strange = || format!("an entry of `invalidate` is {}", short(&value.to_string()));
    let whole = |context: &str| Entry { context: context.to_owned(), params: BTreeSet::new() };
    if let Some(context) = value.as_str() {
        return Ok(whole(context));
    }
    let context = value["context"].as_str().ok_or_else(strange)?;
    let nothing = Map::new();
    let params = match value.get("params") {
        None => &nothing,
        Some(params) => params.as_object().ok_or_else(strange)?,
    };
    match params.values().any(|value| value.is_object() || value.is_array()) {
        true => Err(strange()),
        false => Ok(Entry { params: params.keys().cloned().collect(), ..whole(context) }),
    }
}

/// M7
fn is_declared(exchange: &Exchange, entries: &[Entry], function: &Function) -> Judged {
    for entry in entries {
        let mut declared =
            function.affects.iter().filter(|affects| affects.context == entry.context).peekable();
        if declared.peek().is_none() {
            let name = short(&entry.context);
            return Err(exchange.broken(format!("it makes {name} stale, which is not declared")));
        }
        // The edge makes the whole context stale then: safe, but more than was meant.
        if !entry.params.is_empty() && !declared.any(|affects| names(affects) == entry.params) {
            let params: Vec<&str> = entry.params.iter().map(String::as_str).collect();
            let (name, params) = (short(&entry.context), short(&params.join(", ")));
            return Err(exchange
                .drifted(format!("it makes {name} stale by {params}, which is not declared")));
        }
    }
    Ok(())
}

fn names(affects: &Affects) -> BTreeSet<String> {
    affects.params.iter().map(|(name, _)| name.clone()).collect()
}

/// M9: if nothing at all has changed, the call may have had nothing to do.
fn changes(exchange: &Exchange, affected: &[crate::check::exchange::Asked<Affected>]) -> Judged {
    let reasons: Vec<&String> = affected.iter().filter_map(|seen| seen.as_ref().err()).collect();
    let seen: Vec<&Affected> = affected.iter().filter_map(|seen| seen.as_ref().ok()).collect();
    if seen.is_empty() {
        let reason = reasons.first().map_or("it affects no context", |reason| reason.as_str());
        return Err(Objection::Skipped(reason.to_owned()));
    }
    let mut unchanged = Vec::new();
    for affected in &seen {
        if affected.before.answer()?.body == affected.after.answer()?.body {
            unchanged.push(*affected);
        }
    }
    match unchanged.first() {
        None => Ok(()),
        Some(same) if unchanged.len() < seen.len() => {
            Err(same.after.broken(format!("the same as before {}", exchange.request)))
        }
        Some(same) => Err(same.after.drifted(format!(
            "the same as before {}; perhaps it had nothing to do",
            exchange.request
        ))),
    }
}

/// M10
fn is_sent(exchange: &Exchange, entries: &[Entry], function: &Function) -> Judged {
    let is_covered = |affects: &&Affects| {
        let names = names(affects);
        entries
            .iter()
            .any(|entry| entry.context == affects.context && entry.params.is_subset(&names))
    };
    match function.affects.iter().find(|affects| !is_covered(affects)) {
        None => Ok(()),
        Some(missing) => {
            Err(exchange.broken(format!("`invalidate` does not name {}", missing.context)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::exchange::tests::exchange,
        schema::{AuthLevel, FunctionKind},
    };

    fn function() -> Function {
        let affects = |context: &str, params: &[&str]| Affects {
            context: context.into(),
            params: params.iter().map(|name| ((*name).into(), format!("args.{name}"))).collect(),
        };
        Function {
            name: "add".into(),
            kind: FunctionKind::Mutation,
            context: None,
            websocket: false,
            auth: AuthLevel::None,
            affects: vec![affects("posts", &[]), affects("post", &["id"])],
            params: Vec::new(),
            result: None,
        }
    }

    fn answered(invalidate: &str) -> Exchange {
        let body = format!("{{\"result\":null,\"invalidate\":{invalidate}}}");
        exchange(200, &[("content-type", "application/json")], &body)
    }

    /// M7 and M10: passed, broken or drifted.
    fn judged(invalidate: &str) -> (&'static str, &'static str) {
        let exchange = answered(invalidate);
        let entries = entries(&exchange).unwrap();
        let word = |judged: Judged| match judged {
            Ok(()) => "passed",
            Err(Objection::Broken(_)) => "broken",
            Err(Objection::Drifted(_)) => "drifted",
            Err(Objection::Skipped(_)) => "skipped",
        };
        (
            word(is_declared(&exchange, &entries, &function())),
            word(is_sent(&exchange, &entries, &function())),
        )
    }

    #[test]
    fn declared_and_sent_must_agree() {
        let post = "{\"context\":\"post\",\"params\":{\"id\":1}}";
        assert_eq!(judged(&format!("[\"posts\",{post}]")), ("passed", "passed"));
        assert_eq!(judged("[\"posts\",\"post\"]"), ("passed", "passed"));
        assert_eq!(judged("[\"posts\"]"), ("passed", "broken"));
        assert_eq!(judged("[\"posts\",\"post\",\"me\"]"), ("broken", "passed"));
        let narrow = "{\"context\":\"posts\",\"params\":{\"id\":1}}";
        assert_eq!(judged(&format!("[{narrow},\"post\"]")), ("drifted", "broken"));
    }

    #[test]
    fn an_answer_of_another_shape_is_told() {
        for invalidate in ["{}", "[1]", "[{}]", "[{\"context\":\"a\",\"params\":[]}]", "null"] {
            assert!(entries(&answered(invalidate)).is_err(), "{invalidate}");
        }
        assert!(entries(&exchange(200, &[], "{\"result\":1,\"invalidate\":[]}")).is_err());
        assert_eq!(entries(&answered("[]")), Ok(Vec::new()));
    }

    #[test]
    fn one_context_that_stays_behind_the_others_is_broken() {
        let read = |body: &str| exchange(200, &[], body);
        let affected =
            |before: &str, after: &str| Ok(Affected { before: read(before), after: read(after) });
        let call = answered("[]");
        assert_eq!(changes(&call, &[affected("1", "2"), affected("3", "4")]), Ok(()));
        let stale = changes(&call, &[affected("1", "2"), affected("3", "3")]);
        assert!(matches!(stale, Err(Objection::Broken(_))));
        let idle = changes(&call, &[affected("1", "1")]);
        assert!(matches!(idle, Err(Objection::Drifted(_))));
        let unread = changes(&call, &[Err("nobody is signed in".into())]);
        assert_eq!(unread, Err(Objection::Skipped("nobody is signed in".into())));
    }
}
