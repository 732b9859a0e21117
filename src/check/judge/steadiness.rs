//! C8: the same question gives the same bytes. Visitors may change the data meanwhile; that is
//! told from an answer that changes by itself by how it goes on: data moves forward, so what was
//! answered before does not come back, and of several questions at one moment some agree.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::context::{answered_by_the_app, whole};
use crate::check::{
    exchange::{Exchange, difference},
    report::Judged,
};

/// Rounds, one after the other, each of the same question several times at the same moment.
pub(super) fn judge(rounds: &[Vec<Exchange>]) -> Judged {
    for exchange in rounds.iter().flatten() {
        answered_by_the_app(whole(exchange)?)?;
    }
    let different: Vec<BTreeSet<&Bytes>> = rounds.iter().map(|round| bodies(round)).collect();
    let Some((exchange, told)) = first_difference(rounds) else { return Ok(()) };
    if comes_back(&different) {
        return Err(exchange.broken(format!("{told}; an earlier answer came again")));
    }
    let agree = |(round, different): (&Vec<Exchange>, &BTreeSet<_>)| different.len() < round.len();
    match rounds.iter().zip(&different).any(agree) {
        true => Ok(()),
        false => {
            let times = rounds.iter().flatten().count();
            Err(exchange.broken(format!("{told}; {times} answers, no two of a moment the same")))
        }
    }
}

fn bodies(round: &[Exchange]) -> BTreeSet<&Bytes> {
    round.iter().filter_map(|read| read.answer.as_ref().ok()).map(|answer| &answer.body).collect()
}

fn first_difference(rounds: &[Vec<Exchange>]) -> Option<(&Exchange, String)> {
    let mut answers = rounds.iter().flatten().filter_map(|exchange| {
        exchange.answer.as_ref().ok().map(|answer| (exchange, &answer.body))
    });
    let (_, first) = answers.next()?;
    let (exchange, other) = answers.find(|(_, body)| *body != first)?;
    Some((exchange, difference(first, other)))
}

/// True if an answer is there again after others. Two rounds may share the one that was there all
/// the time between them, and no more than that.
fn comes_back(rounds: &[BTreeSet<&Bytes>]) -> bool {
    let pairs = (0..rounds.len()).flat_map(|i| (i + 1..rounds.len()).map(move |j| (i, j)));
    pairs.into_iter().any(|(i, j)| {
        let shared: BTreeSet<_> = rounds[i].intersection(&rounds[j]).copied().collect();
        let stayed = rounds[i + 1..j].iter().all(|between| *between == shared);
        shared.len() > 1 || (shared.len() == 1 && !stayed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{
        exchange::tests::exchange,
        judge::context::tests::{JSON, is_broken},
        report::Objection,
    };

    /// Each word is a round, each letter an answer.
    fn of(rounds: &str) -> Judged {
        let read = |letter| exchange(200, &[JSON], &format!("{{\"a\":\"{letter}\"}}"));
        let rounds: Vec<Vec<_>> =
            rounds.split(' ').map(|round| round.chars().map(read).collect()).collect();
        judge(&rounds)
    }

    #[test]
    fn data_that_goes_on_is_no_answer_that_changes_by_itself() {
        for goes_on in ["aaaa", "aabb bbbb bbbb", "abcd deee efgh ijkk", "aaab bbbb bbbb bbbc"] {
            assert_eq!(of(goes_on), Ok(()), "{goes_on}");
        }
    }

    #[test]
    fn what_comes_back_or_never_agrees_changes_by_itself() {
        let by_itself = ["aabb aaab bbbb", "aaab bbbb aaaa", "abcd efgh ijkl", "abba cccc dddb"];
        for changing in by_itself {
            assert!(is_broken(&of(changing)), "{changing}");
        }
    }

    #[test]
    fn what_a_cache_has_answered_says_nothing_of_the_app() {
        let read = |headers: &[(&'static str, &str)]| exchange(200, headers, "{}");
        let second =
            |header| judge(&[vec![read(&[JSON]), read(&[JSON, ("Cache-Status", header)])]]);
        assert!(matches!(second("Mizan; hit; ttl=3"), Err(Objection::Skipped(_))));
        assert_eq!(second("Mizan; fwd=uri-miss"), Ok(()));
    }

    #[test]
    fn what_follows_from_a_failed_read_is_told_once() {
        assert!(matches!(judge(&[vec![exchange(500, &[], "")]]), Err(Objection::Skipped(_))));
    }
}
