//! The engine on a toy world: a map from names to numbers, changed in slow motion.

use std::{
    cell::RefCell, collections::BTreeMap, fmt::Write as _, num::NonZeroUsize, rc::Rc,
    time::Duration,
};

use futures_util::future::LocalBoxFuture;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::{
    Clock, Event, Executor, FakeClock, Fault, FaultKind, FaultPoint, Faulty, Fence, Options,
    Outcome, Report, StepContext, StepOutput, run,
};
use crate::{
    error::{Error, ErrorKind, Result},
    plan::{Change, Plan, PlanBuilder, ResourceId, Step, StepId, Undo},
};

type World = Rc<RefCell<BTreeMap<String, u32>>>;

/// Makes `name` have `value` after so many ticks of the clock.
#[derive(Debug, Clone)]
struct Toy {
    name: String,
    value: Option<u32>,
    ticks: u64,
    heeds_cancel: bool,
}

struct Toys {
    world: World,
    clock: Rc<FakeClock>,
}

impl Toys {
    fn put(&self, name: &str, value: Option<u32>) {
        match value {
            Some(value) => self.world.borrow_mut().insert(name.to_owned(), value),
            None => self.world.borrow_mut().remove(name),
        };
    }
}

impl Executor<Toy> for Toys {
    async fn apply(&self, step: &Step<Toy>, context: &StepContext<'_>) -> Result<StepOutput> {
        for _ in 0..step.op.ticks {
            self.clock.sleep(Duration::from_millis(1)).await;
            if step.op.heeds_cancel && context.cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
        }
        self.put(&step.op.name, step.op.value);
        Ok(StepOutput::from([("name".to_owned(), step.op.name.clone())]))
    }

    async fn undo(
        &self,
        step: &Step<Toy>,
        _: Option<&StepOutput>,
        context: &StepContext<'_>,
    ) -> Result<()> {
        self.clock.sleep(Duration::from_millis(1)).await;
        assert!(!context.cancel.is_cancelled(), "an undo is never cancelled");
        match &step.undo {
            Undo::Delete => self.put(&step.op.name, None),
            Undo::Restore { op } => self.put(&op.name, op.value),
            Undo::None { .. } => unreachable!("nothing to undo"),
        }
        Ok(())
    }
}

fn id(name: &str) -> StepId {
    StepId::new("toy", name)
}

/// A step that creates the toy `name`; tests change what matters to them.
fn step(name: &str, needs: &[&str]) -> Step<Toy> {
    let resource = ResourceId::new("toy", name);
    Step {
        id: resource.step_id(),
        resource,
        change: Change::Create { fields: Vec::new() },
        needs: needs.iter().map(|need| id(need)).collect(),
        op: Toy { name: name.to_owned(), value: Some(1), ticks: 1, heeds_cancel: true },
        undo: Undo::Delete,
        after_commit: false,
    }
}

fn plan(steps: impl IntoIterator<Item = Step<Toy>>) -> Plan<Toy> {
    let mut builder = PlanBuilder::default();
    steps.into_iter().for_each(|step| builder.step(step));
    builder.build().unwrap_or_else(|error| panic!("{error}"))
}

/// The plan most tests run: a and b, then c, which commits, then d and e, then f.
fn diamond() -> Plan<Toy> {
    let mut steps = vec![step("a", &[]), step("b", &[]), step("c", &["a", "b"])];
    let tidy = [step("d", &["c"]), step("e", &["c"]), step("f", &["e"])];
    steps.extend(tidy.map(|step| Step { after_commit: true, ..step }));
    plan(steps)
}

/// A lock that is lost when `gone` is cancelled.
struct ToyFence {
    gone: CancellationToken,
    /// Nobody tells; only a check finds out.
    silent: bool,
}

impl ToyFence {
    fn loss() -> Error {
        Error::new(ErrorKind::Locked, "the lock was lost").cause("kim runs `mizan deploy`")
    }
}

impl Fence for ToyFence {
    fn check(&self) -> LocalBoxFuture<'_, Result<()>> {
        let lost = self.gone.is_cancelled();
        Box::pin(async move { if lost { Err(Self::loss()) } else { Ok(()) } })
    }

    fn lost(&self) -> LocalBoxFuture<'_, Error> {
        Box::pin(async {
            match self.silent {
                true => std::future::pending().await,
                false => self.gone.cancelled().await,
            }
            Self::loss()
        })
    }
}

/// One run in a toy world, told as text.
struct Told {
    events: String,
    report: Report,
    before: BTreeMap<String, u32>,
    after: BTreeMap<String, u32>,
}

#[derive(Default)]
struct Scene<'a> {
    faults: &'a str,
    parallel: usize,
    /// The event, as told, upon which the user interrupts.
    stop_at: &'a str,
    abort_at: &'a str,
    /// The event upon which another takes the lock.
    lose_at: &'a str,
    /// The loss is found out by checks only.
    silent: bool,
}

impl Scene<'_> {
    fn play(&self, plan: &Plan<Toy>) -> Told {
        let world: World = Rc::default();
        for step in &plan.steps {
            if let Undo::Restore { op } = &step.undo {
                world.borrow_mut().extend(op.value.map(|value| (op.name.clone(), value)));
            }
        }
        let before = world.borrow().clone();
        let clock = Rc::new(FakeClock::default());
        let faults = self.faults.split_terminator(',').map(|fault| fault.parse().expect("a fault"));
        let toys = Toys { world: world.clone(), clock: clock.clone() };
        let executor = Faulty::new(toys, faults.collect());
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let fence = ToyFence { gone: CancellationToken::new(), silent: self.silent };
        let events = RefCell::new(String::new());
        let sink = |event: Event| {
            let line = tell(&event);
            writeln!(events.borrow_mut(), "{line}").expect("written");
            if line == self.stop_at {
                stop.cancel();
            }
            if line == self.abort_at {
                abort.cancel();
            }
            if line == self.lose_at {
                fence.gone.cancel();
            }
        };
        let options = Options {
            parallel: NonZeroUsize::new(self.parallel.max(1)).expect("at least 1"),
            stop: stop.clone(),
            abort: abort.clone(),
            fence: Some(&fence),
            clock: &*clock,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let report = runtime.block_on(run(plan, &executor, &sink, &options));
        let after = world.borrow().clone();
        Told { events: events.into_inner(), report, before, after }
    }
}

fn tell(event: &Event) -> String {
    match event {
        Event::Started { steps } => format!("{steps} steps"),
        Event::StepStarted { step, .. } => format!("{step}"),
        Event::StepFinished { step, millis } => format!("{step} done in {millis}"),
        Event::StepFailed { step, error, .. } => format!("{step} failed: {}", error.message),
        Event::Interrupted => "interrupted".to_owned(),
        Event::UndoStarted { step } => format!("undo {step}"),
        Event::UndoFinished { step } => format!("undo {step} done"),
        Event::UndoSkipped { step, why } => format!("undo {step} skipped: {why}"),
        Event::UndoFailed { step, error } => format!("undo {step} failed: {}", error.message),
        Event::Finished(Outcome::Clean) => "clean".to_owned(),
        Event::Finished(Outcome::RolledBack { failed, error }) => {
            let failed = failed.as_ref().map_or("nothing", |step| &step.0);
            format!("rolled back, {failed} failed, {:?}", error.kind)
        }
        Event::Finished(Outcome::Stuck { failed, residue, committed, .. }) => {
            let failed = failed.as_ref().map_or("nothing", |step| &step.0);
            let residue: Vec<_> = residue.iter().map(ToString::to_string).collect();
            let moved = if *committed { "committed" } else { "not committed" };
            format!("stuck, {failed} failed, left: {}, {moved}", residue.join(" + "))
        }
        Event::Finished(Outcome::LockLost { residue, committed, .. }) => {
            let residue: Vec<_> = residue.iter().map(ToString::to_string).collect();
            let moved = if *committed { "committed" } else { "not committed" };
            format!("lock lost, left: {}, {moved}", residue.join(" + "))
        }
        Event::StepProgress { .. } | Event::StepLog { .. } | Event::Warning { .. } => String::new(),
    }
}

#[test]
fn ready_steps_start_in_plan_order_and_no_more_than_allowed() {
    let told = Scene { parallel: 2, ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/b
    toy/b done in 1
    toy/a done in 2
    toy/c
    toy/c done in 1
    toy/d
    toy/e
    toy/e done in 1
    toy/f
    toy/d done in 2
    toy/f done in 1
    clean
    ");
    assert_eq!(told.report.outcome, Outcome::Clean);
    assert_eq!(told.report.outputs[&id("c")]["name"], "c");
    assert_eq!(told.after.len(), 6);
}

#[test]
fn a_failure_takes_back_what_was_done_the_last_first() {
    let told =
        Scene { faults: "fail:after:toy/c", parallel: 2, ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/b
    toy/b done in 1
    toy/a done in 2
    toy/c
    toy/c failed: a fault was injected: fail:after:toy/c
    undo toy/c
    undo toy/c done
    undo toy/a
    undo toy/a done
    undo toy/b
    undo toy/b done
    rolled back, toy/c failed, Failed
    ");
    assert_eq!(told.after, told.before);
    assert!(told.report.outputs.is_empty(), "what was undone has no outputs");
}

#[test]
fn a_failure_cancels_what_runs_beside_it_and_takes_that_back_too() {
    let mut slow = step("slow", &[]);
    slow.op.ticks = 100;
    let scene = Scene { faults: "fail:before:toy/a", parallel: 2, ..Scene::default() };
    let told = scene.play(&plan([slow, step("a", &[]), step("b", &[])]));
    insta::assert_snapshot!(told.events, @"
    3 steps
    toy/slow
    toy/a
    toy/a failed: a fault was injected: fail:before:toy/a
    toy/slow failed: interrupted
    undo toy/slow
    undo toy/slow done
    undo toy/a
    undo toy/a done
    rolled back, toy/a failed, Failed
    ");
    assert_eq!(told.after, told.before);
}

#[test]
fn a_step_that_commits_in_spite_of_being_cancelled_is_taken_back() {
    let mut switch = step("switch", &[]);
    switch.op.heeds_cancel = false;
    let tidy = Step { after_commit: true, ..step("tidy", &["switch"]) };
    let scene = Scene { faults: "fail:before:toy/a", parallel: 2, ..Scene::default() };
    let told = scene.play(&plan([switch, step("a", &[]), tidy]));
    insta::assert_snapshot!(told.events, @"
    3 steps
    toy/switch
    toy/a
    toy/a failed: a fault was injected: fail:before:toy/a
    toy/switch done in 1
    undo toy/switch
    undo toy/switch done
    undo toy/a
    undo toy/a done
    rolled back, toy/a failed, Failed
    ");
    assert_eq!(told.after, told.before);
}

#[test]
fn what_cannot_be_undone_is_told_and_is_no_residue() {
    let mut pushed = step("pushed", &[]);
    pushed.undo = Undo::None { why: "a pushed image stays".into() };
    let scene = Scene { faults: "fail:before:toy/a", ..Scene::default() };
    let told = scene.play(&plan([pushed, step("a", &["pushed"])]));
    insta::assert_snapshot!(told.events, @"
    2 steps
    toy/pushed
    toy/pushed done in 1
    toy/a
    toy/a failed: a fault was injected: fail:before:toy/a
    undo toy/a
    undo toy/a done
    undo toy/pushed skipped: a pushed image stays
    rolled back, toy/a failed, Failed
    ");
}

#[test]
fn a_failed_undo_leaves_its_resource_over_and_the_others_go_on() {
    let faults = "fail:before:toy/c,fail:during-undo:toy/b";
    let told = Scene { faults, ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    toy/b done in 1
    toy/c
    toy/c failed: a fault was injected: fail:before:toy/c
    undo toy/c
    undo toy/c done
    undo toy/b
    undo toy/b failed: a fault was injected: fail:during-undo:toy/b
    undo toy/a
    undo toy/a done
    stuck, toy/c failed, left: toy b, not committed
    ");
    assert_eq!(told.after.keys().collect::<Vec<_>>(), ["b"]);
    let error = told.report.outcome.error().expect("an error");
    assert_eq!((error.kind, error.left_over), (ErrorKind::LeftOver, vec!["toy b".to_owned()]));
}

#[test]
fn what_a_step_stands_on_stays_when_that_step_cannot_be_taken_back() {
    let faults = "fail:before:toy/record,fail:during-undo:toy/traffic";
    let steps = [
        step("network", &[]),
        step("web", &["network"]),
        step("other", &[]),
        step("traffic", &["web"]),
        step("record", &["traffic"]),
    ];
    let told = Scene { faults, ..Scene::default() }.play(&plan(steps));
    insta::assert_snapshot!(told.events, @"
    5 steps
    toy/network
    toy/network done in 1
    toy/web
    toy/web done in 1
    toy/other
    toy/other done in 1
    toy/traffic
    toy/traffic done in 1
    toy/record
    toy/record failed: a fault was injected: fail:before:toy/record
    undo toy/record
    undo toy/record done
    undo toy/traffic
    undo toy/traffic failed: a fault was injected: fail:during-undo:toy/traffic
    undo toy/other
    undo toy/other done
    undo toy/web skipped: what needs it could not be taken back
    undo toy/network skipped: what needs it could not be taken back
    stuck, toy/record failed, left: toy traffic + toy web + toy network, not committed
    ");
    assert_eq!(told.after.keys().collect::<Vec<_>>(), ["network", "traffic", "web"]);
}

#[test]
fn after_the_commit_point_the_independent_steps_still_run() {
    let told = Scene { faults: "fail:before:toy/e", ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    toy/b done in 1
    toy/c
    toy/c done in 1
    toy/d
    toy/d done in 1
    toy/e
    toy/e failed: a fault was injected: fail:before:toy/e
    stuck, toy/e failed, left: toy e + toy f, committed
    ");
}

#[test]
fn an_interrupt_takes_everything_back() {
    let scene = Scene { stop_at: "toy/b", parallel: 1, ..Scene::default() };
    let told = scene.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    interrupted
    toy/b failed: interrupted
    undo toy/b
    undo toy/b done
    undo toy/a
    undo toy/a done
    rolled back, nothing failed, Interrupted
    ");
    assert_eq!(told.after, told.before);
    let error = told.report.outcome.error().expect("an error");
    assert_eq!(error.kind, ErrorKind::Interrupted);
}

#[test]
fn an_interrupt_after_the_commit_point_takes_nothing_back() {
    let told = Scene { stop_at: "toy/d", ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    toy/b done in 1
    toy/c
    toy/c done in 1
    toy/d
    interrupted
    toy/d failed: interrupted
    stuck, nothing failed, left: toy d + toy e + toy f, committed
    ");
}

#[test]
fn an_interrupt_while_unwinding_is_told_and_changes_nothing() {
    let scene = Scene { faults: "fail:before:toy/c", stop_at: "undo toy/b", ..Scene::default() };
    let told = scene.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    toy/b done in 1
    toy/c
    toy/c failed: a fault was injected: fail:before:toy/c
    undo toy/c
    undo toy/c done
    undo toy/b
    interrupted
    undo toy/b done
    undo toy/a
    undo toy/a done
    rolled back, toy/c failed, Failed
    ");
    assert_eq!(told.after, told.before);
}

#[test]
fn an_interrupt_that_comes_too_late_to_matter_is_clean() {
    let mut last = step("last", &[]);
    last.op.heeds_cancel = false;
    let told = Scene { stop_at: "toy/last", ..Scene::default() }.play(&plan([last]));
    insta::assert_snapshot!(told.events, @"
    1 steps
    toy/last
    interrupted
    toy/last done in 1
    clean
    ");
}

#[test]
fn a_second_interrupt_drops_a_hanging_step_and_lists_what_is_left() {
    let mut deaf = step("deaf", &["a"]);
    (deaf.op.ticks, deaf.op.heeds_cancel) = (u64::MAX, false);
    let scene = Scene { stop_at: "toy/deaf", abort_at: "interrupted", ..Scene::default() };
    let told = scene.play(&plan([step("a", &[]), deaf, step("b", &["deaf"])]));
    insta::assert_snapshot!(told.events, @"
    3 steps
    toy/a
    toy/a done in 1
    toy/deaf
    interrupted
    stuck, nothing failed, left: toy a + toy deaf, not committed
    ");
}

#[test]
fn a_second_interrupt_while_unwinding_lists_what_was_not_yet_taken_back() {
    let faults = "fail:before:toy/c,hang:during-undo:toy/b";
    let scene = Scene { faults, abort_at: "undo toy/b", ..Scene::default() };
    let told = scene.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    toy/b done in 1
    toy/c
    toy/c failed: a fault was injected: fail:before:toy/c
    undo toy/c
    undo toy/c done
    undo toy/b
    stuck, toy/c failed, left: toy b + toy a, not committed
    ");
    assert_eq!(told.after.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn an_abort_before_anything_was_done_leaves_nothing_over() {
    let told = Scene { abort_at: "6 steps", ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    rolled back, nothing failed, Interrupted
    ");
}

#[test]
fn who_loses_the_lock_drops_what_runs_and_takes_nothing_back() {
    let mut slow = step("slow", &["a"]);
    (slow.op.ticks, slow.op.heeds_cancel) = (100, false);
    let scene = Scene { lose_at: "toy/b", parallel: 2, ..Scene::default() };
    let told = scene.play(&plan([step("a", &[]), slow, step("b", &["a"]), step("c", &["b"])]));
    insta::assert_snapshot!(told.events, @"
    4 steps
    toy/a
    toy/a done in 1
    toy/slow
    toy/b
    lock lost, left: toy a + toy slow + toy b, not committed
    ");
    assert_eq!(told.after.keys().collect::<Vec<_>>(), ["a"]);
    let error = told.report.outcome.error().expect("an error");
    assert_eq!(error.kind, ErrorKind::Locked);
    assert_eq!(error.left_over, ["toy a", "toy slow", "toy b"]);
    assert_eq!(error.to_string(), "the lock was lost: kim runs `mizan deploy`");
}

#[test]
fn a_check_holds_a_step_back_when_nobody_told_of_the_loss() {
    let scene = Scene { lose_at: "toy/a done in 1", silent: true, ..Scene::default() };
    let told = scene.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    lock lost, left: toy a, not committed
    ");
    assert_eq!(told.after.keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_lock_that_was_lost_before_the_first_step_leaves_nothing_over() {
    let told = Scene { lose_at: "6 steps", silent: true, ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    lock lost, left: , not committed
    ");
    assert_eq!(told.after, told.before);
}

#[test]
fn a_lock_that_is_lost_after_the_commit_point_leaves_the_work_behind_it() {
    let told = Scene { lose_at: "toy/d", ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    toy/b done in 1
    toy/c
    toy/c done in 1
    toy/d
    lock lost, left: toy d + toy e + toy f, committed
    ");
}

#[test]
fn a_lock_that_is_lost_when_all_is_done_does_no_harm() {
    let scene = Scene { lose_at: "toy/a done in 1", ..Scene::default() };
    let told = scene.play(&plan([step("a", &[])]));
    assert_eq!(told.report.outcome, Outcome::Clean, "{}", told.events);
}

#[test]
fn a_lock_that_is_lost_while_unwinding_ends_the_unwinding() {
    for silent in [false, true] {
        let scene = Scene {
            faults: "fail:before:toy/c",
            lose_at: "undo toy/c done",
            silent,
            ..Scene::default()
        };
        let told = scene.play(&diamond());
        insta::allow_duplicates! { insta::assert_snapshot!(told.events, @"
        6 steps
        toy/a
        toy/a done in 1
        toy/b
        toy/b done in 1
        toy/c
        toy/c failed: a fault was injected: fail:before:toy/c
        undo toy/c
        undo toy/c done
        lock lost, left: toy b + toy a, not committed
        "); }
        assert_eq!(told.after.keys().collect::<Vec<_>>(), ["a", "b"]);
    }
}

#[test]
fn a_lock_that_is_lost_during_an_undo_drops_it() {
    let faults = "fail:before:toy/c,hang:during-undo:toy/b";
    let told = Scene { faults, lose_at: "undo toy/b", ..Scene::default() }.play(&diamond());
    insta::assert_snapshot!(told.events, @"
    6 steps
    toy/a
    toy/a done in 1
    toy/b
    toy/b done in 1
    toy/c
    toy/c failed: a fault was injected: fail:before:toy/c
    undo toy/c
    undo toy/c done
    undo toy/b
    lock lost, left: toy b + toy a, not committed
    ");
    assert_eq!(told.after.keys().collect::<Vec<_>>(), ["a", "b"]);
}

prop_compose! {
    /// A plan of up to eight steps with random needs among earlier ones, speeds and undos.
    fn any_plan()(
        shapes in prop::collection::vec((any::<u8>(), 0..4_u64, any::<bool>(), any::<bool>()), 1..8)
    ) -> Plan<Toy> {
        plan(shapes.iter().enumerate().map(|(at, (needs, ticks, heeds_cancel, update))| {
            let earlier = (0..at).filter(|earlier| needs & (1 << earlier) != 0);
            let mut step = step(&at.to_string(), &[]);
            step.needs = earlier.map(|earlier| id(&earlier.to_string())).collect();
            (step.op.ticks, step.op.heeds_cancel) = (*ticks, *heeds_cancel);
            if *update {
                step.undo = Undo::Restore { op: Box::new(Toy { value: Some(0), ..step.op.clone() }) };
            }
            step
        }))
    }
}

fn any_fault() -> impl Strategy<Value = (prop::sample::Index, FaultPoint, FaultKind)> {
    let point = prop_oneof![Just(FaultPoint::Before), Just(FaultPoint::After)];
    let kind = prop_oneof![Just(FaultKind::Fail), Just(FaultKind::Hang)];
    (any::<prop::sample::Index>(), point, kind)
}

proptest! {
    #[test]
    fn after_a_fault_anywhere_the_world_is_as_before(
        plan in any_plan(),
        (at, point, kind) in any_fault(),
        parallel in 1..4_usize,
    ) {
        let step = at.get(&plan.steps).id.clone();
        let fault = Fault { step: step.clone(), point, kind }.to_string();
        // Nobody but the user ends a step that hangs.
        let stop_at = if kind == FaultKind::Hang { step.0.as_str() } else { "" };
        let scene = Scene { faults: &fault, parallel, stop_at, ..Scene::default() };
        let told = scene.play(&plan);
        prop_assert!(matches!(told.report.outcome, Outcome::RolledBack { .. }), "{}", told.events);
        prop_assert_eq!(&told.after, &told.before, "{}", told.events);
        prop_assert_eq!(scene.play(&plan).events, told.events, "a second run tells the same");
    }

    #[test]
    fn after_the_commit_point_all_is_done_but_what_needs_the_failed_step(
        plan in any_plan(),
        at in any::<prop::sample::Index>(),
        parallel in 1..4_usize,
    ) {
        let mut plan = plan;
        plan.steps.iter_mut().for_each(|step| step.after_commit = true);
        let failed = at.get(&plan.steps).id.clone();
        let mut cut_off = vec![failed.clone()];
        for step in &plan.steps {
            if step.needs.iter().any(|need| cut_off.contains(need)) {
                cut_off.push(step.id.clone());
            }
        }
        let fault = Fault { step: failed.clone(), point: FaultPoint::Before, kind: FaultKind::Fail };
        let told = Scene { faults: &fault.to_string(), parallel, ..Scene::default() }.play(&plan);
        prop_assert!(!told.events.contains("undo"), "{}", told.events);
        let Outcome::Stuck { failed: first, residue, committed, .. } = told.report.outcome else {
            return Err(TestCaseError::fail("not stuck"));
        };
        // Such a plan is a teardown: no traffic has moved.
        prop_assert_eq!((first, committed), (Some(failed), false));
        prop_assert_eq!(residue.iter().map(ResourceId::step_id).collect::<Vec<_>>(), cut_off);
    }

    #[test]
    fn no_step_starts_before_its_needs_are_done_nor_beyond_the_bound(
        plan in any_plan(),
        parallel in 1..4_usize,
    ) {
        let told = Scene { parallel, ..Scene::default() }.play(&plan);
        prop_assert_eq!(&told.report.outcome, &Outcome::Clean);
        let (mut done, mut running) = (Vec::new(), 0_usize);
        for line in told.events.lines() {
            if let Some((step, _)) = line.split_once(" done in ") {
                done.push(StepId(step.to_owned()));
                running -= 1;
            } else if let Some(step) = plan.step(&StepId(line.to_owned())) {
                prop_assert!(step.needs.iter().all(|need| done.contains(need)));
                running += 1;
                prop_assert!(running <= parallel);
            }
        }
        prop_assert_eq!(done.len(), plan.steps.len());
    }
}
