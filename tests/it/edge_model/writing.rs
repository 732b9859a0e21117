//! Steps of writing: intent, commit, record, and the answer to the writer.

use super::log::Answer;
use super::rules::{Rules, Wrong};
use super::world::{Intent, Outcome, Place, Retry, WRITES, World, Write, Writer};

impl World {
    pub fn begin_write(&mut self, place: Place) -> Option<()> {
        if self.writer.write.is_some() || self.written == WRITES {
            return None;
        }
        self.writer.write = Some(Write {
            place,
            id: self.written,
            is_intended: false,
            outcome: None,
            is_exposed: false,
            recorded: None,
        });
        self.written += 1;
        Some(())
    }

    pub fn hub_hears_intent(&mut self, rules: &Rules) -> Option<()> {
        let write = self.writer.write.as_mut()?;
        if write.is_intended {
            return None;
        }
        write.is_intended = true;
        if !self.hub.is_up {
            write.is_exposed = true;
        } else if !rules.is(Wrong::NoIntent) {
            let left = Rules::INTENT_LIVES;
            self.hub.intents[write.id] = Some(Intent { left, is_awaited: true });
        }
        Some(())
    }

    pub fn commit_write(&mut self) -> Option<()> {
        self.writer.write.filter(|write| write.outcome.is_none())?;
        let version = self.commit();
        self.writer.write.as_mut()?.outcome = Some(Outcome::Made(version));
        Some(())
    }

    pub fn origin_gives_up(&mut self) -> Option<()> {
        let write = self.writer.write.as_mut()?;
        if write.outcome.is_some() {
            return None;
        }
        write.outcome = Some(Outcome::Unknown);
        self.late = Some(write.id);
        Some(())
    }

    /// After the origin, and after the hub has heard of the intent or could not.
    pub fn hub_records(&mut self, rules: &Rules) -> Option<()> {
        let write = self.writer.write?;
        let outcome = write.outcome?;
        if !write.is_intended || write.recorded.is_some() {
            return None;
        }
        let is_over = outcome != Outcome::Unknown || rules.is(Wrong::ClosedIntent);
        if self.hub.is_up && !rules.is(Wrong::LateRecord) {
            self.record(write.id, is_over);
            self.writer.write.as_mut()?.recorded = Some((self.hub.answer(), 0));
        } else {
            let Write { place, id, .. } = write;
            self.retry = Some(Retry { place, id, is_over });
            self.writer.hears_of(outcome);
            // The mutant does not know that it is late.
            let is_late = rules.is(Wrong::LateRecord);
            self.writer.bypass = if is_late { 0 } else { Rules::WINDOW };
        }
        Some(())
    }

    fn record(&mut self, id: usize, is_over: bool) {
        self.hub.append();
        let in_doubt = Intent { left: Rules::INTENT_LIVES, is_awaited: false };
        self.hub.intents[id] = (!is_over).then_some(in_doubt);
    }

    pub fn writer_hears(&mut self, rules: &Rules) -> Option<()> {
        let write = self.writer.write?;
        let (answer, begun) = write.recorded?;
        let outcome = write.outcome?;
        if write.place == Place::Here {
            self.edge.adopt(answer, begun, rules);
        }
        self.writer.has_seen(answer);
        self.writer.hears_of(outcome);
        if let Outcome::Made(version) = outcome {
            self.news[usize::from(version) - 1].told = Some(0);
        }
        Some(())
    }

    pub fn retry_record(&mut self) -> Option<()> {
        let Retry { id, is_over, .. } = self.retry.filter(|_| self.hub.is_up)?;
        self.record(id, is_over);
        self.retry = None;
        Some(())
    }

    pub fn stop_retrying(&mut self) -> Option<()> {
        let Retry { id, .. } = self.retry.take()?;
        self.is_lost |= self.hub.intents[id].is_none();
        Some(())
    }
}

impl Writer {
    fn hears_of(&mut self, outcome: Outcome) {
        self.write = None;
        if let Outcome::Made(version) = outcome {
            self.own = self.own.max(version);
        }
    }

    fn has_seen(&mut self, answer: Answer) {
        let newer = (answer.epoch, answer.seq);
        self.floor = match self.floor {
            Some(older) if older.0 == newer.0 => Some(older.max(newer)),
            _ => Some(newer),
        };
    }
}
