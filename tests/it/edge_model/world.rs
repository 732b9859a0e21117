//! The state: hub, origin, two edges, a client that writes and one that only reads.
//!
//! Edges learn of each other through the hub and the writer alone, so it is enough that one of them
//! is read at: the other one only writes, and has neither log nor cache. Readers have no state of
//! their own: who asks is shown what there is at once, so every state is judged by what it would
//! show to each of them; what the edge asks for on their behalf is a question or a fill.

use std::collections::BTreeMap;

use super::log::{Age, Answer, Epoch, Key, Log, Record, Seq, View, adopt};
use super::rules::Rules;

/// How often the writer writes.
pub const WRITES: usize = 1;
/// How many questions to the hub are under way at once.
pub const QUESTIONS: usize = 1;
/// Counts the writes that the origin has committed.
pub type Version = u8;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub origin: Version,
    pub hub: Hub,
    /// The one that is read at.
    pub edge: Edge,
    /// What another of the location's isolates has left for this one.
    pub copy: Option<Copied>,
    pub writer: Writer,
    pub written: usize,
    pub questions: [Option<Question>; QUESTIONS],
    /// One at a time: who misses meanwhile reads past the cache.
    pub fill: Option<Fill>,
    /// A write that the origin will commit although it was given up.
    pub late: Option<usize>,
    /// A write that the hub has yet to hear of.
    pub retry: Option<Retry>,
    /// A change that no record will ever tell: only the window bounds it.
    pub is_lost: bool,
    pub faults_left: u8,
    pub news: [News; WRITES],
    /// What somebody was shown who had to wait for the hub.
    pub broken: Option<Broken>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hub {
    pub is_up: bool,
    pub epoch: Epoch,
    pub seq: Seq,
    pub record: Option<Record>,
    /// By write.
    pub intents: [Option<Intent>; WRITES],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// Ticks until it becomes a record.
    pub left: Age,
    /// Its edge waits for the origin, and will record what it says.
    pub is_awaited: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edge {
    pub log: Option<Log>,
    pub cache: BTreeMap<Key, Entry>,
    /// What was shown last.
    pub shown: Option<View>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub version: Version,
    /// Since the question to the origin began.
    pub age: Age,
}

/// Where the writer writes: at the edge that is read at, or at the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Here,
    There,
}

/// What the writer has seen, and its write that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Writer {
    pub write: Option<Write>,
    /// Its own writes are in the log from here on.
    pub floor: Option<(Epoch, Seq)>,
    /// Ticks for which it reads past the caches.
    pub bypass: Age,
    /// The newest version that it made and was told of.
    pub own: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    pub place: Place,
    pub id: usize,
    /// The hub has heard of it, or cannot.
    pub is_intended: bool,
    pub outcome: Option<Outcome>,
    /// The hub knows of no intent, or no more: should its edge die now, no record would tell.
    pub is_exposed: bool,
    /// The hub's answer to the record, and how long ago it was asked.
    pub recorded: Option<(Answer, Age)>,
}

/// What an edge hears of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Made(Version),
    /// A proxy gave up; the origin may go on.
    Unknown,
}

/// An edge asks the hub, because somebody waits for it or in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    pub begun: Age,
    pub answer: Option<Answer>,
    /// What everyone, and what the writer, must see who waits for it.
    pub must: Version,
    pub own: Version,
}

/// What the hub has told another isolate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Copied {
    pub answer: Answer,
    /// Since the hub answered.
    pub answered: Age,
}

/// A reading on its way into a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fill {
    pub key: Key,
    /// The origin reads at once: what it read later could only be newer.
    pub entry: Entry,
    /// The hub's answer after the reading, and how long ago it was asked.
    pub check: Option<(Answer, Age)>,
}

/// An edge tries again to record a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retry {
    pub place: Place,
    pub id: usize,
    /// The origin is done with it.
    pub is_over: bool,
}

/// What happened to one version, for judging: how long ago, if it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct News {
    pub committed: Option<Age>,
    /// Recorded, and its writer was told so.
    pub told: Option<Age>,
}

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    OwnWriteMissed,
    OldNewsMissed,
    EntryOutlivedItsWindow,
}

impl World {
    pub fn new(faults: u8) -> Self {
        Self {
            origin: 0,
            hub: Hub { is_up: true, epoch: 0, seq: 0, record: None, intents: [None; WRITES] },
            edge: Edge::default(),
            copy: None,
            writer: Writer::default(),
            written: 0,
            questions: [None; QUESTIONS],
            fill: None,
            late: None,
            retry: None,
            is_lost: false,
            faults_left: faults,
            news: [News::default(); WRITES],
            broken: None,
        }
    }

    pub fn commit(&mut self) -> Version {
        self.origin += 1;
        self.news[usize::from(self.origin) - 1].committed = Some(0);
        self.origin
    }
}

impl Hub {
    pub fn answer(&self) -> Answer {
        Answer {
            epoch: self.epoch,
            seq: self.seq,
            record: self.record,
            in_doubt: self.intents.iter().flatten().any(|intent| !intent.is_awaited),
        }
    }

    pub fn is_open(&self) -> bool {
        self.intents.iter().any(Option::is_some)
    }

    pub fn append(&mut self) {
        self.seq += 1;
        self.record = Some(Record { seq: self.seq, age: 0 });
    }
}

impl Edge {
    pub fn adopt(&mut self, answer: Answer, begun: Age, rules: &Rules) {
        adopt(&mut self.log, answer, begun, rules);
    }
}

impl Entry {
    pub fn is_alive(&self) -> bool {
        self.age < Rules::WINDOW
    }
}
