//! A run on a terminal: finished lines stay, and below them is one line per step at work.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{Stderr, Write},
    time::Duration,
};

use anstream::AutoStream;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    clean::clean,
    story::{Story, doing},
};
use crate::{
    engine::{Event, EventSink},
    plan::StepId,
};

/// How often the spinners turn.
const TICK: Duration = Duration::from_millis(100);

/// Draws a run on a terminal.
pub struct Progress<W> {
    bars: MultiProgress,
    inner: RefCell<Inner<W>>,
}

struct Inner<W> {
    story: Story,
    at_work: BTreeMap<StepId, ProgressBar>,
    out: W,
}

impl Progress<AutoStream<Stderr>> {
    /// Draws on standard error, which must be a terminal.
    pub fn on_stderr(verbose: bool) -> Self {
        Self::new(ProgressDrawTarget::stderr(), anstream::stderr(), verbose)
    }
}

impl<W: Write> Progress<W> {
    /// `target` and `out` are the same terminal, once for what changes and once for what stays.
    fn new(target: ProgressDrawTarget, out: W, verbose: bool) -> Self {
        Self {
            bars: MultiProgress::with_draw_target(target),
            inner: RefCell::new(Inner {
                story: Story::new(verbose),
                at_work: BTreeMap::new(),
                out,
            }),
        }
    }

    fn begin(&self, inner: &mut Inner<W>, step: &StepId, doing: String) {
        let bar = self.bars.add(ProgressBar::no_length().with_style(line_style()));
        bar.set_prefix(inner.story.name(step));
        bar.set_message(doing);
        bar.enable_steady_tick(TICK);
        inner.at_work.insert(step.clone(), bar);
    }

    fn end(&self, inner: &mut Inner<W>, step: &StepId) {
        if let Some(bar) = inner.at_work.remove(step) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// Adds lines that stay, above the steps at work.
    fn keep(&self, out: &mut W, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.bars.suspend(|| {
            // A terminal that went away must not stop a deploy.
            let _ = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
            let _ = out.flush();
        });
    }
}

/// The line of a step at work; its colours obey `NO_COLOR` by themselves.
fn line_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner:.cyan} {prefix}: {wide_msg:.dim} {elapsed:.dim}")
        // The template is a constant, drawn by the tests.
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl<W: Write> EventSink for Progress<W> {
    fn emit(&self, event: Event) {
        let inner = &mut *self.inner.borrow_mut();
        let lines = inner.story.tell(&event);
        match &event {
            Event::StepStarted { step, change, .. } => self.begin(inner, step, doing(change)),
            Event::UndoStarted { step } => self.begin(inner, step, "undoing".to_owned()),
            Event::StepProgress { step, message } => {
                if let Some(bar) = inner.at_work.get(step) {
                    bar.set_message(clean(message));
                }
            }
            Event::StepFinished { step, .. }
            | Event::StepFailed { step, .. }
            | Event::UndoFinished { step }
            | Event::UndoFailed { step, .. } => self.end(inner, step),
            // An aborted run leaves steps that never ended.
            Event::Finished(_) => std::mem::take(&mut inner.at_work)
                .into_values()
                .for_each(|bar| bar.finish_and_clear()),
            Event::Started { .. }
            | Event::StepLog { .. }
            | Event::Interrupted
            | Event::UndoSkipped { .. }
            | Event::Warning { .. } => {}
        }
        self.keep(&mut inner.out, &lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{sample, terminal::Terminal};

    fn drawn(events: Vec<Event>) -> String {
        let screen = Terminal::new(100);
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let progress = Progress::new(target, screen.clone(), false);
        events.into_iter().for_each(|event| progress.emit(event));
        screen.text()
    }

    #[test]
    fn a_clean_run_leaves_a_line_per_step() {
        insta::assert_snapshot!(drawn(sample::clean_run()), @"
        ✔ image board created (1.5 s)
        ✔ release migrate done (1.5 s)
        ✔ service web updated (1.5 s)
        ✔ service worker created (1.5 s)
        ✔ container beat replaced (1.5 s)
        ✔ service old deleted (1.5 s)
        ");
    }

    #[test]
    fn a_failure_shows_the_end_of_its_log() {
        insta::assert_snapshot!(drawn(sample::failing_run()), @"
        ✔ image board created (4.2 s)
        ✔ container beat replaced (80 ms)
        ✘ service web failed after 1 min 00 s: service web did not become healthy
            | web line 6
            | web line 7
            | web line 8
            | web line 9
            | web line 10
            | web line 11
            | web line 12
            | web line 13
            | web line 14
            | web line 15
            | web line 16
            | web line 17
            | web line 18
            | web line 19
            | web line 20
            | web line 21
            | web line 22
            | web line 23
            | web line 24
            | web line 25
        ■ service worker stopped after 1 min 00 s
        warning: the engine answers slowly
        ↶ service worker undone
        ✘ service web could not be undone: container board-web-2 could not be removed: in use
        · image board not undone: it stays in the engine's store
        Something is left over.
        ");
    }

    #[test]
    fn an_interrupt() {
        insta::assert_snapshot!(drawn(sample::interrupted_run()), @"
        interrupted: stopping; interrupt again to leave everything as it is
        ■ image board stopped after 900 ms
        · image board not undone: it stays in the engine's store
        Rolled back: what this run did was undone.
        ");
    }

    #[test]
    fn a_step_at_work_says_what_it_does() {
        let screen = drawn(sample::failing_run().into_iter().take(3).collect());
        assert!(screen.contains(" image board: [3/7] RUN npm ci"), "{screen:?}");
        assert!(screen.ends_with(" 0s"), "{screen:?}");
    }
}
