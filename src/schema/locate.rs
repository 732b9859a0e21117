//! Finds where the values of JSON pointers stand in a text, in one pass and without recursion.
//! The text is valid JSON: serde_json has read it before.

use std::collections::{HashMap, HashSet};

use super::{Issue, Pointer};
use crate::config::{Diagnostic, Diagnostics, Position, Problems, Span};

/// The issues with their places.
pub(super) fn diagnostics(issues: Vec<Issue>, file: &str, text: &str) -> Diagnostics {
    let wanted: HashSet<&str> = issues.iter().filter_map(Issue::pointer).collect();
    let places = if wanted.is_empty() { HashMap::new() } else { locate(text, &wanted) };
    let mut problems = Problems::default();
    for issue in &issues {
        let span = match &issue.pointer {
            Pointer::Value(pointer) => places.get(pointer).copied().unwrap_or(Span::START),
            Pointer::Place(line, column) => {
                Span::at(character_position(text, (*line).max(1), *column))
            }
        };
        problems.push(Diagnostic {
            span,
            code: issue.code,
            message: issue.message.clone(),
            hint: issue.hint.clone(),
        });
    }
    problems.into_diagnostics(file, text)
}

/// Where the values of these pointers begin.
pub(super) fn positions<'a>(
    text: &str,
    pointers: impl IntoIterator<Item = &'a str>,
) -> HashMap<String, Position> {
    let wanted: HashSet<&str> = pointers.into_iter().collect();
    let places = if wanted.is_empty() { HashMap::new() } else { locate(text, &wanted) };
    places.into_iter().map(|(pointer, span)| (pointer, span.start)).collect()
}

/// serde_json counts bytes; people count characters.
fn character_position(text: &str, line: usize, byte_column: usize) -> Position {
    let content = text.split('\n').nth(line - 1).unwrap_or_default();
    let before = content.char_indices().take_while(|(at, _)| at + 1 < byte_column);
    Position { line, column: before.count() + 1 }
}

impl Issue {
    fn pointer(&self) -> Option<&str> {
        match &self.pointer {
            Pointer::Value(pointer) => Some(pointer),
            Pointer::Place(..) => None,
        }
    }
}

/// A key as it stands in a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The places of the wanted values: scalars whole, of objects and arrays the beginning.
fn locate(text: &str, wanted: &HashSet<&str>) -> HashMap<String, Span> {
    let mut walk = Walk { text, at: 0, open: Vec::new(), path: String::new(), after_key: false };
    let mut ruler = Ruler { text, at: 0, position: Position { line: 1, column: 1 } };
    let mut found = HashMap::new();
    while let Some((start, end)) = walk.next_value() {
        if wanted.contains(walk.path.as_str()) {
            let span = Span { start: ruler.position(start), end: ruler.position(end) };
            // Of a key that stands twice, serde_json takes the last value; so do we.
            found.insert(walk.path.clone(), span);
        }
    }
    found
}

/// An object or array that the walk is in, with the length of the path to it.
enum Open {
    Object { path: usize },
    Array { path: usize, next: usize },
}

/// A walk over all values of a JSON text, in order.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open>,
    /// The pointer to the value that came last.
    path: String,
    after_key: bool,
}

impl Walk<'_> {
    /// The range of the next value; of an object or array an empty one, at its beginning.
    fn next_value(&mut self) -> Option<(usize, usize)> {
        loop {
            let separator = |byte: &u8| byte.is_ascii_whitespace() || b",:".contains(byte);
            self.skip(separator);
            let start = self.at;
            match self.text.as_bytes().get(start)? {
                b'}' | b']' => self.close(),
                b'"' if self.expects_key() => self.key(),
                first => return Some(self.value(start, *first)),
            }
        }
    }

    fn skip(&mut self, while_true: impl Fn(&u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|byte| !while_true(byte)).unwrap_or(rest.len());
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Object { .. })) && !self.after_key
    }

    fn close(&mut self) {
        self.at += 1;
        if let Some(Open::Object { path } | Open::Array { path, .. }) = self.open.pop() {
            self.path.truncate(path);
        }
    }

    fn key(&mut self) {
        let start = self.at;
        self.string();
        let key: String = serde_json::from_str(&self.text[start..self.at]).unwrap_or_default();
        if let Some(Open::Object { path }) = self.open.last() {
            self.path.truncate(*path);
        }
        self.path.push('/');
        self.path.push_str(&escape(&key));
        self.after_key = true;
    }

    fn value(&mut self, start: usize, first: u8) -> (usize, usize) {
        self.after_key = false;
        if let Some(Open::Array { path, next }) = self.open.last_mut() {
            self.path.truncate(*path);
            self.path.push_str(&format!("/{next}"));
            *next += 1;
        }
        let path = self.path.len();
        match first {
            b'{' => self.open.push(Open::Object { path }),
            b'[' => self.open.push(Open::Array { path, next: 0 }),
            b'"' => {
                self.string();
                return (start, self.at);
            }
            _ => {
                self.skip(|byte| !byte.is_ascii_whitespace() && !b",]}".contains(byte));
                return (start, self.at);
            }
        }
        self.at += 1;
        (start, start)
    }

    /// Passes a string, its quotes included.
    fn string(&mut self) {
        self.at += 1;
        loop {
            self.skip(|byte| !b"\"\\".contains(byte));
            match self.text.as_bytes().get(self.at) {
                Some(b'\\') => self.at = (self.at + 2).min(self.text.len()),
                _ => break,
            }
        }
        self.at = (self.at + 1).min(self.text.len());
    }
}

/// Turns byte offsets into lines and columns; asked in ascending order, it reads the text once.
struct Ruler<'a> {
    text: &'a str,
    at: usize,
    position: Position,
}

impl Ruler<'_> {
    fn position(&mut self, offset: usize) -> Position {
        for c in self.text[self.at..offset].chars() {
            if c == '\n' {
                self.position = Position { line: self.position.line + 1, column: 1 };
            } else {
                self.position.column += 1;
            }
        }
        self.at = offset;
        self.position
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn place(text: &str, pointer: &str) -> (usize, usize) {
        let span = locate(text, &HashSet::from([pointer]))[pointer];
        (span.start.line, span.start.column)
    }

    #[test]
    fn values_are_found_behind_everything_that_looks_alike() {
        let text = "{\"a\": {\"b\": \"}]\\\"\"},\n \"c/d\": [1, {\"e\": null}, \"ö\", true]}";
        assert_eq!(place(text, ""), (1, 1));
        assert_eq!(place(text, "/a/b"), (1, 13));
        assert_eq!(place(text, "/c~1d/0"), (2, 10));
        assert_eq!(place(text, "/c~1d/1/e"), (2, 19));
        assert_eq!(place(text, "/c~1d/3"), (2, 31));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Every pointer of a value, with the value.
    fn pointers(value: &Value, path: String, out: &mut Vec<(String, Value)>) {
        out.push((path.clone(), value.clone()));
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    pointers(item, format!("{path}/{index}"), out);
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    pointers(field, format!("{path}/{}", escape(key)), out);
                }
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn what_stands_at_the_place_is_the_value(value in any_json()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            let mut all = Vec::new();
            pointers(&value, String::new(), &mut all);
            let wanted = all.iter().map(|(pointer, _)| pointer.as_str()).collect();
            let found = locate(&text, &wanted);
            let lines: Vec<&str> = text.split('\n').collect();
            for (pointer, value) in &all {
                let start = found[pointer].start;
                let rest: String = lines[start.line - 1].chars().skip(start.column - 1).collect();
                let text = rest + &lines[start.line..].join("\n");
                let mut stream = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
                prop_assert_eq!(&stream.next().unwrap().unwrap(), value);
            }
        }
    }
}
