//! What fails, and what comes of it later.

use super::rules::{Rules, Wrong};
use super::world::{Place, QUESTIONS, WRITES, World};

impl World {
    /// What the origin commits late, it commits while its intent lives: nothing bounds it otherwise.
    pub fn may_tick(&self) -> bool {
        let is_last = |id: usize| {
            self.hub.intents[id].is_some_and(|intent| intent.left == 0) && !self.is_unrecorded(id)
        };
        !self.late.is_some_and(is_last)
    }

    /// Its edge will tell of it.
    fn is_unrecorded(&self, id: usize) -> bool {
        let write = self.writer.write.as_ref();
        write.is_some_and(|write| write.id == id && write.recorded.is_none())
    }

    pub fn commit_late(&mut self) -> Option<()> {
        self.late.take()?;
        self.commit();
        Some(())
    }

    /// Its cache is the location's and stays.
    pub fn edge_dies(&mut self, dead: Place) -> Option<()> {
        self.lose_write(dead);
        if self.retry.is_some_and(|retry| retry.place == dead) {
            self.stop_retrying();
        }
        if dead == Place::Here {
            self.edge.log = None;
            self.edge.shown = None;
            self.questions = [None; QUESTIONS];
            self.fill = None;
        }
        Some(())
    }

    fn lose_write(&mut self, dead: Place) {
        let Some(write) = self.writer.write.filter(|write| write.place == dead) else {
            return;
        };
        self.writer.write = None;
        if write.outcome.is_none() {
            self.late = Some(write.id);
        }
        let is_unrecorded = write.recorded.is_none();
        self.is_lost |= is_unrecorded && (!write.is_intended || write.is_exposed);
    }

    /// With nothing of what it knew.
    pub fn hub_is_born_anew(&mut self, rules: &Rules) -> Option<()> {
        self.is_lost |= self.late.is_some();
        for id in 0..WRITES {
            if self.hub.intents[id].take().is_none() {
                continue;
            }
            match &mut self.writer.write {
                Some(write) if write.id == id => write.is_exposed = true,
                _ => self.is_lost = true,
            }
        }
        self.hub.seq = 0;
        self.hub.record = None;
        if !rules.is(Wrong::SameEpoch) {
            self.hub.epoch += 1;
        }
        Some(())
    }
}
