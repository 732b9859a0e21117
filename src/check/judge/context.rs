//! A1 and C1 to C14: what a context answers.

use std::collections::BTreeSet;

use super::{
    CACHE_CONTROL, Findings, asked, cache_control, each, is_turned_away, param, steadiness,
};
use crate::{
    check::{
        exchange::{Answer, Exchange, Pair, difference, short},
        gather::{ContextSeen, Reading, TOLD_BY_HEAD, is_open},
        report::{Finding, Judged, Objection, Through},
        rule::RuleId,
    },
    schema::Context,
};

/// The rules that need an answer of 200.
const OF_READING: [RuleId; 18] = [
    RuleId::C1,
    RuleId::C2,
    RuleId::C3,
    RuleId::C4,
    RuleId::C5,
    RuleId::C6,
    RuleId::C7,
    RuleId::C8,
    RuleId::C9,
    RuleId::C10,
    RuleId::C11,
    RuleId::C12,
    RuleId::C13,
    RuleId::P1,
    RuleId::P2,
    RuleId::P3,
    RuleId::P4,
    RuleId::P5,
];
/// What a shared cache can tell apart, or what the edge takes care of.
const KNOWN_VARY: [&str; 3] = ["authorization", "cookie", "accept-encoding"];

/// Everything about one context.
pub fn context(seen: &ContextSeen<'_>, through: Through) -> Vec<Finding> {
    let about = seen.context;
    let mut findings = Findings::about(format!("context {}", about.name));
    findings.add(RuleId::A1, asked(&seen.stranger).and_then(is_turned_away));
    findings.add(RuleId::C14, asked(&seen.bad_token).and_then(|pair| bad_token(pair, about)));
    findings.add(RuleId::E2, asked(&seen.no_slash).and_then(slash_redirect));
    match &seen.reading {
        Ok(reading) => {
            read(reading, about, through, &mut findings);
            param::judge(reading, &mut findings);
        }
        Err(reason) => {
            findings.skip(&OF_READING, reason);
            findings.skip(&[RuleId::P6], reason);
        }
    }
    findings.list
}

fn read(reading: &Reading, about: &Context, through: Through, findings: &mut Findings) {
    let reads: Vec<&Exchange> = reading.rounds.iter().flatten().collect();
    let first = &reads[..reads.len().min(1)];
    let first = |judge: &dyn Fn(&Exchange, &Answer) -> Judged| {
        first.iter().try_for_each(|exchange| judge(exchange, whole(exchange)?))
    };
    findings.add(RuleId::C1, each(reads.iter().copied(), is_object));
    findings.add(RuleId::C2, first(&|exchange, answer| has_keys(exchange, answer, about)));
    findings.add(RuleId::C3, first(&is_sorted));
    findings.add(
        RuleId::C4,
        first(&|exchange, answer| match through {
            Through::Origin => cache_control::of_the_app(exchange, answer, about),
            Through::Edge => cache_control::at_the_edge(exchange, answer, about),
        }),
    );
    findings.add(RuleId::C5, first(&varies));
    findings.add(RuleId::C6, first(&varies_little));
    findings.add(RuleId::C7, each(reads.iter().copied(), sets_no_cookie));
    findings.add(RuleId::C8, steadiness::judge(&reading.rounds));
    findings.add(RuleId::C9, is_the_same(&reading.visitor));
    findings.add(RuleId::C10, asked(&reading.signed_in).and_then(is_the_same));
    findings.add(RuleId::C11, first(&|exchange, _| not_modified(exchange, reading)));
    findings.add(RuleId::C12, head(&reading.head));
    findings.add(RuleId::C13, each(&reading.methods, is_refused_method));
}

/// The answer, if it is one of 200; else C1 has told it.
pub(super) fn whole(exchange: &Exchange) -> Result<&Answer, Objection> {
    match &exchange.answer {
        Ok(answer) if is_object(exchange).is_ok() => Ok(answer),
        _ => Err(Objection::Skipped("the context does not answer: see C1".to_owned())),
    }
}

/// C1
fn is_object(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    let is_object = answer.json().is_some_and(|body| body.is_object());
    match answer.status.as_u16() == 200 && is_object {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&["Content-Type"]))),
    }
}

fn keys(answer: &Answer) -> Vec<String> {
    let body = answer.json().unwrap_or_default();
    body.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
}

/// C2
fn has_keys(exchange: &Exchange, answer: &Answer, about: &Context) -> Judged {
    let found: BTreeSet<String> = keys(answer).into_iter().collect();
    let expected: BTreeSet<String> = about.functions.iter().cloned().collect();
    let list = |names: Vec<&String>| {
        short(&names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    let (missing, more) =
        (list(expected.difference(&found).collect()), list(found.difference(&expected).collect()));
    match (missing.is_empty(), more.is_empty()) {
        (true, true) => Ok(()),
        (false, true) => Err(exchange.broken(format!("no key for {missing}"))),
        (true, false) => {
            Err(exchange.broken(format!("a key for {more}, which is no function of it")))
        }
        (false, false) => Err(exchange.broken(format!("no key for {missing}, but for {more}"))),
    }
}

/// C3
fn is_sorted(exchange: &Exchange, answer: &Answer) -> Judged {
    let keys = keys(answer);
    match keys.is_sorted() {
        true => Ok(()),
        false => {
            Err(exchange.broken(format!("the keys in this order: {}", short(&keys.join(", ")))))
        }
    }
}

/// C5
fn varies(exchange: &Exchange, answer: &Answer) -> Judged {
    let vary = answer.vary();
    match vary.contains("authorization") && vary.contains("cookie") {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&["Vary"]))),
    }
}

/// C6
fn varies_little(exchange: &Exchange, answer: &Answer) -> Judged {
    match answer.vary().iter().all(|name| KNOWN_VARY.contains(&name.as_str())) {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&["Vary"]))),
    }
}

/// C7
fn sets_no_cookie(exchange: &Exchange) -> Judged {
    let cookies = whole(exchange)?.cookies();
    match cookies.is_empty() {
        true => Ok(()),
        false => Err(exchange.broken(format!("it sets {}", short(&cookies.join(", "))))),
    }
}

/// What a store has given out says nothing of how the app answers the second time.
pub(super) fn answered_by_the_app(answer: &Answer) -> Judged {
    match answer.is_from_store() {
        true => Err(Objection::Skipped(
            "a cache has answered: ask the app by its own address".to_owned(),
        )),
        false => Ok(()),
    }
}

/// C9, C10
pub(super) fn is_the_same(pair: &Pair) -> Judged {
    let plain = whole(&pair.plain)?;
    let other = pair.other.answer()?;
    if plain.status != other.status {
        return Err(pair.other.broken(other.told(&[])));
    }
    match plain.body == other.body {
        true => answered_by_the_app(other),
        false if pair.is_restless => restless(),
        false => Err(pair.other.broken(difference(&plain.body, &other.body))),
    }
}

/// C11
fn not_modified(first: &Exchange, reading: &Reading) -> Judged {
    let pair = match &reading.conditional {
        Ok(pair) => pair,
        Err(reason) => return Err(first.broken(reason.clone())),
    };
    let answer = pair.other.answer()?;
    match answer.status.as_u16() == 304 && answer.body.is_empty() {
        true => Ok(()),
        false if pair.is_restless => restless(),
        false => Err(pair.other.broken(answer.told(&["ETag"]))),
    }
}

/// C12
fn head(pair: &Pair) -> Judged {
    let (of_get, answer) = (whole(&pair.plain)?, pair.other.answer()?);
    let differs = |name: &&&str| of_get.header(name) != answer.header(name);
    if answer.status != of_get.status {
        return Err(pair.other.broken(answer.told(&[])));
    }
    let differing: Vec<&str> = TOLD_BY_HEAD.iter().filter(differs).copied().collect();
    match differing.is_empty() {
        true => Ok(()),
        false if pair.is_restless => restless(),
        false => {
            let get = of_get.told(&differing);
            Err(pair.other.broken(format!("{}; by GET {get}", answer.told(&differing))))
        }
    }
}

/// Nothing is known: every answer was one of another moment.
fn restless() -> Judged {
    Err(Objection::Skipped("its data changes faster than it can be compared".to_owned()))
}

/// C13
fn is_refused_method(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.is_refusal() || answer.status.as_u16() == 501 {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[]))),
    }
}

/// C14
fn bad_token(pair: &Pair, about: &Context) -> Judged {
    let answer = pair.other.answer()?;
    let told = || pair.other.broken(answer.told(&[CACHE_CONTROL]));
    if answer.is_no_store() && (is_open(about) || !answer.status.is_success()) {
        return Ok(());
    }
    // An app that does not look at tokens here answers as if there were none.
    match is_open(about) && answer.status.is_success() {
        true => is_the_same(pair).map_err(|objection| match objection {
            Objection::Broken(_) => told(),
            other => other,
        }),
        false => Err(told()),
    }
}

/// E2
fn slash_redirect(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    let directives = answer.cache_control();
    let asks_again = directives.contains_key("no-cache")
        || directives.get("max-age").is_some_and(|age| age == "0");
    match answer.status.is_redirection() && !answer.is_no_store() && !asks_again {
        true => Err(exchange.broken(answer.told(&[CACHE_CONTROL, "Location"]))),
        false => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        check::exchange::tests::exchange,
        schema::{AuthLevel, CacheScope, Param},
    };

    pub fn about(scope: CacheScope, auth: AuthLevel) -> Context {
        Context {
            name: "post".into(),
            path: "/post/".into(),
            functions: vec!["a".into(), "b".into()],
            auth: vec![auth],
            params: vec![Param {
                name: "id".into(),
                required: true,
                elevated: None,
                schema: json!({}),
            }],
            scope,
            max_age: 0,
            stale_while_revalidate: 300,
            vary: Vec::new(),
        }
    }

    pub const JSON: (&str, &str) = ("content-type", "application/json");

    pub fn is_broken(judged: &Judged) -> bool {
        matches!(judged, Err(Objection::Broken(_)))
    }

    #[test]
    fn a_bad_token_may_be_ignored_or_refused_but_not_stored() {
        let open = about(CacheScope::Public, AuthLevel::None);
        let guarded = about(CacheScope::Private, AuthLevel::User);
        let public = [JSON, ("cache-control", "public, max-age=60")];
        let no_store = [JSON, ("cache-control", "no-store")];
        let plain = || exchange(200, &public, "{}");
        let judge = |about: &Context, other: Exchange| {
            bad_token(&Pair { plain: plain(), other, is_restless: false }, about)
        };
        assert_eq!(judge(&open, plain()), Ok(()));
        assert_eq!(judge(&open, exchange(401, &no_store, "{}")), Ok(()));
        assert!(is_broken(&judge(&open, exchange(401, &public, "{}"))));
        assert!(is_broken(&judge(&open, exchange(200, &public, "{\"you\":1}"))));
        assert_eq!(judge(&guarded, exchange(401, &no_store, "{}")), Ok(()));
        assert!(is_broken(&judge(&guarded, exchange(200, &no_store, "{}"))));
        assert!(is_broken(&judge(&guarded, exchange(401, &[], "{}"))));
    }

    #[test]
    fn keys_are_those_of_the_functions_in_order() {
        let about = about(CacheScope::Public, AuthLevel::None);
        let judge = |body: &str| {
            let exchange = exchange(200, &[JSON], body);
            let answer = exchange.answer().unwrap();
            (has_keys(&exchange, answer, &about).is_ok(), is_sorted(&exchange, answer).is_ok())
        };
        assert_eq!(judge("{\"a\":1,\"b\":2}"), (true, true));
        assert_eq!(judge("{\"b\":1,\"a\":2}"), (true, false));
        assert_eq!(judge("{\"a\":1}"), (false, true));
        assert_eq!(judge("{\"a\":1,\"b\":2,\"c\":3}"), (false, true));
    }

    #[test]
    fn a_redirect_that_browsers_keep_is_told() {
        let judge = |status, headers: &[(&'static str, &str)]| {
            slash_redirect(&exchange(status, headers, ""))
        };
        assert!(is_broken(&judge(301, &[("location", "/x/")])));
        assert_eq!(judge(301, &[("cache-control", "no-store")]), Ok(()));
        assert_eq!(judge(302, &[("cache-control", "max-age=0")]), Ok(()));
        assert_eq!(judge(404, &[]), Ok(()));
    }

    #[test]
    fn a_difference_in_what_changes_by_itself_tells_nothing() {
        let read = |body: &str| exchange(200, &[JSON], body);
        let pair = |is_restless| Pair { plain: read("{}"), other: read("{ }"), is_restless };
        assert!(is_broken(&is_the_same(&pair(false))));
        assert!(matches!(is_the_same(&pair(true)), Err(Objection::Skipped(_))));
    }

    #[test]
    fn a_new_etag_of_new_data_is_no_missing_304() {
        let plain = || exchange(200, &[JSON, ("etag", "1")], "{}");
        let pair = |other, is_restless| Pair { plain: plain(), other, is_restless };
        let after = || exchange(200, &[JSON, ("etag", "2")], "{\"a\":1}");
        assert!(matches!(head(&pair(after(), true)), Err(Objection::Skipped(_))));
        assert!(is_broken(&head(&pair(after(), false))));
        assert!(is_broken(&head(&pair(exchange(405, &[], ""), true))));
        assert_eq!(head(&pair(plain(), false)), Ok(()));
    }
}
