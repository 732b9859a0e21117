//! Every order in which hub, origin, edges and clients can take their steps, by the rules of the
//! Edge (the log, its freshness, read your writes, a hub out of reach): nobody is shown what they
//! must not be shown. Each rule is needed: a model in which it is wrong has a counterexample.
//!
//! `tests/workers` has the same mutants as patches of the real scripts.

mod failing;
mod judge;
mod log;
mod reading;
mod rules;
mod steps;
mod time;
mod world;
mod writing;

use stateright::{Checker, HasDiscoveries, Model, Property};

use rules::{Rules, Wrong};
use steps::{Step, after};
use world::{Broken, World};

const OWN_WRITES: &str = "a writer never reads older than its own write";
const OLD_NEWS: &str = "nobody misses what was told longer ago than a log lives";
const WINDOW: &str = "no entry outlives its window";
const QUIET: &str = "when everything is quiet, what is found is fresh";
const STORED: &str = "the newest version is stored";

struct EdgeModel {
    rules: Rules,
    /// How much may go wrong in one run.
    faults: u8,
}

impl Model for EdgeModel {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.faults)]
    }

    fn actions(&self, _: &World, steps: &mut Vec<Step>) {
        steps.extend(Step::all());
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        after(world, step, &self.rules)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(OWN_WRITES, |model: &Self, world: &World| {
                model.is_kept(world, Broken::OwnWriteMissed)
            }),
            Property::always(OLD_NEWS, |model: &Self, world: &World| {
                model.is_kept(world, Broken::OldNewsMissed)
            }),
            Property::always(WINDOW, |model: &Self, world: &World| {
                model.is_kept(world, Broken::EntryOutlivedItsWindow)
            }),
            Property::always(QUIET, |_, world: &World| {
                !world.is_quiet() || world.current_entry_is_fresh()
            }),
            // Else it would be easy to show nothing wrong.
            Property::sometimes(STORED, |_, world: &World| world.has_newest_entry()),
        ]
    }
}

impl EdgeModel {
    fn is_kept(&self, world: &World, promise: Broken) -> bool {
        world.breaks_now(&self.rules) != Some(promise)
    }
}

fn assert_promises_are_kept(faults: u8) {
    let rules = Rules::default();
    let checker = EdgeModel { rules, faults }.checker().threads(2);
    let checker = checker.spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.is_done(), "every state was looked at");
}

#[test]
fn no_order_of_steps_breaks_a_promise_whatever_fails() {
    assert_promises_are_kept(1);
}

#[test]
#[ignore = "a million states: part of `make conformance`"]
fn conformance_no_order_of_steps_breaks_a_promise_whatever_two_fail() {
    assert_promises_are_kept(2);
}

/// A promise that is broken where a rule is wrong.
fn assert_breaks(wrong: Wrong, promise: &'static str) {
    let rules = Rules { wrong: Some(wrong) };
    let model = EdgeModel { rules, faults: 1 };
    let found = HasDiscoveries::AnyOf([promise].into());
    let checker = model.checker().threads(2).finish_when(found);
    let checker = checker.spawn_bfs().join();
    let counterexample = checker.discovery(promise);
    assert!(counterexample.is_some(), "{wrong:?} keeps it: {promise}");
}

#[test]
fn a_late_record_breaks_own_writes() {
    assert_breaks(Wrong::LateRecord, OWN_WRITES);
}

#[test]
fn an_early_prune_breaks_own_writes() {
    assert_breaks(Wrong::EarlyPrune, OWN_WRITES);
}

#[test]
fn no_intent_leaves_old_entries() {
    assert_breaks(Wrong::NoIntent, QUIET);
}

#[test]
fn no_floor_breaks_own_writes() {
    assert_breaks(Wrong::NoFloor, OWN_WRITES);
}

#[test]
fn a_joined_refresh_breaks_own_writes() {
    assert_breaks(Wrong::JoinedRefresh, OWN_WRITES);
}

#[test]
fn what_lingers_for_the_writer_breaks_own_writes() {
    assert_breaks(Wrong::LingersForTheWriter, OWN_WRITES);
}

#[test]
fn what_lingers_on_hides_old_news() {
    assert_breaks(Wrong::LingersOn, OLD_NEWS);
}

#[test]
fn a_closed_intent_leaves_old_entries() {
    assert_breaks(Wrong::ClosedIntent, QUIET);
}

#[test]
fn a_hub_that_counts_on_under_old_keys_breaks_own_writes() {
    assert_breaks(Wrong::SameEpoch, OWN_WRITES);
}

#[test]
fn numbers_of_a_hub_that_is_gone_break_own_writes() {
    assert_breaks(Wrong::KeptIndex, OWN_WRITES);
}

#[test]
fn a_copy_that_counts_as_new_hides_old_news() {
    assert_breaks(Wrong::NewCopy, OLD_NEWS);
}
