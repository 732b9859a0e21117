//! Builds a plan from steps in any order: ids are unique, needs exist, cycles are refused, and the
//! order of the result depends on nothing but the steps.

use std::collections::{BTreeMap, BTreeSet};

use super::{Note, Plan, ResourceId, Step, StepId};

/// Why steps do not make a plan. Each is a mistake in a planner, not in user input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Two steps have one id.
    #[error("two steps are named {0}")]
    Duplicate(StepId),
    /// A step needs one that is not in the plan.
    #[error("step {step} needs {missing}, which is not in the plan")]
    Missing {
        /// The step that needs.
        step: StepId,
        /// What it needs.
        missing: StepId,
    },
    /// Steps wait for each other.
    #[error("steps wait for each other: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Cycle(Vec<StepId>),
}

/// Collects steps, kept resources and notes, then orders them.
#[derive(Debug)]
pub struct PlanBuilder<O> {
    steps: Vec<Step<O>>,
    unchanged: Vec<ResourceId>,
    notes: Vec<Note>,
}

impl<O> Default for PlanBuilder<O> {
    fn default() -> Self {
        Self { steps: Vec::new(), unchanged: Vec::new(), notes: Vec::new() }
    }
}

impl<O> PlanBuilder<O> {
    /// Adds a step.
    pub fn step(&mut self, step: Step<O>) {
        self.steps.push(step);
    }

    /// Notes that a resource stays as it is.
    pub fn unchanged(&mut self, resource: ResourceId) {
        self.unchanged.push(resource);
    }

    /// Adds a note.
    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// True if a step of this id was added.
    pub fn has(&self, id: &StepId) -> bool {
        self.steps.iter().any(|step| &step.id == id)
    }

    /// Orders the steps: a step comes after all it needs; among those that are free, the one that
    /// was added first. (Kahn's algorithm.)
    pub fn build(self) -> Result<Plan<O>, PlanError> {
        let Self { steps, unchanged, notes } = self;
        let mut waiting_for = open_needs(&steps)?;
        let index: BTreeMap<StepId, usize> =
            steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
        for (at, step) in steps.iter().enumerate() {
            for need in &step.needs {
                waiters[index[need]].push(at);
            }
        }
        let mut ready: BTreeSet<usize> =
            (0..steps.len()).filter(|at| waiting_for[*at] == 0).collect();
        let mut order = Vec::with_capacity(steps.len());
        while let Some(at) = ready.pop_first() {
            order.push(at);
            for &waiter in &waiters[at] {
                waiting_for[waiter] -= 1;
                if waiting_for[waiter] == 0 {
                    ready.insert(waiter);
                }
            }
        }
        if order.len() < steps.len() {
            let stuck = (0..steps.len()).filter(|at| waiting_for[*at] > 0);
            return Err(PlanError::Cycle(stuck.map(|at| steps[at].id.clone()).collect()));
        }
        let mut slots: Vec<Option<Step<O>>> = steps.into_iter().map(Some).collect();
        let steps = order.into_iter().filter_map(|at| slots[at].take()).collect();
        Ok(Plan { steps, unchanged, notes })
    }
}

/// How many needs each step has; refuses duplicate ids and needs that nobody fulfils.
fn open_needs<O>(steps: &[Step<O>]) -> Result<Vec<usize>, PlanError> {
    let mut ids = BTreeSet::new();
    for step in steps {
        if !ids.insert(&step.id) {
            return Err(PlanError::Duplicate(step.id.clone()));
        }
    }
    for step in steps {
        if let Some(missing) = step.needs.iter().find(|need| !ids.contains(need)) {
            return Err(PlanError::Missing { step: step.id.clone(), missing: missing.clone() });
        }
    }
    Ok(steps.iter().map(|step| step.needs.len()).collect())
}
