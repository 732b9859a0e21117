//! What each state would show, and whether it may.

use super::log::{Epoch, Log, Seq, View};
use super::rules::{Rules, Wrong};
use super::world::{Broken, News, Version, WRITES, World};

/// What the edge has for whoever asks it now.
#[derive(Clone, Copy)]
struct Shown {
    version: Version,
    is_entry: bool,
}

impl World {
    /// What is wrong with what those are shown who ask now.
    pub fn breaks_now(&self, rules: &Rules) -> Option<Broken> {
        self.broken.or_else(|| {
            let log = self.edge.log.filter(Log::is_fresh)?;
            // The writer may have to wait where others need not.
            let has_to_wait = self.writer_may_lack(&log, rules);
            let own = if has_to_wait { 0 } else { self.writer.own };
            self.judged(self.seen_by_everyone(), own, rules)
        })
    }

    /// What is wrong with what the edge would show to those who must see these versions.
    pub fn judged(&self, must: Version, own: Version, rules: &Rules) -> Option<Broken> {
        let own = if self.writer.bypass > 0 { 0 } else { own };
        let before = self.lingering();
        let for_the_writer = before.filter(|(view, _)| self.may_linger_for_the_writer(view, rules));
        let shown_to =
            |before: Option<(View, Shown)>| before.map(|(_, shown)| shown).or_else(|| self.shown());
        let of_the_writer = shown_to(for_the_writer).and_then(|shown| self.wrong(shown, must, own));
        of_the_writer.or_else(|| self.wrong(shown_to(before)?, must, 0))
    }

    fn wrong(&self, shown: Shown, must: Version, own: Version) -> Option<Broken> {
        if shown.version < own {
            Some(Broken::OwnWriteMissed)
        } else if shown.version < must {
            Some(Broken::OldNewsMissed)
        } else if shown.is_entry && shown.version < self.older_than_the_window() {
            Some(Broken::EntryOutlivedItsWindow)
        } else {
            None
        }
    }

    /// What was there before the change that has made a miss of it.
    fn lingering(&self) -> Option<(View, Shown)> {
        let key = self.edge.log?.known.key();
        let view = self.edge.shown.filter(|view| view.key.epoch == key.epoch)?;
        let entry = self.edge.cache.get(&view.key)?;
        let is_missed = !self.edge.cache.contains_key(&key);
        is_missed.then_some((view, Shown { version: entry.version, is_entry: true }))
    }

    fn may_linger_for_the_writer(&self, view: &View, rules: &Rules) -> bool {
        let has_seen_more = |(epoch, seq): (Epoch, Seq)| epoch != view.key.epoch || seq > view.seq;
        rules.is(Wrong::LingersForTheWriter) || !self.writer.floor.is_some_and(has_seen_more)
    }

    /// From the cache, or by joining a fill. That is not joined when it has been under way for long:
    /// a record that was pruned meanwhile would give old readings their key back.
    fn shown(&self) -> Option<Shown> {
        let key = self.edge.log?.known.key();
        if let Some(entry) = self.edge.cache.get(&key) {
            return Some(Shown { version: entry.version, is_entry: true });
        }
        let fill = self
            .fill
            .filter(|fill| fill.key == key && fill.check.is_none() && fill.entry.is_alive())?;
        Some(Shown { version: fill.entry.version, is_entry: false })
    }

    /// Nobody who asks now has to wait for the hub.
    pub fn serves_everyone(&self, rules: &Rules) -> bool {
        self.edge.log.is_some_and(|log| log.is_fresh() && !self.writer_may_lack(&log, rules))
    }

    /// Before asking: a token of another epoch may be newer than anything known here.
    fn writer_may_lack(&self, log: &Log, rules: &Rules) -> bool {
        let lacks = |(epoch, seq): (Epoch, Seq)| epoch != log.known.epoch || seq > log.known.seq;
        !rules.is(Wrong::NoFloor) && self.writer.floor.is_some_and(lacks)
    }

    /// After asking: a token of another epoch is one of a hub that is gone, and every key of the
    /// present one began after it.
    pub fn writer_still_lacks(&self, log: &Log, rules: &Rules) -> bool {
        let lacks = |(epoch, seq): (Epoch, Seq)| epoch == log.known.epoch && seq > log.known.seq;
        !rules.is(Wrong::NoFloor) && self.writer.floor.is_some_and(lacks)
    }

    /// Nothing is under way that could still change what is shown.
    pub fn is_quiet(&self) -> bool {
        let is_open = self.hub.is_open() || self.writer.write.is_some();
        !is_open && self.late.is_none() && self.retry.is_none() && !self.is_lost
    }

    /// The entry that is found by who knows what the hub knows is as the origin is.
    pub fn current_entry_is_fresh(&self) -> bool {
        let entry = self.edge.cache.get(&self.hub.answer().key());
        entry.is_none_or(|entry| entry.version == self.origin)
    }

    pub fn has_newest_entry(&self) -> bool {
        let mut entries = self.edge.cache.values();
        entries.any(|entry| usize::from(entry.version) == WRITES)
    }

    /// Everyone must see what was told longer ago than a log lives.
    pub fn seen_by_everyone(&self) -> Version {
        self.newest(|news| news.told.is_some_and(|age| age > 0))
    }

    /// An entry of an older version is over its window.
    fn older_than_the_window(&self) -> Version {
        self.newest(|news| news.committed.is_some_and(|age| age >= Rules::WINDOW))
    }

    fn newest(&self, holds: impl Fn(&News) -> bool) -> Version {
        let newest = self.news.iter().rposition(holds);
        newest.map_or(0, |index| Version::try_from(index + 1).unwrap())
    }
}
