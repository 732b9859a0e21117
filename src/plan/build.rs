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

/// The steps without needs that are not in the plan, as their resources are unchanged.
pub fn with_known_needs<O>(mut steps: Vec<Step<O>>) -> Vec<Step<O>> {
    let known: BTreeSet<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    for step in &mut steps {
        step.needs.retain(|need| known.contains(need));
        step.needs.sort();
        step.needs.dedup();
    }
    steps
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
        Ok(Plan { steps, unchanged, notes, policy: None })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Change, Undo};

    fn step(name: usize, needs: impl IntoIterator<Item = usize>) -> Step<()> {
        let resource = ResourceId::new("toy", name.to_string());
        Step {
            id: resource.step_id(),
            resource,
            change: Change::Create { fields: Vec::new() },
            needs: needs.into_iter().map(id).collect(),
            op: (),
            undo: Undo::Delete,
            after_commit: false,
        }
    }

    fn id(name: usize) -> StepId {
        StepId::new("toy", &name.to_string())
    }

    fn build(steps: impl IntoIterator<Item = Step<()>>) -> Result<Plan<()>, PlanError> {
        let mut builder = PlanBuilder::default();
        steps.into_iter().for_each(|step| builder.step(step));
        builder.build()
    }

    fn names(plan: &Plan<()>) -> Vec<&str> {
        plan.steps.iter().map(|step| step.resource.name.as_str()).collect()
    }

    #[test]
    fn free_steps_keep_the_order_in_which_they_were_added() {
        let plan = build([step(3, [1]), step(2, []), step(1, []), step(0, [3])]).expect("a plan");
        assert_eq!(names(&plan), ["2", "1", "3", "0"]);
    }

    #[test]
    fn what_is_no_plan_is_refused_by_name() {
        assert_eq!(build([step(1, []), step(1, [])]), Err(PlanError::Duplicate(id(1))));
        let missing = PlanError::Missing { step: id(1), missing: id(2) };
        assert_eq!(build([step(1, [2])]), Err(missing));
        let cycle = PlanError::Cycle(vec![id(1), id(2)]);
        assert_eq!(build([step(0, []), step(1, [2]), step(2, [1])]), Err(cycle));
        assert_eq!(build([step(1, [1])]), Err(PlanError::Cycle(vec![id(1)])));
    }

    #[test]
    fn a_need_named_twice_is_one_need() {
        assert!(build([step(1, []), step(2, [1, 1])]).is_ok());
    }

    prop_compose! {
        /// Steps that make a plan, in any order.
        fn steps()(needs in prop::collection::vec(any::<u16>(), 0..12))(
            steps in Just(needs.iter().enumerate().map(|(at, needs)| {
                step(at, (0..at).filter(|earlier| needs & (1 << earlier) != 0))
            }).collect::<Vec<_>>()).prop_shuffle()
        ) -> Vec<Step<()>> {
            steps
        }
    }

    proptest! {
        #[test]
        fn every_step_comes_once_and_after_all_it_needs(steps in steps()) {
            let plan = build(steps.clone()).expect("a plan");
            prop_assert_eq!(plan.steps.len(), steps.len());
            let mut done = BTreeSet::new();
            for step in &plan.steps {
                prop_assert!(step.needs.iter().all(|need| done.contains(need)));
                prop_assert!(done.insert(&step.id));
            }
        }

        #[test]
        fn the_same_steps_make_the_same_bytes(steps in steps()) {
            let bytes = |steps| serde_json::to_vec(&build(steps).expect("a plan")).expect("JSON");
            prop_assert_eq!(bytes(steps.clone()), bytes(steps));
        }

        #[test]
        fn an_ordered_plan_is_its_own_order(steps in steps()) {
            let plan = build(steps).expect("a plan");
            prop_assert_eq!(build(plan.steps.clone()), Ok(plan));
        }

        #[test]
        fn a_cycle_is_refused_wherever_it_is(steps in steps(), at in any::<prop::sample::Index>()) {
            let edges = |step: &Step<()>| {
                let ends = |need: &StepId| (need.clone(), step.id.clone());
                step.needs.iter().map(ends).collect::<Vec<_>>()
            };
            let edges: Vec<_> = steps.iter().flat_map(edges).collect();
            prop_assume!(!edges.is_empty());
            let (first, second) = at.get(&edges);
            let mut steps = steps;
            steps.iter_mut().filter(|step| &step.id == first).for_each(|step| {
                step.needs.push(second.clone());
            });
            prop_assert!(matches!(build(steps), Err(PlanError::Cycle(_))));
        }
    }
}
