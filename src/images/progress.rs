//! Follows a build: turns what BuildKit tells about its steps into progress and log lines, and
//! remembers enough to say which step failed, where it stands and what it printed last.

use std::collections::{HashMap, HashSet, VecDeque};

use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};

use super::dockerfile::Dockerfile;
use crate::{
    engine::{LogStream, StepContext},
    error::Error,
};

/// How many of a step's last lines an error shows.
const KEPT_LINES: usize = 20;
/// Longer step names are cut; they are one line of a progress display.
const NAME_WIDTH: usize = 160;
/// BuildKit's number for standard error.
const STDERR: i64 = 2;
/// How BuildKit ends the steps that ran beside the one that failed.
const CANCELLED: &str = "context canceled";

/// What is known of a running build.
pub(super) struct BuildProgress<'a> {
    context: &'a StepContext<'a>,
    names: HashMap<String, String>,
    announced: HashSet<String>,
    output: HashMap<String, Output>,
    failed: Option<(String, String)>,
}

/// The output of one step.
#[derive(Default)]
struct Output {
    last: VecDeque<String>,
    /// Per stream, the beginning of a line whose end has not come yet.
    partial: [Vec<u8>; 2],
}

impl<'a> BuildProgress<'a> {
    /// Follows a build that reports to `context`.
    pub fn new(context: &'a StepContext<'a>) -> Self {
        Self {
            context,
            names: HashMap::new(),
            announced: HashSet::new(),
            output: HashMap::new(),
            failed: None,
        }
    }

    /// Takes one report of BuildKit.
    pub fn take(&mut self, status: &StatusResponse) {
        for vertex in &status.vertexes {
            self.vertex(vertex);
        }
        for log in &status.logs {
            self.log(log);
        }
    }

    /// The error of a failed build; `reason` is the engine's own last word.
    pub fn failure(mut self, dockerfile: &Dockerfile, file: &str, reason: &str) -> Error {
        let Some((digest, why)) = self.failed.take() else {
            return Error::failed("the image cannot be built").cause(reason);
        };
        let name = self.names.remove(&digest).unwrap_or_default();
        let output = self.output.remove(&digest).map(Output::finish).unwrap_or_default();
        let step = StepName::parse(&name);
        let line = dockerfile.line_of(step.stage, step.instruction);
        let place = [
            step.stage.map(|stage| format!("stage {stage}")),
            line.map(|line| format!("{file}:{line}")),
        ];
        let place: Vec<_> = place.into_iter().flatten().collect();
        let place =
            if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
        Error::failed(format!("the build fails at `{}`{place}", cut(step.instruction)))
            .cause(why)
            .log(output)
    }

    fn vertex(&mut self, vertex: &Vertex) {
        if !vertex.name.is_empty() {
            self.names.insert(vertex.digest.clone(), vertex.name.clone());
        }
        let runs = vertex.started.is_some() && vertex.completed.is_none() && !vertex.cached;
        if runs && self.announced.insert(vertex.digest.clone()) {
            self.context.progress(cut(&vertex.name));
        }
        if vertex.error.is_empty() {
            return;
        }
        let only_cancelled = |failed: &Option<(String, String)>| match failed {
            None => true,
            Some((_, why)) => why.contains(CANCELLED),
        };
        if only_cancelled(&self.failed) {
            self.failed = Some((vertex.digest.clone(), vertex.error.clone()));
        }
    }

    fn log(&mut self, log: &VertexLog) {
        let output = self.output.entry(log.vertex.clone()).or_default();
        let (stream, index) =
            if log.stream == STDERR { (LogStream::Error, 1) } else { (LogStream::Output, 0) };
        for line in output.lines(index, &log.msg) {
            self.context.log(stream, line);
        }
    }
}

impl Output {
    /// The lines that are complete with these bytes.
    fn lines(&mut self, stream: usize, bytes: &[u8]) -> Vec<String> {
        let partial = &mut self.partial[stream];
        partial.extend_from_slice(bytes);
        let Some(end) = partial.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = partial.split_off(end + 1);
        let complete = std::mem::replace(partial, rest);
        let lines: Vec<_> = complete[..end].split(|byte| *byte == b'\n').map(shown).collect();
        lines.iter().for_each(|line| self.keep(line.clone()));
        lines
    }

    fn keep(&mut self, line: String) {
        if self.last.len() == KEPT_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// The last lines, with one that was not ended.
    fn finish(mut self) -> VecDeque<String> {
        for partial in std::mem::take(&mut self.partial) {
            if !partial.is_empty() {
                self.keep(shown(&partial));
            }
        }
        self.last
    }
}

/// A line as a terminal would show it in the end: what stands after the last carriage return.
fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line).to_owned()
}

fn cut(name: &str) -> String {
    let line = name.lines().next().unwrap_or_default();
    match line.char_indices().nth(NAME_WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// A step's name as BuildKit writes it: `[web 2/5] RUN npm ci`, `[3/7] COPY . .`.
struct StepName<'a> {
    stage: Option<&'a str>,
    instruction: &'a str,
}

impl<'a> StepName<'a> {
    fn parse(name: &'a str) -> Self {
        let unnamed = Self { stage: None, instruction: name };
        let Some((bracket, instruction)) =
            name.strip_prefix('[').and_then(|rest| rest.split_once("] "))
        else {
            return unnamed;
        };
        // A build for a foreign platform writes it before the stage.
        let words: Vec<_> = bracket.split_whitespace().collect();
        let stage = match words.as_slice() {
            [.., stage, position] if position.contains('/') && !stage.contains('/') => Some(*stage),
            _ => None,
        };
        Self { stage, instruction }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap};

    use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};

    use super::*;
    use crate::{
        engine::{Event, EventSink},
        plan::StepId,
    };

    #[derive(Default)]
    struct Events(RefCell<Vec<String>>);

    impl EventSink for Events {
        fn emit(&self, event: Event) {
            self.0.borrow_mut().push(match event {
                Event::StepProgress { message, .. } => format!("> {message}"),
                Event::StepLog { line, .. } => line,
                other => panic!("{other:?}"),
            });
        }
    }

    fn step(events: &Events) -> StepContext<'_> {
        StepContext {
            id: StepId::new("image", "board"),
            outputs: BTreeMap::new(),
            cancel: Default::default(),
            events,
        }
    }

    fn vertex(digest: &str, name: &str, error: &str) -> Vertex {
        let started = Some(Default::default());
        let completed = (!error.is_empty()).then(Default::default);
        Vertex {
            digest: digest.into(),
            name: name.into(),
            error: error.into(),
            started,
            completed,
            ..Default::default()
        }
    }

    fn status(vertexes: Vec<Vertex>, logs: &[(&str, &str)]) -> StatusResponse {
        let logs = logs
            .iter()
            .map(|(vertex, text)| VertexLog {
                vertex: (*vertex).into(),
                msg: text.as_bytes().to_vec(),
                stream: 1,
                ..Default::default()
            })
            .collect();
        StatusResponse { vertexes, logs, ..Default::default() }
    }

    #[test]
    fn a_step_is_announced_once_and_its_lines_are_whole() {
        let events = Events::default();
        let context = step(&events);
        let mut progress = BuildProgress::new(&context);
        progress.take(&status(vec![vertex("a", "[web 2/3] RUN npm ci", "")], &[("a", "on")]));
        progress.take(&status(
            vec![vertex("a", "[web 2/3] RUN npm ci", "")],
            &[("a", "e\ntwo\r\n 5%\r99%\nrest")],
        ));
        let cached = Vertex { cached: true, ..vertex("b", "[web 1/3] FROM a", "") };
        progress.take(&status(vec![cached], &[]));
        assert_eq!(*events.0.borrow(), ["> [web 2/3] RUN npm ci", "one", "two", "99%"]);
    }

    #[test]
    fn a_failure_names_the_step_its_line_and_its_last_lines() {
        let events = Events::default();
        let context = step(&events);
        let mut progress = BuildProgress::new(&context);
        let many: String = (1..=30).map(|line| format!("line {line}\n")).collect();
        progress.take(&status(
            vec![vertex("x", "[deps 2/2] RUN pip install", CANCELLED)],
            &[("a", &many), ("a", "no end")],
        ));
        progress.take(&status(vec![vertex("a", "[web 2/2] RUN npm ci", "exit code: 1")], &[]));
        let dockerfile = Dockerfile::parse(
            "FROM a AS web\nRUN npm ci\n".into(),
            "Dockerfile",
            &BTreeMap::new(),
            "linux/amd64",
        );
        let error = progress.failure(&dockerfile.expect("valid"), "Dockerfile", "failed to solve");
        assert_eq!(error.message, "the build fails at `RUN npm ci` (stage web, Dockerfile:2)");
        assert_eq!(error.causes, ["exit code: 1"]);
        assert_eq!(error.log.len(), KEPT_LINES);
        assert_eq!(error.log.last().map(String::as_str), Some("no end"));
    }

    #[test]
    fn step_names_are_taken_apart() {
        for (name, stage, instruction) in [
            ("[web 2/5] RUN npm ci", Some("web"), "RUN npm ci"),
            ("[3/7] COPY . .", None, "COPY . ."),
            ("[linux/arm64 web 2/5] RUN x", Some("web"), "RUN x"),
            ("[linux/arm64 2/5] RUN x", None, "RUN x"),
            ("[internal] load metadata", None, "load metadata"),
            ("exporting to image", None, "exporting to image"),
        ] {
            let parsed = StepName::parse(name);
            assert_eq!((parsed.stage, parsed.instruction), (stage, instruction), "{name}");
        }
    }
}
