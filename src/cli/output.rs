//! Where words go: results to stdout, everything else to stderr, in the shape that was asked for.

use std::{
    io::{IsTerminal, Stdout, Write},
    os::fd::AsFd,
    process::ExitCode,
    time::Duration,
};

use anstream::{AutoStream, stderr, stdout};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use super::{
    args::{Format, GlobalArgs},
    failure::Failure,
};
use crate::{
    check::Report,
    config::Diagnostics,
    engine::{Event, EventSink},
    error::{Context, Error, ErrorKind, Result},
    plan::Plan,
    view::{self, Ndjson, PlanDocument},
};

/// The streams of a command.
pub struct Output {
    format: Format,
    events: Option<Ndjson<Stdout>>,
    quiet: bool,
    verbose: bool,
}

impl Output {
    /// The streams as the arguments want them.
    pub fn new(global: &GlobalArgs) -> Self {
        Self {
            format: global.format,
            // A closed stdout shows itself at the first event.
            events: global.json.then(|| Ndjson::new(std::io::stdout()).ok()).flatten(),
            quiet: global.quiet,
            verbose: global.verbose > 0,
        }
    }

    /// True if the result is for a program.
    pub fn is_json(&self) -> bool {
        self.events.is_some() || self.format == Format::Json
    }

    /// The result of a command: as text by `text`, or as JSON.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn result<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<()> {
        if let Some(events) = &self.events {
            return ignore_closed(events.result(&Ok(value)));
        }
        let mut out = stdout().lock();
        if self.format == Format::Json {
            let json = serde_json::to_string_pretty(value)
                .context(ErrorKind::Failed, || "cannot write the result".into())?;
            return ignore_closed(writeln!(out, "{json}"));
        }
        ignore_closed(text(&mut out))
    }

    /// The screen for a text that changes, where results are read on a terminal.
    pub fn screen(&self) -> Option<view::Screen> {
        let read = !self.is_json() && std::io::stdout().is_terminal();
        read.then(view::Screen::on_stdout)
    }

    /// What something that is watched is like now: an event `name`, a line of JSON, or a text. False if
    /// the reader has gone away.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn changed<T: Serialize>(
        &self,
        name: &str,
        value: &T,
        text: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<bool> {
        let mut out = stdout().lock();
        let written = match (&self.events, self.format) {
            (Some(events), _) => events.changed(name, value),
            (None, Format::Json) => serde_json::to_string(value)
                .map_err(std::io::Error::from)
                .and_then(|json| writeln!(out, "{json}")),
            (None, Format::Text | Format::Markdown) => text(&mut out),
        };
        is_read(written.and_then(|()| out.flush()))
    }

    /// The last line of the events, where what is watched has been told as it changed.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn end<T: Serialize>(&self, value: &T) -> Result<()> {
        self.events.as_ref().map_or(Ok(()), |events| ignore_closed(events.result(&Ok(value))))
    }

    /// Ends when the reader of standard output has gone away (`| head`), which a command that has nothing
    /// to write would not notice.
    pub async fn reader_gone(&self) {
        const EVERY: Duration = Duration::from_secs(1);
        while has_reader(&std::io::stdout()) {
            tokio::time::sleep(EVERY).await;
        }
    }

    /// What went wrong without ending the command.
    pub fn trouble(&self, error: &Error) {
        match &self.events {
            Some(events) => events.emit(Event::Warning { message: error.to_string() }),
            None => drop(view::write_error(error, &mut stderr().lock())),
        }
    }

    /// A plan that was asked for.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn plan<O>(&self, plan: &Plan<O>) -> Result<()> {
        if let Some(events) = &self.events {
            return self.plan_event(events, plan);
        }
        let mut out = stdout().lock();
        ignore_closed(match self.format {
            Format::Text => view::write_plan_text(plan, self.verbose, &mut out),
            Format::Markdown => view::write_plan_markdown(plan, &mut out),
            Format::Json => {
                let json = serde_json::to_string_pretty(&PlanDocument::from(plan));
                json.map_err(std::io::Error::from).and_then(|json| writeln!(out, "{json}"))
            }
        })
    }

    /// A plan among the events: `--format markdown` adds what a pull request shows, so that both are
    /// of one and the same plan.
    fn plan_event<O>(&self, events: &Ndjson<Stdout>, plan: &Plan<O>) -> Result<()> {
        let document = PlanDocument::from(plan);
        let mut markdown = Vec::new();
        if self.format == Format::Markdown {
            view::write_plan_markdown(plan, &mut markdown)
                .context(ErrorKind::Failed, || "cannot write the plan".into())?;
        }
        let markdown = String::from_utf8_lossy(&markdown);
        let asked_for = Some(markdown.as_ref()).filter(|text| !text.is_empty());
        ignore_closed(events.plan(&document, asked_for))
    }

    /// The report of a check.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn check(&self, report: &Report) -> Result<()> {
        if self.format == Format::Markdown && self.events.is_none() {
            return ignore_closed(view::write_check_markdown(report, &mut stdout().lock()));
        }
        self.result(report, |out| view::write_check_text(report, self.verbose, out))
    }

    /// The plan of what is about to be done: told, not asked for.
    ///
    /// # Errors
    /// stdout cannot be written (`--json`).
    pub fn announce<O>(&self, plan: &Plan<O>) -> Result<()> {
        if let Some(events) = &self.events {
            return self.plan_event(events, plan);
        }
        if !self.quiet {
            let _ = view::write_plan_text(plan, self.verbose, &mut stderr().lock());
        }
        Ok(())
    }

    /// Runs `work` with the sink that shows its events.
    pub async fn show<T>(&self, work: impl AsyncFnOnce(&dyn EventSink) -> T) -> T {
        if let Some(events) = &self.events {
            return work(events).await;
        }
        if self.quiet {
            return work(&|_event: Event| {}).await;
        }
        if std::io::stderr().is_terminal() {
            let progress = view::Progress::on_stderr(self.verbose);
            return work(&progress).await;
        }
        let lines = view::Lines::new(AutoStream::auto(std::io::stderr()), self.verbose);
        work(&lines).await
    }

    /// What is probably not what was meant, with its places in the file.
    pub fn warnings(&self, warnings: &Diagnostics) {
        match &self.events {
            Some(_) => self.problem_events("warning", warnings),
            None if warnings.list().is_empty() => {}
            None => self.say(warnings.render("warning", true).trim_end()),
        }
    }

    /// A closed stdout shows itself at the result.
    fn problem_events(&self, level: &str, diagnostics: &Diagnostics) {
        if let Some(events) = &self.events {
            diagnostics.problems().for_each(|problem| drop(events.problem(level, &problem)));
        }
    }

    /// A word by the way, on stderr.
    pub fn say(&self, text: &str) {
        if !self.quiet && self.events.is_none() {
            let _ = writeln!(stderr().lock(), "{text}");
        }
    }

    /// Tells why a command failed and gives its exit code.
    pub fn failure(&self, failure: &Failure) -> ExitCode {
        let mut err = stderr().lock();
        match failure {
            Failure::Error(error) => {
                let _ = view::write_error(error, &mut err);
                self.failed_result(error);
            }
            Failure::Diagnostics(diagnostics) => {
                // anstream strips the colours where they are not wanted.
                let _ = write!(err, "{}", diagnostics.render("error", true));
                self.problem_events("error", diagnostics);
                let error = Error::new(ErrorKind::Invalid, diagnostics.summary());
                self.failed_result(&diagnostics.lines().fold(error, Error::cause));
            }
        }
        failure.kind().exit_code().into()
    }

    fn failed_result(&self, error: &Error) {
        if let Some(events) = &self.events {
            let _ = events.result(&Err::<(), _>(error.clone()));
        }
    }
}

/// False once the other end of a pipe is closed.
fn has_reader(out: &impl AsFd) -> bool {
    let mut asked = [PollFd::new(out, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    // Linux says the one, macOS the other.
    let gone = PollFlags::ERR | PollFlags::HUP;
    // A system that cannot tell says nothing against the reader.
    !(poll(&mut asked, Some(&now)).is_ok() && asked[0].revents().intersects(gone))
}

/// A reader that has gone away (`| head`) has what it wanted.
fn ignore_closed(result: std::io::Result<()>) -> Result<()> {
    is_read(result).map(drop)
}

/// False if the reader has gone away.
fn is_read(result: std::io::Result<()>) -> Result<bool> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::failed("cannot write the result").because(&error)),
        Ok(()) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_has_a_reader_until_its_other_end_is_closed() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(has_reader(&writer));
        drop(reader);
        assert!(!has_reader(&writer));
    }
}
