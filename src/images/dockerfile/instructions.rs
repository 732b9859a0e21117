//! Cuts a Dockerfile into instructions: comments, continued lines, the `escape` directive and
//! here-documents. Words keep the place they stand at.

use std::ops::Range;

/// One instruction of a Dockerfile.
#[derive(Debug)]
pub(super) struct Instruction {
    /// Its first line, counted from 1.
    pub line: usize,
    /// The keyword, in upper case.
    pub keyword: String,
    /// The words after it.
    pub words: Vec<Word>,
}

/// A word and where it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub span: Range<usize>,
}

impl Instruction {
    /// The options at its beginning: `--from=…`.
    pub fn flags(&self) -> impl Iterator<Item = Word> {
        self.words.iter().take_while(|word| word.text.starts_with("--")).cloned()
    }

    /// The whole instruction on one line.
    pub fn text(&self) -> String {
        let words = self.words.iter().map(|word| word.text.as_str());
        std::iter::once(self.keyword.as_str()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The names that end its here-documents, in order.
    fn heredocs(&self) -> Vec<Heredoc> {
        if !matches!(self.keyword.as_str(), "RUN" | "COPY" | "ADD") {
            return Vec::new();
        }
        self.words.iter().filter_map(|word| Heredoc::opened_by(&word.text)).collect()
    }
}

impl Word {
    /// What follows `prefix` in this word.
    pub fn after(&self, prefix: &str) -> Option<Self> {
        let text = self.text.strip_prefix(prefix)?.to_owned();
        let start = self.span.start + prefix.len();
        Some(Self { text, span: start..self.span.end })
    }

    /// Its parts between separators.
    pub fn split(&self, separator: char) -> impl Iterator<Item = Self> {
        let mut start = self.span.start;
        self.text.split(separator).map(move |text| {
            let span = start..start + text.len();
            start = span.end + separator.len_utf8();
            Self { text: text.to_owned(), span }
        })
    }
}

struct Heredoc {
    end: String,
    /// `<<-`: tabs before the end are allowed.
    tabs: bool,
}

impl Heredoc {
    fn opened_by(word: &str) -> Option<Self> {
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
        let (tabs, rest) = match rest.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let end: String = rest.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        let is_name = !end.is_empty() && end.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_name.then_some(Self { end, tabs })
    }

    fn is_ended_by(&self, line: &str) -> bool {
        let line = line.trim_end_matches(['\n', '\r']);
        self.end == if self.tabs { line.trim_start_matches('\t') } else { line }
    }
}

/// Cuts the text into its instructions.
pub(super) fn split(text: &str) -> Vec<Instruction> {
    let escape = escape_of(text);
    let mut instructions: Vec<Instruction> = Vec::new();
    let mut offset = 0;
    let mut open: Option<(usize, Vec<Word>)> = None;
    let mut heredocs: Vec<Heredoc> = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        if let Some(heredoc) = heredocs.first() {
            if heredoc.is_ended_by(line) {
                heredocs.remove(0);
            }
            continue;
        }
        let content = line.trim_start_matches('\u{feff}').trim();
        // Comments and empty lines do not end a continued instruction.
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let (first_line, mut found) = open.take().unwrap_or((index + 1, Vec::new()));
        let body = line.trim_end();
        let continued = body.ends_with(escape);
        let body = if continued { &body[..body.len() - escape.len_utf8()] } else { body };
        words(body, start, &mut found);
        if continued {
            open = Some((first_line, found));
        } else if let Some(instruction) = instruction(first_line, found) {
            heredocs = instruction.heredocs();
            instructions.push(instruction);
        }
    }
    if let Some((line, found)) = open {
        instructions.extend(instruction(line, found));
    }
    instructions
}

fn instruction(line: usize, mut words: Vec<Word>) -> Option<Instruction> {
    if words.is_empty() {
        return None;
    }
    let keyword = words.remove(0).text.to_ascii_uppercase();
    Some(Instruction { line, keyword, words })
}

/// Adds the words of a piece of the text that begins at `start`.
fn words(piece: &str, start: usize, found: &mut Vec<Word>) {
    let mut from = None;
    for (index, c) in piece.char_indices().chain([(piece.len(), ' ')]) {
        let blank = c.is_whitespace() || c == '\u{feff}';
        match from {
            None if !blank => from = Some(index),
            Some(begin) if blank => {
                let text = piece[begin..index].to_owned();
                found.push(Word { text, span: start + begin..start + index });
                from = None;
            }
            _ => {}
        }
    }
}

/// The character that continues a line: a backslash, unless a directive at the very top says
/// otherwise.
fn escape_of(text: &str) -> char {
    for line in text.trim_start_matches('\u{feff}').lines() {
        let Some((key, value)) =
            line.trim().strip_prefix('#').and_then(|rest| rest.split_once('='))
        else {
            break;
        };
        if key.trim().eq_ignore_ascii_case("escape") {
            return value.trim().chars().next().unwrap_or('\\');
        }
    }
    '\\'
}
