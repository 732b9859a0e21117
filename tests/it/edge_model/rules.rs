//! The times of the design in ticks, and the ways in which its rules can be wrong. A tick is as long
//! as a log serves: one that was asked for before the last tick has to be asked for again.

use super::log::Age;

#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub wrong: Option<Wrong>,
}

/// What is wrong in a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The client is answered while the change is being recorded.
    LateRecord,
    /// A record is dropped before the entries that it outdates.
    EarlyPrune,
    /// The hub does not know of writes that are under way.
    NoIntent,
    /// What a client has seen does not make an edge ask.
    NoFloor,
    /// Who must ask waits for a question that began before.
    JoinedRefresh,
    /// The writer, too, is shown what was there before its change.
    LingersForTheWriter,
    /// What was there before a change is shown for as long as it is stored.
    LingersOn,
    /// An origin that gave up counts as one that is done.
    ClosedIntent,
    /// A hub that is born anew counts on under the old keys.
    SameEpoch,
    /// The numbers of a hub that is gone count in keys of the next one, until that has a record.
    KeptIndex,
    /// A copy counts as of when it is taken.
    NewCopy,
}

impl Rules {
    /// An entry that is as old is gone.
    pub const WINDOW: Age = 2;
    /// An intent that nobody closes becomes a record after so many ticks more.
    pub const INTENT_LIVES: Age = 1;

    pub fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// How old a record becomes: half of what it is in the scripts, and still enough.
    pub fn retention(&self) -> Age {
        if self.is(Wrong::EarlyPrune) { 0 } else { Self::WINDOW }
    }
}
