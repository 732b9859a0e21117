//! Problems in a file the user wrote: where, what, what to do; and how they are printed.

use std::{cmp::Ordering, fmt};

use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// A place in a file; lines and columns begin at 1, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A range in a file; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Its first character.
    pub start: Position,
    /// The place after its last character.
    pub end: Position,
}

impl Span {
    /// The beginning of a file, for problems that stand nowhere in particular.
    pub const START: Self = Self::at(Position { line: 1, column: 1 });

    /// The empty range at a place.
    pub const fn at(start: Position) -> Self {
        Self { start, end: start }
    }

    /// True if the other range begins within this one.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.start < self.end
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub span: Span,
    /// The kind of problem, where kinds have names.
    pub code: Option<&'static str>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Collects problems, so that one run reports all of them.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Diagnostic>);

impl Problems {
    /// Adds a problem without advice.
    pub(crate) fn add(&mut self, span: Span, message: impl Into<String>) {
        self.push(Diagnostic { span, code: None, message: message.into(), hint: None });
    }

    /// Adds a problem with advice.
    pub(crate) fn hint(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        let hint = Some(hint.into());
        self.push(Diagnostic { span, code: None, message: message.into(), hint });
    }

    /// Adds a problem as it is.
    pub(crate) fn push(&mut self, problem: Diagnostic) {
        self.0.push(problem);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems in the order of the file, each one once.
    pub(crate) fn into_diagnostics(mut self, file: &str, text: &str) -> Diagnostics {
        self.0.sort_by(order);
        self.0.dedup();
        Diagnostics { file: file.to_owned(), text: text.to_owned(), list: self.0 }
    }
}

fn order(one: &Diagnostic, other: &Diagnostic) -> Ordering {
    one.span.start.cmp(&other.span.start).then_with(|| one.message.cmp(&other.message))
}

/// The problems of one file, with the text they stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    text: String,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// How many problems are shown with their source lines; more would flood a terminal.
    pub(crate) const SHOWN: usize = 50;

    /// The name of the file, as it is printed.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The problems, in the order of the file.
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// The number of problems in words: "mizan.yaml has 2 problems".
    pub fn summary(&self) -> String {
        let noun = if self.list.len() == 1 { "problem" } else { "problems" };
        format!("{} has {} {noun}", self.file, self.list.len())
    }

    /// Each problem on a line of its own: `mizan.yaml:12:5: unknown field`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.list.iter().map(|problem| {
            let Position { line, column } = problem.span.start;
            format!("{}:{line}:{column}: {}", self.file, printable(&problem.message))
        })
    }

    /// Each problem as machines read it.
    pub fn problems(&self) -> impl Iterator<Item = Problem<'_>> {
        self.list.iter().map(|Diagnostic { span, code, message, hint }| Problem {
            file: &self.file,
            line: span.start.line,
            column: span.start.column,
            end_line: span.end.line,
            end_column: span.end.column,
            code: *code,
            message,
            hint: hint.as_deref(),
        })
    }

    /// The whole report, each problem with its source line. `label` is what the problems are
    /// ("error" or "warning").
    pub fn render(&self, label: &str, colour: bool) -> String {
        let paint = Paint { colour };
        let source: Vec<&str> = self.text.lines().collect();
        let shown = self.list.iter().take(Self::SHOWN);
        let mut blocks: Vec<String> =
            shown.map(|problem| self.block(problem, label, &source, paint)).collect();
        if self.list.len() > Self::SHOWN {
            blocks.push(format!("and {} more\n", self.list.len() - Self::SHOWN));
        }
        blocks.join("\n")
    }

    fn block(&self, problem: &Diagnostic, label: &str, source: &[&str], paint: Paint) -> String {
        let Position { line, column } = problem.span.start;
        let gutter = " ".repeat(line.to_string().len());
        let bar = paint.dim("|");
        let message = printable(&problem.message);
        let label = match problem.code {
            Some(code) => format!("{}[{code}]", paint.label(label)),
            None => paint.label(label),
        };
        let mut out = format!("{label}: {message}\n");
        out += &format!("{gutter}{} {}:{line}:{column}\n", paint.dim("-->"), self.file);
        if let Some(text) = line.checked_sub(1).and_then(|index| source.get(index)) {
            let excerpt = Excerpt::new(text, problem.span);
            out += &format!("{gutter} {bar}\n");
            out += format!("{} {bar} {}", paint.dim(&line.to_string()), excerpt.text).trim_end();
            out +=
                &format!("\n{gutter} {bar} {}{}\n", excerpt.indent, paint.label(&excerpt.carets));
        }
        if let Some(hint) = &problem.hint {
            out += &format!("{gutter} {} hint: {}\n", paint.dim("="), printable(hint));
        }
        out
    }
}

/// A problem with its file, as it stands in the events (docs/events.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}

impl From<Diagnostics> for Error {
    fn from(diagnostics: Diagnostics) -> Self {
        let error = Self::new(ErrorKind::Invalid, diagnostics.summary());
        diagnostics.lines().fold(error, Self::cause)
    }
}

/// The part of a source line that is shown, with the carets below it.
struct Excerpt {
    text: String,
    indent: String,
    carets: String,
}

impl Excerpt {
    /// The widest line shown whole; of longer ones (minified JSON) a window around the problem.
    const WIDTH: usize = 100;
    /// How much of a long line stands before the problem.
    const BEFORE: usize = 40;

    fn new(line: &str, span: Span) -> Self {
        let chars: Vec<char> = line.chars().collect();
        let from = (span.start.column - 1).min(chars.len());
        let to = if span.end.line == span.start.line {
            (span.end.column - 1).clamp(from, chars.len())
        } else {
            chars.len()
        };
        let first = if chars.len() <= Self::WIDTH { 0 } else { from.saturating_sub(Self::BEFORE) };
        let last = chars.len().min(first + Self::WIDTH);
        let head = if first > 0 { "..." } else { "" };
        let tail = if last < chars.len() { "..." } else { "" };
        let shown: String = chars[first..last].iter().collect();
        Self {
            text: format!("{head}{}{tail}", printable(&shown)),
            indent: " ".repeat(head.len() + from - first),
            carets: "^".repeat(to.min(last).saturating_sub(from).max(1)),
        }
    }
}

/// Text that cannot move the cursor or change colours: one visible character for each.
fn printable(text: &str) -> String {
    let visible = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(visible).collect()
}

/// Adds terminal colours, or not.
#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn label(self, text: &str) -> String {
        let code = if text == "warning" { "1;33" } else { "1;31" };
        self.with(code, text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The candidate that was probably meant.
pub(crate) fn closest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean `x`?" if something is close, else what there is to choose from.
pub(crate) fn suggestion(written: &str, candidates: &[&str], kind: &str) -> String {
    match closest(written, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("{kind}: {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(line: usize, from: usize, to: usize) -> Span {
        Span { start: Position { line, column: from }, end: Position { line, column: to } }
    }

    #[test]
    fn a_problem_shows_its_line_with_carets() {
        let mut problems = Problems::default();
        problems.hint(span(2, 3, 7), "unknown field `cpus`", "did you mean `cpu`?");
        let report = problems.into_diagnostics("mizan.yaml", "web:\n  cpus: 2\n");
        assert_eq!(
            report.render("error", false),
            "error: unknown field `cpus`\n --> mizan.yaml:2:3\n  |\n2 |   cpus: 2\n  |   ^^^^\n  = hint: did you mean `cpu`?\n"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_problem() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let excerpt = Excerpt::new(&line, span(1, 501, 502));
        assert!(excerpt.text.len() < 110, "{}", excerpt.text);
        assert_eq!(excerpt.text.chars().nth(excerpt.indent.len()), Some('X'));
    }

    #[test]
    fn nothing_in_a_file_can_control_the_terminal() {
        let mut problems = Problems::default();
        problems.add(span(1, 1, 2), "bad \x1b[31m");
        let report = problems.into_diagnostics("f", "\x1b[2J\n");
        assert!(!report.render("error", false).contains('\x1b'));
    }

    #[test]
    fn a_typo_is_recognised_and_a_stranger_is_not() {
        assert_eq!(closest("cpus", ["port", "cpu"]), Some("cpu"));
        assert_eq!(closest("enviroments", ["environments", "env"]), Some("environments"));
        assert_eq!(closest("replicas", ["port", "cpu"]), None);
    }
}
