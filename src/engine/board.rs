//! Who waits, runs, is done or has failed: the bookkeeping of a run, without time or tasks.

use std::collections::BTreeMap;

use super::{Outputs, StepOutput};
use crate::plan::{Plan, ResourceId, Step, StepId, Undo};

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
    Failed,
}

/// The state of every step of a plan.
pub(super) struct Board<'a, O> {
    plan: &'a Plan<O>,
    index: BTreeMap<&'a StepId, usize>,
    states: Vec<State>,
    /// Steps that ended, well or not, in the order they did.
    ended: Vec<usize>,
    outputs: Outputs,
}

impl<'a, O> Board<'a, O> {
    pub(super) fn new(plan: &'a Plan<O>) -> Self {
        let index = plan.steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
        let states = vec![State::Waiting; plan.steps.len()];
        Self { plan, index, states, ended: Vec::new(), outputs: Outputs::new() }
    }

    pub(super) fn step(&self, at: usize) -> &'a Step<O> {
        &self.plan.steps[at]
    }

    pub(super) fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    pub(super) fn into_outputs(self) -> Outputs {
        self.outputs
    }

    /// The first step in plan order that could start now.
    pub(super) fn next_ready(&self) -> Option<usize> {
        self.positions(State::Waiting).find(|at| self.is_free(*at))
    }

    /// True once traffic may have moved: a step after the commit point is free to run, or
    /// everything is done. From here on nothing is taken back.
    pub(super) fn committed(&self) -> bool {
        let free = |at: usize| self.step(at).after_commit && self.is_free(at);
        self.all_done() || (0..self.states.len()).any(free)
    }

    /// False for a teardown, which moves no traffic: all of it comes after what it could take back.
    pub(super) fn has_commit_point(&self) -> bool {
        self.plan.steps.iter().any(|step| !step.after_commit)
    }

    pub(super) fn all_done(&self) -> bool {
        self.states.iter().all(|state| *state == State::Done)
    }

    pub(super) fn started(&mut self, at: usize) {
        self.states[at] = State::Running;
    }

    pub(super) fn done(&mut self, at: usize, output: StepOutput) {
        self.states[at] = State::Done;
        self.ended.push(at);
        self.outputs.insert(self.step(at).id.clone(), output);
    }

    pub(super) fn failed(&mut self, at: usize) {
        self.states[at] = State::Failed;
        self.ended.push(at);
    }

    /// A step that was told to start, but was not allowed to.
    pub(super) fn held_back(&mut self, at: usize) {
        self.states[at] = State::Waiting;
    }

    /// Takes the step that is to be undone next: the one that ended last.
    pub(super) fn take_last_ended(&mut self) -> Option<usize> {
        let at = self.ended.pop()?;
        self.states[at] = State::Waiting;
        Some(at)
    }

    pub(super) fn undone(&mut self, at: usize) {
        self.outputs.remove(&self.step(at).id);
    }

    /// What is not as the plan wants it, in plan order: the steps that failed or never ran.
    pub(super) fn open_work(&self) -> Vec<ResourceId> {
        let open = (0..self.states.len()).filter(|at| self.states[*at] != State::Done);
        open.map(|at| self.step(at).resource.clone()).collect()
    }

    /// What an abort leaves behind, in plan order: the steps cut off while they ran, and those
    /// that ended and could have been taken back.
    pub(super) fn abandoned(&self) -> Vec<ResourceId> {
        let left = |at: &usize| match self.states[*at] {
            State::Waiting => false,
            State::Running => true,
            State::Done | State::Failed => !matches!(self.step(*at).undo, Undo::None { .. }),
        };
        (0..self.states.len()).filter(left).map(|at| self.step(at).resource.clone()).collect()
    }

    fn positions(&self, state: State) -> impl Iterator<Item = usize> {
        (0..self.states.len()).filter(move |at| self.states[*at] == state)
    }

    fn is_free(&self, at: usize) -> bool {
        let done = |need| self.index.get(need).is_some_and(|at| self.states[*at] == State::Done);
        self.step(at).needs.iter().all(done)
    }
}
