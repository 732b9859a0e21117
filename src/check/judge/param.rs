//! P1 to P6: what a context does with parameters that it should not get.

use super::{CACHE_CONTROL, Findings, asked, context::is_the_same, each, is_refused};
use crate::check::{
    exchange::{Exchange, Pair},
    gather::Reading,
    report::Judged,
    rule::RuleId,
};

pub(super) fn judge(reading: &Reading, findings: &mut Findings) {
    findings.add(RuleId::P1, is_refused_or_ignored(&reading.unknown));
    findings.add(RuleId::P2, asked(&reading.reordered).and_then(is_the_same));
    findings.add(RuleId::P3, asked(&reading.missing).and_then(|asked| each(asked, is_refused)));
    findings.add(RuleId::P4, asked(&reading.mistyped).and_then(|asked| each(asked, is_refused)));
    findings.add(RuleId::P5, asked(&reading.absent).and_then(|asked| each(asked, is_not_kept)));
    findings.add(RuleId::P6, asked(&reading.repeated).and_then(is_refused));
}

/// P1
fn is_refused_or_ignored(pair: &Pair) -> Judged {
    match is_refused(&pair.other) {
        Ok(()) => Ok(()),
        Err(refusal) => {
            let answer = pair.other.answer()?;
            match answer.status.is_success() {
                true => is_the_same(pair),
                false => Err(refusal),
            }
        }
    }
}

/// P5: an app may have something to say about everything; but an error must not be kept.
fn is_not_kept(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.status.is_success() || (answer.is_refusal() && answer.is_no_store()) {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[CACHE_CONTROL]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{exchange::tests::exchange, report::Objection};

    const JSON: (&str, &str) = ("content-type", "application/json");
    const NO_STORE: (&str, &str) = ("cache-control", "no-store");

    #[test]
    fn an_unknown_parameter_is_refused_or_changes_nothing() {
        let judge = |other| {
            let plain = exchange(200, &[JSON], "{}");
            is_refused_or_ignored(&Pair { plain, other, is_restless: false }).is_ok()
        };
        assert!(judge(exchange(200, &[JSON], "{}")));
        assert!(judge(exchange(422, &[NO_STORE], "")));
        assert!(!judge(exchange(422, &[], "")));
        assert!(!judge(exchange(200, &[JSON], "{\"a\":1}")));
        assert!(!judge(exchange(500, &[NO_STORE], "")));
    }

    #[test]
    fn an_error_about_what_does_not_exist_is_not_kept() {
        assert_eq!(is_not_kept(&exchange(404, &[NO_STORE], "")), Ok(()));
        assert_eq!(is_not_kept(&exchange(200, &[], "{}")), Ok(()));
        for kept in [exchange(404, &[], ""), exchange(500, &[NO_STORE], "")] {
            assert!(matches!(is_not_kept(&kept), Err(Objection::Broken(_))));
        }
    }
}
