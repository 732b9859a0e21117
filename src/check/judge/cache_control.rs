//! C4: what caches are told of a context, by the app and by the edge.

use super::CACHE_CONTROL;
use crate::{
    check::{
        exchange::{Answer, Exchange},
        gather::is_open,
        report::Judged,
    },
    schema::{CacheScope, Context},
};

/// C4, of the app itself.
pub(super) fn of_the_app(exchange: &Exchange, answer: &Answer, about: &Context) -> Judged {
    if is_of_the_edge(answer) {
        let saw = "the answer of an edge: --edge asks for what is expected there";
        return Err(exchange.broken(saw));
    }
    let directives = answer.cache_control();
    let has = |name: &str| directives.contains_key(name);
    let told = || answer.told(&[CACHE_CONTROL]);
    if !is_public(about) {
        return match !has("public") && (has("private") || has("no-store")) {
            true => Ok(()),
            false => Err(exchange.broken(format!("{}; the context is private", told()))),
        };
    }
    if !has("public") || has("private") || has("no-store") || has("no-cache") {
        return Err(exchange.broken(format!("{}; the context is public", told())));
    }
    // The live header decides what the edge does; the schema is only compared.
    let seconds = |name: &str| directives.get(name).and_then(|value| value.parse::<u64>().ok());
    let (fresh, stale) = (seconds("max-age"), seconds("stale-while-revalidate"));
    match fresh == Some(about.max_age) && stale.unwrap_or(0) == about.stale_while_revalidate {
        true => Ok(()),
        false => Err(exchange.drifted(format!(
            "{}; the schema says max-age={}, stale-while-revalidate={}",
            told(),
            about.max_age,
            about.stale_while_revalidate
        ))),
    }
}

/// C4, as browsers get it: their own cache hears of no change, so it must ask each time.
pub(super) fn at_the_edge(exchange: &Exchange, answer: &Answer, about: &Context) -> Judged {
    let directives = answer.cache_control();
    let has = |name: &str| directives.contains_key(name);
    let lasts = ["max-age", "s-maxage", "stale-while-revalidate"].into_iter().any(has);
    let fits = match is_public(about) {
        true => has("no-cache") && !has("private") && !has("no-store"),
        false => has("private") && (has("no-cache") || has("no-store")),
    };
    match fits && !lasts && !has("public") && is_of_the_edge(answer) {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[CACHE_CONTROL, "Cache-Status"]))),
    }
}

fn is_of_the_edge(answer: &Answer) -> bool {
    answer.header("Cache-Status").is_some_and(|status| status.contains("Mizan"))
}

fn is_public(about: &Context) -> bool {
    about.scope == CacheScope::Public && is_open(about)
}

#[cfg(test)]
mod tests {
    use super::{
        super::context::tests::{JSON, about, is_broken},
        *,
    };
    use crate::{
        check::{exchange::tests::exchange, report::Objection},
        schema::AuthLevel,
    };

    fn with_cache(header: &str) -> Exchange {
        exchange(200, &[("cache-control", header), JSON, ("cache-status", "Mizan; hit")], "{}")
    }

    #[test]
    fn cache_control_must_fit_the_scope() {
        let public = about(CacheScope::Public, AuthLevel::None);
        let guarded = about(CacheScope::Public, AuthLevel::User);
        let judge = |about: &Context, header: &str| {
            let exchange = exchange(200, &[("cache-control", header), JSON], "{}");
            of_the_app(&exchange, exchange.answer().unwrap(), about)
        };
        assert_eq!(judge(&public, "public, max-age=0, stale-while-revalidate=300"), Ok(()));
        let drifted = judge(&public, "public, max-age=60, stale-while-revalidate=300");
        assert!(matches!(drifted, Err(Objection::Drifted(_))));
        for header in ["private, no-cache", "public, no-store", "max-age=60", ""] {
            assert!(is_broken(&judge(&public, header)), "{header}");
        }
        assert_eq!(judge(&guarded, "private, no-cache"), Ok(()));
        for header in ["public, max-age=0", "private, public", "no-cache", ""] {
            assert!(is_broken(&judge(&guarded, header)), "{header}");
        }
    }

    #[test]
    fn an_edge_that_is_taken_for_the_app_is_told() {
        let public = about(CacheScope::Public, AuthLevel::None);
        let exchange = with_cache("no-cache");
        let judged = of_the_app(&exchange, exchange.answer().unwrap(), &public);
        let Err(Objection::Broken(evidence)) = judged else { panic!("{judged:?}") };
        assert!(evidence.saw.contains("--edge"), "{}", evidence.saw);
    }

    #[test]
    fn browsers_are_told_to_ask_the_edge_each_time() {
        let public = about(CacheScope::Public, AuthLevel::None);
        let private = about(CacheScope::Private, AuthLevel::None);
        let judge = |about: &Context, header: &str| {
            let exchange = with_cache(header);
            at_the_edge(&exchange, exchange.answer().unwrap(), about)
        };
        assert_eq!(judge(&public, "no-cache"), Ok(()));
        assert_eq!(judge(&private, "private, no-cache"), Ok(()));
        assert!(is_broken(&judge(&public, "public, max-age=0, stale-while-revalidate=300")));
        assert!(is_broken(&judge(&public, "no-cache, stale-while-revalidate=300")));
        assert!(is_broken(&judge(&private, "no-cache")));
        let past = exchange(200, &[("cache-control", "no-cache"), JSON], "{}");
        assert!(is_broken(&at_the_edge(&past, past.answer().unwrap(), &public)));
    }
}
