//! Steps of reading: the edge asks the hub for the log, and the origin for what it stores.

use super::log::Log;
use super::rules::{Rules, Wrong};
use super::world::{Copied, Entry, Fill, Question, World};

impl World {
    /// Where somebody has to wait: a log that serves everyone is not asked for.
    pub fn ask(&mut self, rules: &Rules) -> Option<()> {
        if self.serves_everyone(rules) {
            return None;
        }
        let question = Question {
            begun: 0,
            answer: None,
            must: self.seen_by_everyone(),
            own: self.writer.own,
        };
        let free = self.questions.iter_mut().find(|slot| slot.is_none())?;
        *free = Some(question);
        Some(())
    }

    /// Who waits for a hub that is away reads past the cache.
    pub fn hub_answers(&mut self, question: usize) -> Option<()> {
        let heard = self.hub.is_up.then(|| self.hub.answer());
        let asked = self.questions[question].filter(|asked| asked.answer.is_none())?;
        self.questions[question] = heard.map(|answer| Question { answer: Some(answer), ..asked });
        Some(())
    }

    /// Who has waited for it is shown what there is, by what the log says now.
    pub fn answer_arrives(&mut self, question: usize, rules: &Rules) -> Option<()> {
        let asked = self.questions[question]?;
        self.questions[question] = None;
        self.edge.adopt(asked.answer?, asked.begun, rules);
        let log = self.edge.log?;
        let own = if rules.is(Wrong::JoinedRefresh) {
            self.writer.own // who came later waits for it too, and takes what it brings
        } else if self.writer_still_lacks(&log, rules) {
            0 // past the cache
        } else {
            asked.own
        };
        self.broken = self.broken.or(self.judged(asked.must, own, rules));
        Some(())
    }

    /// Somebody is shown the entry that there is, which the edge remembers. Until the hub has news it
    /// makes no difference when.
    pub fn show(&mut self) -> Option<()> {
        let view = self.edge.log.filter(Log::is_fresh)?.known.view();
        let is_stored = self.edge.cache.contains_key(&view.key);
        if !is_stored || self.edge.shown == Some(view) || self.hub.answer().view() == view {
            return None;
        }
        self.edge.shown = Some(view);
        Some(())
    }

    /// The newest stands for those before it.
    pub fn leave_copy(&mut self) -> Option<()> {
        let copy = Copied { answer: self.hub.answer(), answered: 0 };
        (self.hub.is_up && self.copy != Some(copy)).then(|| self.copy = Some(copy))
    }

    /// By those who know the log up to where it begins; it is as old as the hub's answer.
    pub fn take_copy(&mut self, rules: &Rules) -> Option<()> {
        let Copied { answer, answered } = self.copy.take()?;
        self.edge.log.filter(|log| log.known.epoch == answer.epoch)?;
        let answered = if rules.is(Wrong::NewCopy) { 0 } else { answered };
        self.edge.adopt(answer, answered, rules);
        Some(())
    }

    pub fn begin_fill(&mut self) -> Option<()> {
        // Who has waited long for the log fills like somebody who came when it was asked for.
        let log = self.edge.log.filter(Log::is_fresh)?;
        let key = log.known.key();
        if self.fill.is_some() || self.edge.cache.contains_key(&key) {
            return None;
        }
        self.fill = Some(Fill { key, entry: Entry { version: self.origin, age: 0 }, check: None });
        Some(())
    }

    pub fn check_fill(&mut self) -> Option<()> {
        let fill = self.fill.filter(|fill| fill.check.is_none())?;
        self.fill = self.hub.is_up.then(|| Fill { check: Some((self.hub.answer(), 0)), ..fill });
        Some(())
    }

    /// Only if nothing has changed since the key was chosen, and nothing may change without anybody
    /// telling. What is changing otherwise will be recorded, and so have another key.
    pub fn store_fill(&mut self, rules: &Rules) -> Option<()> {
        let fill = self.fill?;
        let (answer, begun) = fill.check?;
        self.edge.adopt(answer, begun, rules);
        let known = self.edge.log?.known;
        if known.key() == fill.key && !known.in_doubt && fill.entry.is_alive() {
            self.edge.cache.insert(fill.key, fill.entry);
        }
        self.fill = None;
        Some(())
    }
}
