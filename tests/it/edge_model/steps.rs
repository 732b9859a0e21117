//! What can happen next, and what it makes of the world.

use super::rules::Rules;
use super::world::{Place, QUESTIONS, World};

/// One step of one of them; what stands for a message is lost where its receiver is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Tick,
    /// The edge asks the hub what is new.
    Ask,
    HubAnswers(usize),
    AnswerArrives(usize),
    /// Another isolate has asked the hub, and leaves the answer.
    LeaveCopy,
    TakeCopy,
    /// Somebody hits.
    Show,
    /// Somebody misses, and the edge asks the origin.
    Fill,
    /// The origin has answered, and the hub is asked again.
    CheckFill,
    StoreFill,
    Write(Place),
    HubHearsIntent,
    Commit,
    HubRecords,
    WriterHears,
    Retry,
    StopRetrying,
    CommitLate,
    NeverCommits,
    HubReturns,
    // Faults.
    OriginGivesUp,
    EdgeDies(Place),
    HubLeaves,
    HubIsBornAnew,
}

impl Step {
    /// All that is ever possible.
    pub fn all() -> Vec<Self> {
        let mut steps = vec![
            Self::Tick,
            Self::Ask,
            Self::LeaveCopy,
            Self::TakeCopy,
            Self::Show,
            Self::Fill,
            Self::CheckFill,
            Self::StoreFill,
            Self::HubHearsIntent,
            Self::Commit,
            Self::HubRecords,
            Self::WriterHears,
            Self::Retry,
            Self::StopRetrying,
            Self::CommitLate,
            Self::NeverCommits,
            Self::HubReturns,
            Self::OriginGivesUp,
            Self::HubLeaves,
            Self::HubIsBornAnew,
        ];
        for place in [Place::Here, Place::There] {
            steps.extend([Self::Write(place), Self::EdgeDies(place)]);
        }
        for question in 0..QUESTIONS {
            steps.extend([Self::HubAnswers(question), Self::AnswerArrives(question)]);
        }
        steps
    }

    fn is_fault(self) -> bool {
        matches!(
            self,
            Self::OriginGivesUp | Self::EdgeDies(_) | Self::HubLeaves | Self::HubIsBornAnew
        )
    }
}

/// The world after a step; none if it cannot be taken now.
pub fn after(world: &World, step: Step, rules: &Rules) -> Option<World> {
    let mut next = world.clone();
    if step.is_fault() {
        next.faults_left = next.faults_left.checked_sub(1)?;
    }
    match step {
        Step::Tick => next.may_tick().then(|| next.tick(rules)),
        Step::Ask => next.ask(rules),
        Step::HubAnswers(question) => next.hub_answers(question),
        Step::AnswerArrives(question) => next.answer_arrives(question, rules),
        Step::LeaveCopy => next.leave_copy(),
        Step::TakeCopy => next.take_copy(rules),
        Step::Show => next.show(),
        Step::Fill => next.begin_fill(),
        Step::CheckFill => next.check_fill(),
        Step::StoreFill => next.store_fill(rules),
        Step::Write(place) => next.begin_write(place),
        Step::HubHearsIntent => next.hub_hears_intent(rules),
        Step::Commit => next.commit_write(),
        Step::HubRecords => next.hub_records(rules),
        Step::WriterHears => next.writer_hears(rules),
        Step::Retry => next.retry_record(),
        Step::StopRetrying => next.stop_retrying(),
        Step::CommitLate => next.commit_late(),
        Step::NeverCommits => next.late.take().map(|_| ()),
        Step::HubReturns => set(&mut next.hub.is_up, true),
        Step::OriginGivesUp => next.origin_gives_up(),
        Step::EdgeDies(place) => next.edge_dies(place),
        Step::HubLeaves => set(&mut next.hub.is_up, false),
        Step::HubIsBornAnew => next.hub_is_born_anew(rules),
    }?;
    next.forget_the_useless();
    Some(next)
}

fn set(flag: &mut bool, value: bool) -> Option<()> {
    (*flag != value).then(|| *flag = value)
}
