//! How often to look at what may take a second, or minutes: often at first, then ever more rarely, so
//! that whatever is quick is seen at once and many slow ones together stay below the rate limits.

use std::time::Duration;

/// The pause after the first looks.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(2);
/// What a look sees is late by at most this part of the time that was waited already.
const PART: u32 = 10;

/// The pause before the next look, after so much waiting.
pub(super) fn pause_after(waited: Duration) -> Duration {
    (waited / PART).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many looks a wait of so many seconds takes.
    fn looks(seconds: u64) -> usize {
        let step = |waited: &Duration| Some(*waited + pause_after(*waited));
        let all = std::iter::successors(Some(Duration::ZERO), step);
        all.take_while(|waited| *waited < Duration::from_secs(seconds)).count()
    }

    #[test]
    fn what_is_quick_is_seen_at_once_and_what_is_slow_is_asked_for_rarely() {
        assert_eq!([looks(1), looks(10), looks(60), looks(600)], [10, 35, 62, 332]);
    }
}
