//! What time does to everything, and what can be forgotten.

use super::log::Age;
use super::rules::{Rules, Wrong};
use super::world::{Copied, Edge, Entry, Fill, Hub, Intent, News, Question, WRITES, World, Writer};

impl World {
    /// What can make no difference any more, so that states that differ in nothing else are one.
    pub fn forget_the_useless(&mut self) {
        self.fill = self.fill.filter(|fill| fill.entry.is_alive());
        if let Some(log) = &mut self.edge.log {
            let found = log.known.key();
            let lingering = self.edge.shown.map(|view| view.key);
            // A generation goes up, or back to that of no record.
            self.edge.cache.retain(|key, _| {
                let may_come = key.generation == 0 || *key >= found;
                (key.epoch >= found.epoch && may_come) || Some(*key) == lingering
            });
            log.known.in_doubt &= log.is_fresh();
        }
        // What is not stored, nor about to be, does not linger.
        let (cache, fill) = (&self.edge.cache, self.fill.map(|fill| fill.key));
        let shown =
            self.edge.shown.filter(|view| cache.contains_key(&view.key) || fill == Some(view.key));
        self.edge.shown = shown;
        for question in self.questions.iter_mut().flatten() {
            if let Some(answer) = &mut question.answer {
                answer.in_doubt &= question.begun == 0;
            }
        }
        let newest = self.edge.log.map_or(0, |log| log.known.epoch);
        self.copy = self.copy.filter(|copy| copy.answer.epoch >= newest);
        // Which of two questions is called the first.
        self.questions.sort_unstable();
    }

    pub fn tick(&mut self, rules: &Rules) {
        let before = self.hub.intents;
        self.hub.tick(rules);
        if let Some(write) = &mut self.writer.write {
            write.is_exposed |= before[write.id].is_some() && self.hub.intents[write.id].is_none();
        }
        self.edge.tick(rules);
        self.writer.tick(rules);
        for question in self.questions.iter_mut().flatten() {
            question.tick(rules);
        }
        if let Some(fill) = &mut self.fill {
            fill.tick(rules);
        }
        if let Some(copy) = &mut self.copy {
            copy.tick(rules);
        }
        for news in &mut self.news {
            news.tick();
        }
    }
}

impl Hub {
    fn tick(&mut self, rules: &Rules) {
        let mut answer = self.answer();
        answer.tick(rules);
        answer.drop_old(rules);
        self.record = answer.record;
        for id in 0..WRITES {
            match self.intents[id] {
                Some(Intent { left: 0, .. }) => {
                    self.intents[id] = None;
                    self.append();
                }
                Some(intent) => {
                    self.intents[id] = Some(Intent { left: intent.left - 1, ..intent });
                }
                None => {}
            }
        }
    }
}

impl Edge {
    fn tick(&mut self, rules: &Rules) {
        if let Some(log) = &mut self.log {
            log.known.tick(rules);
            log.as_of = older(log.as_of);
        }
        for entry in self.cache.values_mut() {
            entry.tick();
        }
        self.cache.retain(|_, entry| entry.is_alive());
        if !rules.is(Wrong::LingersOn) {
            self.shown = None;
        }
    }
}

impl Entry {
    fn tick(&mut self) {
        self.age = Rules::WINDOW.min(self.age + 1);
    }
}

impl Writer {
    fn tick(&mut self, rules: &Rules) {
        self.bypass = self.bypass.saturating_sub(1);
        let recorded = self.write.as_mut().and_then(|write| write.recorded.as_mut());
        if let Some((answer, begun)) = recorded {
            answer.tick(rules);
            *begun = older(*begun);
        }
    }
}

impl Question {
    fn tick(&mut self, rules: &Rules) {
        self.begun = older(self.begun);
        if let Some(answer) = &mut self.answer {
            answer.tick(rules);
        }
    }
}

impl Copied {
    fn tick(&mut self, rules: &Rules) {
        self.answered = older(self.answered);
        self.answer.tick(rules);
    }
}

impl Fill {
    fn tick(&mut self, rules: &Rules) {
        self.entry.tick();
        if let Some((answer, begun)) = &mut self.check {
            answer.tick(rules);
            *begun = older(*begun);
        }
    }
}

impl News {
    fn tick(&mut self) {
        for age in [&mut self.committed, &mut self.told].into_iter().flatten() {
            *age = Rules::WINDOW.min(*age + 1);
        }
    }
}

/// Nothing depends on how much too old a log is.
fn older(age: Age) -> Age {
    1.min(age + 1)
}
