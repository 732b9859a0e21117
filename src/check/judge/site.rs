//! E1, E3, W1 and H1 to H4: the site as a whole.

use jiff::{Timestamp, fmt::rfc2822};

use super::{CACHE_CONTROL, Findings, asked, is_refused};
use crate::check::{
    ask::ACCEPT,
    exchange::Exchange,
    gather::SiteSeen,
    report::{Finding, Judged},
    rule::RuleId,
};

/// What Django's own error pages say of themselves.
const DEBUG_PAGE: &str = "DEBUG = True";
/// The time a request takes, and what does no harm: seconds.
const CLOCK_TOLERANCE: i64 = 60;

/// Everything about the site.
pub fn site(seen: &SiteSeen) -> Vec<Finding> {
    let mut findings = Findings::about("site");
    findings.add(RuleId::E1, is_not_found(&seen.unknown_context));
    findings.add(RuleId::E3, is_refused(&seen.get_call));
    findings.add(RuleId::W1, asked(&seen.upgrade).and_then(upgrades));
    findings.add(RuleId::H1, is_healthy(&seen.health));
    findings.add(RuleId::H2, hides_itself(&seen.no_page));
    findings.add(RuleId::H3, asked(&seen.foreign_host).and_then(refuses_host));
    findings.add(RuleId::H4, tells_the_time(&seen.health, seen.now));
    findings.list
}

/// E1
fn is_not_found(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.status.as_u16() == 404 && answer.is_no_store() {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[CACHE_CONTROL]))),
    }
}

/// W1
fn upgrades(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    let proof = answer.header("Sec-WebSocket-Accept");
    match answer.status.as_u16() == 101 && proof.as_deref() == Some(ACCEPT) {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&["Sec-WebSocket-Accept"]))),
    }
}

/// H1
fn is_healthy(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.status.is_success() {
        true => Ok(()),
        false => Err(exchange.broken(answer.told(&[]))),
    }
}

/// H2
fn hides_itself(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match String::from_utf8_lossy(&answer.body).contains(DEBUG_PAGE) {
        true => Err(exchange.broken(format!("{}, Django's page for developers", answer.status))),
        false => Ok(()),
    }
}

/// H3
fn refuses_host(exchange: &Exchange) -> Judged {
    let answer = exchange.answer()?;
    match answer.status.is_success() {
        true => Err(exchange.broken(answer.told(&[]))),
        false => Ok(()),
    }
}

/// H4
fn tells_the_time(exchange: &Exchange, now: Timestamp) -> Judged {
    let answer = exchange.answer()?;
    let date = answer.header("Date");
    let date = date.ok_or_else(|| exchange.broken(answer.told(&["Date"])))?;
    let told = rfc2822::parse(&date)
        .map_err(|_| exchange.broken(format!("the date {date:?} cannot be read")))?;
    let off = told.timestamp().duration_since(now).as_secs();
    match off.abs() <= CLOCK_TOLERANCE {
        true => Ok(()),
        false => Err(exchange.broken(format!("Date: {date}, {} s off", off.abs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::exchange::tests::exchange;

    #[test]
    fn the_clock_may_be_a_minute_off() {
        let now = "2026-11-29T13:00:00Z".parse::<Timestamp>().unwrap();
        let judge = |date: &str| tells_the_time(&exchange(200, &[("date", date)], ""), now);
        assert_eq!(judge("Sun, 29 Nov 2026 13:00:59 GMT"), Ok(()));
        assert!(judge("Sun, 29 Nov 2026 12:58:00 GMT").is_err());
        assert!(judge("yesterday").is_err());
        assert!(tells_the_time(&exchange(200, &[], ""), now).is_err());
    }

    #[test]
    fn an_upgrade_needs_its_proof() {
        let proof = [("sec-websocket-accept", ACCEPT)];
        assert_eq!(upgrades(&exchange(101, &proof, "")), Ok(()));
        assert!(upgrades(&exchange(101, &[], "")).is_err());
        assert!(upgrades(&exchange(200, &proof, "")).is_err());
    }
}
