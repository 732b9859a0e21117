//! What the hub tells, and what an edge keeps of it.

use super::rules::{Rules, Wrong};

/// A sequence number counts from the birth of its hub.
pub type Epoch = u8;
pub type Seq = u8;
/// Ticks since something happened. It stops to count where nothing depends on it any more, so that
/// there are only so many states although time goes on for ever.
pub type Age = u8;

/// Where an entry is kept: the generation that it was read under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub epoch: Epoch,
    pub generation: Seq,
}

/// There is one context, so the newest record stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    pub seq: Seq,
    pub age: Age,
}

/// An answer of the hub, as of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Answer {
    pub epoch: Epoch,
    pub seq: Seq,
    pub record: Option<Record>,
    /// A write may commit without anybody telling.
    pub in_doubt: bool,
}

/// By which log an entry was shown. It is forgotten when that log would not be fresh any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    pub key: Key,
    pub seq: Seq,
}

/// An edge's copy of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    pub known: Answer,
    /// Since the newest question began to which this is the answer.
    pub as_of: Age,
}

impl Log {
    /// Nobody has to wait for a newer one.
    pub fn is_fresh(&self) -> bool {
        self.as_of == 0
    }
}

impl Answer {
    pub fn view(&self) -> View {
        View { key: self.key(), seq: self.seq }
    }

    pub fn key(&self) -> Key {
        Key { epoch: self.epoch, generation: self.record.map_or(0, |record| record.seq) }
    }

    pub fn tick(&mut self, rules: &Rules) {
        if let Some(record) = &mut self.record {
            record.age = rules.retention().saturating_add(1).min(record.age + 1);
        }
    }

    pub fn drop_old(&mut self, rules: &Rules) {
        self.record = self.record.filter(|record| record.age <= rules.retention());
    }
}

/// Answers arrive in any order: an older one never undoes a newer.
pub fn adopt(log: &mut Option<Log>, answer: Answer, begun: Age, rules: &Rules) {
    let new = Log { known: answer, as_of: begun };
    let kept = match *log {
        None => new,
        Some(old) if old.known.epoch != answer.epoch => {
            if begun > old.as_of {
                old
            } else if rules.is(Wrong::KeptIndex) {
                let record = answer.record.or(old.known.record);
                Log { known: Answer { record, ..answer }, ..new }
            } else {
                new
            }
        }
        Some(old) => merged(old, new),
    };
    let kept = log.insert(kept);
    kept.known.drop_old(rules);
}

fn merged(old: Log, new: Log) -> Log {
    let record =
        [old.known.record, new.known.record].into_iter().flatten().max_by_key(|record| record.seq);
    let newer = if new.as_of <= old.as_of { new } else { old };
    Log {
        known: Answer {
            epoch: old.known.epoch,
            seq: old.known.seq.max(new.known.seq),
            record,
            in_doubt: newer.known.in_doubt,
        },
        as_of: newer.as_of,
    }
}
