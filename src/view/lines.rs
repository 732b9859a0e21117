//! A run as plain lines, for logs of CI and wherever there is no terminal.

use std::{cell::RefCell, io::Write};

use owo_colors::OwoColorize;

use super::{
    clean::clean,
    story::{Story, doing},
    style::QUIET,
};
use crate::engine::{Event, EventSink};

/// Writes a line per event that matters.
pub struct Lines<W> {
    inner: RefCell<Inner<W>>,
}

struct Inner<W> {
    story: Story,
    out: W,
}

impl<W: Write> Lines<W> {
    /// Lines to `out`; with all log lines if `verbose`.
    pub fn new(out: W, verbose: bool) -> Self {
        Self { inner: RefCell::new(Inner { story: Story::new(verbose), out }) }
    }
}

impl<W: Write> EventSink for Lines<W> {
    fn emit(&self, event: Event) {
        let mut inner = self.inner.borrow_mut();
        let mut lines = inner.story.tell(&event);
        lines.extend(inner.meanwhile(&event));
        for line in lines {
            // A reader that went away must not stop a deploy.
            let _ = writeln!(inner.out, "{line}");
        }
        let _ = inner.out.flush();
    }
}

impl<W> Inner<W> {
    /// What is told of a step that is still at work.
    fn meanwhile(&self, event: &Event) -> Option<String> {
        let (step, text) = match event {
            Event::StepStarted { step, change, .. } => (step, doing(change)),
            Event::StepProgress { step, message } => (step, clean(message)),
            Event::UndoStarted { step } => (step, "undoing".to_owned()),
            _ => return None,
        };
        Some(format!("{} {}: {text}", "…".style(QUIET), self.story.name(step)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    fn told(events: Vec<Event>, verbose: bool) -> String {
        let mut out = Vec::new();
        let lines = Lines::new(anstream::StripStream::new(&mut out), verbose);
        events.into_iter().for_each(|event| lines.emit(event));
        drop(lines);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_clean_run() {
        insta::assert_snapshot!(told(sample::clean_run(), false), @"
        … image board: creating
        ✔ image board created (1.5 s)
        … release migrate: running python manage.py migrate --noinput
        ✔ release migrate done (1.5 s)
        … service web: updating
        ✔ service web updated (1.5 s)
        … service worker: creating
        ✔ service worker created (1.5 s)
        … container beat: replacing
        ✔ container beat replaced (1.5 s)
        … service old: deleting
        ✔ service old deleted (1.5 s)
        ");
    }

    #[test]
    fn a_failure_shows_the_end_of_its_log_only() {
        insta::assert_snapshot!(told(sample::failing_run(), false), @"
        … image board: creating
        … image board: [3/7] RUN npm ci
        ✔ image board created (4.2 s)
        … service web: updating
        … service worker: creating
        … container beat: replacing
        … service web: waiting for /healthz: 502
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
        … service worker: undoing
        ↶ service worker undone
        … service web: undoing
        ✘ service web could not be undone: container board-web-2 could not be removed: in use
        · image board not undone: it stays in the engine's store
        Something is left over.
        ");
    }

    #[test]
    fn an_interrupt() {
        insta::assert_snapshot!(told(sample::interrupted_run(), false), @"
        … image board: creating
        interrupted: stopping; interrupt again to leave everything as it is
        ■ image board stopped after 900 ms
        · image board not undone: it stays in the engine's store
        Rolled back: what this run did was undone.
        ");
    }

    #[test]
    fn verbose_tells_every_log_line_once() {
        let text = told(sample::failing_run(), true);
        for line in ["image board | build line 1\n", "service web | web line 25\n"] {
            assert_eq!(text.matches(line).count(), 1, "{text}");
        }
        assert!(!text.contains("    | "), "no tail again: {text}");
    }
}
