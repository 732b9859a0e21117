//! YAML text to a tree that knows where everything stands. The only file that knows the YAML
//! library (serde-saphyr, through the event parser it stands on).

use std::collections::HashMap;

use serde_saphyr::granit_parser::{
    Event, Marker, Parser, ScalarStyle, ScanError, Span as ParserSpan, options,
};

use super::diagnostic::{Position, Problems, Span};

/// Nodes a file may have after its aliases are expanded; real files have a few hundred, a bomb of
/// aliases has millions.
const MAX_NODES: usize = 10_000;

/// How deep lists and maps may be nested; mizan.yaml needs eight levels.
const MAX_DEPTH: usize = 64;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// From its first to its last character.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A single value.
    Scalar {
        /// Its text, unquoted.
        text: String,
        /// True without quotes: then it may be a number, a boolean or nothing.
        plain: bool,
    },
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`, in the order of the file, each key once.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key's text.
    pub(crate) key: String,
    /// The key's place.
    pub(crate) span: Span,
    /// The value.
    pub(crate) value: Node,
}

/// The meaning of a scalar by YAML's core schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

impl Node {
    /// Where a message about this node points: a scalar whole, of lists and maps the beginning.
    pub(crate) fn place(&self) -> Span {
        match self.kind {
            Kind::Scalar { .. } => self.span,
            Kind::List(_) | Kind::Map(_) => Span::at(self.span.start),
        }
    }

    /// The scalar's meaning; nothing for lists and maps.
    pub(crate) fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.kind {
            Kind::Scalar { text, plain: true } => Some(resolve(text)),
            Kind::Scalar { text, plain: false } => Some(Scalar::Text(text)),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// True for an empty value, `~` and `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    /// The value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, if this is a map that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key),
            Kind::List(_) | Kind::Scalar { .. } => None,
        }
    }

    /// What it is, for messages: "a map", "the number 5".
    pub(crate) fn describe(&self) -> String {
        match (&self.kind, self.scalar()) {
            (Kind::List(_), _) => "a list".into(),
            (Kind::Map(_), _) => "a map".into(),
            (Kind::Scalar { text, .. }, Some(Scalar::Int(_) | Scalar::Float(_))) => {
                format!("the number {text}")
            }
            (_, Some(Scalar::Bool(value))) => format!("`{value}`"),
            (_, Some(Scalar::Text(text))) => format!("the string {:?}", shorten(text)),
            (_, Some(Scalar::Null) | None) => "nothing".into(),
        }
    }
}

/// The beginning of a text that is too long for a message.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// YAML 1.2's core schema for plain scalars.
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    if let Some(number) = integer(text) {
        return Scalar::Int(number);
    }
    // Rust's parser also takes "inf" and "nan", which are words here.
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match text.parse::<f64>() {
        Ok(number) if numeric && number.is_finite() => Scalar::Float(number),
        _ => Scalar::Text(text),
    }
}

fn integer(text: &str) -> Option<i64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok();
    }
    text.parse().ok()
}

/// Reads one YAML document. A tree comes back if the text is YAML; it may still have problems
/// (a duplicate key, a tag), which are added.
pub(crate) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let limits = options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, limits) {
        let (event, span) = match event {
            Ok(next) => next,
            Err(error) => {
                scan_error(&error, text, problems);
                return None;
            }
        };
        if builder.take(event, convert(span), problems).is_break() {
            return None;
        }
    }
    if builder.root.is_none() {
        problems.hint(Span::START, "the file is empty", "docs/config.md has one to begin with");
    }
    builder.root
}

fn scan_error(error: &ScanError, text: &str, problems: &mut Problems) {
    let span = Span::at(position(error.marker()));
    let message = format!("this is not valid YAML: {}", error.info());
    let line = text.lines().nth(span.start.line - 1).unwrap_or_default();
    if line.trim_start_matches(' ').starts_with('\t') {
        problems.hint(span, message, "indent with spaces: YAML takes no tabs");
    } else {
        problems.add(span, message);
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

fn convert(span: ParserSpan) -> Span {
    Span { start: position(&span.start), end: position(&span.end) }
}

/// A list or map that is being read.
struct Open {
    start: Position,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Span)> },
}

/// Builds the tree from the parser's events, on a stack of its own.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
}

type Flow = std::ops::ControlFlow<()>;

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span, problems: &mut Problems) -> Flow {
        match event {
            Event::DocumentStart(..) => return self.document(span, problems),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let kind = Kind::Scalar { text: text.into_owned(), plain };
                refuse_tag(tag.as_deref().map(|tag| tag.original()), span, problems);
                return self.finish(Node { span, kind }, anchor, problems);
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref().map(|tag| tag.original()), span, problems);
                self.begin(span, anchor, Items::List(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref().map(|tag| tag.original()), span, problems);
                self.begin(span, anchor, Items::Map { entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => return self.end(span, problems),
            Event::Alias(anchor) => return self.alias(anchor, span, problems),
            _ => {}
        }
        Flow::Continue(())
    }

    fn document(&mut self, span: Span, problems: &mut Problems) -> Flow {
        self.documents += 1;
        if self.documents > 1 {
            problems.hint(
                span,
                "a second YAML document begins here",
                "keep one document; environments go below `environments`",
            );
            return Flow::Break(());
        }
        Flow::Continue(())
    }

    fn begin(&mut self, span: Span, anchor: usize, items: Items) {
        self.open.push(Open { start: span.start, anchor, items });
    }

    fn end(&mut self, span: Span, problems: &mut Problems) -> Flow {
        let Some(open) = self.open.pop() else { return Flow::Continue(()) };
        let span = Span { start: open.start, end: span.end };
        let kind = match open.items {
            Items::List(nodes) => Kind::List(nodes),
            Items::Map { entries, .. } => Kind::Map(entries),
        };
        self.finish(Node { span, kind }, open.anchor, problems)
    }

    /// A node is complete: it is remembered under its anchor and put where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, problems: &mut Problems) -> Flow {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.add(1, node.span, problems)?;
        self.place(node, problems)
    }

    fn add(&mut self, count: usize, span: Span, problems: &mut Problems) -> Flow {
        self.nodes += count;
        if self.nodes > MAX_NODES {
            let message = format!("with its aliases, the file has more than {MAX_NODES} values");
            problems.add(Span::at(span.start), message);
            return Flow::Break(());
        }
        Flow::Continue(())
    }

    fn alias(&mut self, anchor: usize, span: Span, problems: &mut Problems) -> Flow {
        // An anchor is known once its node is complete, so what is missing contains this alias.
        let Some(node) = self.anchors.get(&anchor) else {
            problems.add(span, "this alias contains itself");
            return Flow::Break(());
        };
        // Counted before it is copied: a bomb is never built.
        let (size, node) = (count(node), node.clone());
        self.add(size, span, problems)?;
        self.place(node, problems)
    }

    fn place(&mut self, node: Node, problems: &mut Problems) -> Flow {
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::List(nodes)) => nodes.push(node),
            Some(Items::Map { entries, key: key @ Some(_) }) => {
                if let Some((key, span)) = key.take() {
                    add_entry(entries, Entry { key, span, value: node }, problems);
                }
            }
            Some(Items::Map { key, .. }) => match key_of(&node, problems) {
                None => return Flow::Break(()),
                known => *key = known,
            },
        }
        Flow::Continue(())
    }
}

/// Adds an entry unless its key is there already.
fn add_entry(entries: &mut Vec<Entry>, entry: Entry, problems: &mut Problems) {
    if let Some(first) = entries.iter().find(|known| known.key == entry.key) {
        let line = first.span.start.line;
        problems.hint(
            entry.span,
            format!("`{}` stands here a second time", entry.key),
            format!("the first one is in line {line}; keep one of them"),
        );
        return;
    }
    entries.push(entry);
}

fn key_of(node: &Node, problems: &mut Problems) -> Option<(String, Span)> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some((text.clone(), node.span)),
        Kind::List(_) | Kind::Map(_) => {
            let hint = "text with `{` or `[` in it needs quotes";
            problems.hint(node.place(), "a key is text, not a list or a map", hint);
            None
        }
    }
}

fn refuse_tag(tag: Option<String>, span: Span, problems: &mut Problems) {
    if let Some(tag) = tag {
        problems.hint(span, format!("the YAML tag `{tag}` has no meaning here"), "remove it");
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar { .. } => 0,
        Kind::List(nodes) => nodes.iter().map(count).sum(),
        Kind::Map(entries) => entries.iter().map(|entry| count(&entry.value)).sum(),
    }
}

/// Writes a value as YAML.
pub(crate) fn to_yaml(value: &impl serde::Serialize) -> Result<String, String> {
    serde_saphyr::to_string(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        let mut problems = Problems::default();
        let node = parse(text, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        node.unwrap()
    }

    fn messages(text: &str) -> Vec<String> {
        let mut problems = Problems::default();
        parse(text, &mut problems);
        problems.into_diagnostics("f", text).lines().collect()
    }

    #[test]
    fn keys_and_values_know_their_place() {
        let root = tree("web:\n  port: 8000\n");
        let port = root.get("web").unwrap().entry("port").unwrap();
        assert_eq!(port.span.start, Position { line: 2, column: 3 });
        assert_eq!(port.value.span.start, Position { line: 2, column: 9 });
        assert_eq!(port.value.span.end, Position { line: 2, column: 13 });
    }

    #[test]
    fn quotes_decide_between_number_and_text() {
        let root = tree("[1, '1', 0x10, 1.5, yes, true, ~, inf, 1.2.3]");
        let Kind::List(nodes) = &root.kind else { panic!("{root:?}") };
        let scalars: Vec<_> = nodes.iter().map(|node| node.scalar().unwrap()).collect();
        use Scalar::*;
        assert_eq!(
            scalars,
            [
                Int(1),
                Text("1"),
                Int(16),
                Float(1.5),
                Text("yes"),
                Bool(true),
                Null,
                Text("inf"),
                Text("1.2.3")
            ]
        );
    }

    #[test]
    fn an_alias_is_its_anchor() {
        let root = tree("a: &x {b: 1}\nc: *x\n");
        assert_eq!(root.get("a"), root.get("c"));
    }

    #[test]
    fn every_duplicate_is_reported() {
        assert_eq!(
            messages("a: 1\na: 2\na: 3\n"),
            ["f:2:1: `a` stands here a second time", "f:3:1: `a` stands here a second time"]
        );
    }

    #[test]
    fn a_bomb_of_aliases_is_defused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = level - 1;
            let items = vec![format!("*a{below}"); 10].join(", ");
            text += &format!("a{level}: &a{level} [{items}]\n");
        }
        let found = messages(&text);
        assert!(found[0].contains("more than 10000 values"), "{found:?}");
    }

    #[test]
    fn what_contains_itself_is_refused() {
        assert_eq!(messages("a: &a [*a]\n"), ["f:1:8: this alias contains itself"]);
    }

    #[test]
    fn deep_nesting_is_refused_not_overflowed() {
        assert_eq!(messages(&"[".repeat(100_000)).len(), 1);
    }
}
