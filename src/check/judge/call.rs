//! M1 to M4: what is asked of every call.

use super::{CACHE_CONTROL, Findings, asked, is_refused};
use crate::check::{
    exchange::Exchange,
    gather::CallSeen,
    report::{Finding, Judged},
    rule::RuleId,
};

/// Everything about calls, `subject` being their path.
pub fn call(subject: &str, seen: &CallSeen) -> Vec<Finding> {
    let mut findings = Findings::about(subject);
    let foreign = asked(&seen.foreign).and_then(is_forbidden);
    findings.add(RuleId::M1, is_forbidden(&seen.no_token).and(foreign));
    findings.add(RuleId::M2, asked(&seen.malformed).and_then(is_refused));
    findings.add(RuleId::M3, asked(&seen.unknown).and_then(is_refused));
    findings.add(RuleId::M4, asked(&seen.unknown).and_then(is_let_in));
    findings.list
}

/// The same, of an app without mutations.
pub fn no_call(subject: &str) -> Vec<Finding> {
    let mut findings = Findings::about(subject);
    let rules = [RuleId::M1, RuleId::M2, RuleId::M3, RuleId::M4];
    findings.skip(&rules, "the app has no mutations");
    findings.list
}

/// M1
fn is_forbidden(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.status.as_u16() == 403 {
        true => Ok(()),
        false => Err(exchange.broken(format!("{}, not 403", answer.told(&[])))),
    }
}

/// M4: the function does not exist, so it is refused; but not for where it comes from.
fn is_let_in(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.status.as_u16() == 403 || !answer.is_refusal() {
        true => Err(exchange.broken(answer.told(&[CACHE_CONTROL]))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::exchange::tests::exchange;

    #[test]
    fn the_token_is_asked_for_and_the_own_origin_let_in() {
        assert!(is_forbidden(&exchange(403, &[], "")).is_ok());
        assert!(is_forbidden(&exchange(400, &[], "")).is_err());
        assert!(is_let_in(&exchange(400, &[], "")).is_ok());
        for status in [200, 403, 500] {
            assert!(is_let_in(&exchange(status, &[], "")).is_err(), "{status}");
        }
    }
}
