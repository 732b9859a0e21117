//! What is worth telling a person about a run, in lines that stay. [`super::Lines`] and
//! [`super::Progress`] only differ in how they show what is going on at the moment.

use std::collections::{BTreeMap, VecDeque};

use owo_colors::OwoColorize;

use super::{
    clean::clean,
    style::{BAD, CARE, GOOD, QUIET, duration, look},
};
use crate::{
    engine::{Event, Outcome},
    error::{Error, ErrorKind},
    plan::{Change, ResourceId, StepId},
};

/// How many lines of a failing step's log are shown.
const TAIL: usize = 20;

/// The lines of a run told so far.
pub(super) struct Story {
    verbose: bool,
    steps: BTreeMap<StepId, Chapter>,
}

/// What is remembered of one step to tell its end.
struct Chapter {
    name: String,
    did: &'static str,
    tail: VecDeque<String>,
}

impl Story {
    /// A story that tells all log lines if `verbose`, else those of failing steps.
    pub(super) fn new(verbose: bool) -> Self {
        Self { verbose, steps: BTreeMap::new() }
    }

    /// The step's name, as its resource is called.
    pub(super) fn name(&self, step: &StepId) -> String {
        self.steps.get(step).map_or_else(|| clean(&step.0), |chapter| chapter.name.clone())
    }

    /// The styled lines that an event adds for good.
    pub(super) fn tell(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::StepStarted { step, resource, change } => {
                self.steps.insert(step.clone(), Chapter::new(resource, change));
                Vec::new()
            }
            Event::StepLog { step, line, .. } => self.log(step, clean(line)),
            Event::StepFinished { step, millis } => vec![self.finished(step, *millis)],
            Event::StepFailed { step, millis, error } => self.failed(step, *millis, error),
            Event::Interrupted => vec![interrupted()],
            Event::UndoFinished { step } => {
                vec![marked(&"↶".style(CARE), &self.name(step), "undone")]
            }
            Event::UndoSkipped { step, why } => {
                let text = format!("not undone: {}", clean(why));
                vec![marked(&"·".style(QUIET), &self.name(step), &text)]
            }
            Event::UndoFailed { step, error } => {
                let text = format!("could not be undone: {}", clean(&error.to_string()));
                vec![marked(&"✘".style(BAD), &self.name(step), &text)]
            }
            Event::Warning { message } => {
                vec![format!("{} {}", "warning:".style(CARE), clean(message))]
            }
            Event::Finished(outcome) => end(outcome).map(str::to_owned).into_iter().collect(),
            Event::Started { .. } | Event::StepProgress { .. } | Event::UndoStarted { .. } => {
                Vec::new()
            }
        }
    }

    fn log(&mut self, step: &StepId, line: String) -> Vec<String> {
        if self.verbose {
            let name = self.name(step);
            return vec![format!("{} {line}", format!("{name} |").style(QUIET))];
        }
        if let Some(chapter) = self.steps.get_mut(step) {
            if chapter.tail.len() == TAIL {
                chapter.tail.pop_front();
            }
            chapter.tail.push_back(line);
        }
        Vec::new()
    }

    fn finished(&self, step: &StepId, millis: u64) -> String {
        let did = self.steps.get(step).map_or("done", |chapter| chapter.did);
        let took = format!("({})", duration(millis));
        marked(&"✔".style(GOOD), &self.name(step), &format!("{did} {}", took.style(QUIET)))
    }

    fn failed(&mut self, step: &StepId, millis: u64, error: &Error) -> Vec<String> {
        let (name, took) = (self.name(step), duration(millis));
        if error.kind == ErrorKind::Interrupted {
            return vec![marked(&"■".style(CARE), &name, &format!("stopped after {took}"))];
        }
        let text = format!("failed after {took}: {}", clean(&error.message));
        let mut lines = vec![marked(&"✘".style(BAD), &name, &text)];
        // An error that brings the log along shows it itself, at the end.
        if error.log.is_empty()
            && let Some(chapter) = self.steps.get_mut(step)
        {
            lines.extend(
                chapter.tail.drain(..).map(|line| format!("    {} {line}", "|".style(QUIET))),
            );
        }
        lines
    }
}

impl Chapter {
    fn new(resource: &ResourceId, change: &Change) -> Self {
        let name = clean(&resource.to_string());
        Self { name, did: look(change).did, tail: VecDeque::new() }
    }
}

/// What a step that begins is doing: "creating", "running python manage.py migrate".
pub(super) fn doing(change: &Change) -> String {
    let does = look(change).does;
    match change {
        Change::Run { what } => format!("{does} {}", clean(what)),
        Change::Create { .. }
        | Change::Update { .. }
        | Change::Replace { .. }
        | Change::Delete { .. } => does.to_owned(),
    }
}

fn marked(mark: &impl std::fmt::Display, name: &str, text: &str) -> String {
    format!("{mark} {name} {text}")
}

fn interrupted() -> String {
    format!("{} stopping; interrupt again to leave everything as it is", "interrupted:".style(CARE))
}

/// The last line of a run that was not clean; the error itself is told by [`super::write_error`].
fn end(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Clean => None,
        Outcome::RolledBack { .. } => Some("Rolled back: what this run did was undone."),
        Outcome::Stuck { committed: true, .. } => {
            Some("The new release is live, but not everything after the switch is done.")
        }
        Outcome::Stuck { committed: false, .. } => Some("Something is left over."),
        Outcome::LockLost { .. } => {
            Some("Stopped, because the lock was lost; what this run did was not undone.")
        }
    }
}
