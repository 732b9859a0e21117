//! Reads facts off Python source without running it: statements as tokens. It knows strings,
//! comments and brackets, which is enough to see what a literal is assigned to; it is no parser,
//! and what it does not understand it passes by. Why: docs/decisions/init.md.

/// A token, as far as anybody here minds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or keyword.
    Name(String),
    /// A string literal; adjacent ones are joined. Of an f-string the text as it is written.
    Str(String),
    /// A number, as it is written.
    Number(String),
    /// Any other character.
    Op(char),
}

impl Token {
    /// True for this operator or bracket.
    pub fn is(&self, op: char) -> bool {
        matches!(self, Self::Op(c) if *c == op)
    }

    /// True for this name.
    pub fn is_name(&self, name: &str) -> bool {
        self.name() == Some(name)
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Str(_) | Self::Number(_) | Self::Op(_) => None,
        }
    }

    /// The string's content, if it is one.
    pub fn str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            Self::Name(_) | Self::Number(_) | Self::Op(_) => None,
        }
    }
}

/// A logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where it begins.
    pub line: usize,
    /// True if it stands in a block: a function, a class, an `if`.
    pub indented: bool,
    /// Its tokens, each with its line.
    pub tokens: Vec<Token>,
    /// The line of each token.
    pub lines: Vec<usize>,
}

impl Statement {
    /// What is assigned: the names, and where the value begins. `A = B = value`, `A: T = value`,
    /// `A += value` and `A["key"] = value` are assignments to `A`.
    pub fn assigned(&self) -> Option<(Vec<&str>, &[Token])> {
        let first = self.tokens.first()?.name()?;
        let at = self.equals(0)?;
        let head = &self.tokens[1..at];
        let fits = head.iter().all(|token| token.is('+'))
            || head.first().is_some_and(|token| token.is('[') || token.is(':') || token.is('.'));
        if !fits {
            return None;
        }
        let (mut names, mut start) = (vec![first], at + 1);
        while let Some(Token::Name(name)) = self.tokens.get(start)
            && self.equals(start) == Some(start + 1)
        {
            names.push(name);
            start += 2;
        }
        Some((names, &self.tokens[start..]))
    }

    /// The next `=` outside of brackets that compares nothing.
    fn equals(&self, from: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(from) {
            match token {
                Token::Op('(' | '[' | '{') => depth += 1,
                Token::Op(')' | ']' | '}') => depth = depth.saturating_sub(1),
                Token::Op('=') if depth == 0 => {
                    let other = |token: Option<&Token>| {
                        token.is_some_and(|token| {
                            ['=', '<', '>', '!'].iter().any(|op| token.is(*op))
                        })
                    };
                    let compares = other(self.tokens.get(at + 1))
                        || at.checked_sub(1).is_some_and(|before| other(self.tokens.get(before)));
                    return (!compares).then_some(at);
                }
                _ => {}
            }
        }
        None
    }

    /// The module of `from MODULE import …` with its leading dots.
    pub fn imported_from(&self) -> Option<String> {
        if !self.tokens.first()?.is_name("from") {
            return None;
        }
        let end = self.tokens.iter().position(|token| token.is_name("import"))?;
        let part = |token: &Token| match token {
            Token::Name(name) => Some(name.clone()),
            Token::Op('.') => Some(".".to_owned()),
            Token::Op(_) | Token::Str(_) | Token::Number(_) => None,
        };
        self.tokens[1..end].iter().map(part).collect()
    }
}

/// The statements of a source text. It takes any text and never fails.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut scanner = Scanner { chars: text.chars().collect(), at: 0, line: 1 };
    let mut found = Vec::new();
    while let Some(statement) = scanner.statement() {
        if !statement.tokens.is_empty() {
            found.push(statement);
        }
    }
    found
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    /// Reads up to the end of a logical line; nothing at the end of the text.
    fn statement(&mut self) -> Option<Statement> {
        self.peek(0)?;
        let indented = matches!(self.peek(0), Some(' ' | '\t'));
        let mut statement =
            Statement { line: self.line, indented, tokens: Vec::new(), lines: Vec::new() };
        let mut depth = 0_usize;
        while let Some(c) = self.peek(0) {
            let line = self.line;
            match c {
                '\n' | ';' if depth == 0 => {
                    self.next();
                    break;
                }
                '\\' => {
                    self.next();
                    self.next();
                }
                '#' => self.skip_comment(),
                c if c.is_whitespace() => {
                    self.next();
                }
                c => {
                    let token = self.token(c);
                    match token {
                        Token::Op('(' | '[' | '{') => depth += 1,
                        Token::Op(')' | ']' | '}') => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    if statement.tokens.is_empty() {
                        statement.line = line;
                    }
                    statement.push(token, line);
                }
            }
        }
        Some(statement)
    }

    fn skip_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.next();
        }
    }

    fn token(&mut self, first: char) -> Token {
        if first == '"' || first == '\'' {
            return Token::Str(self.string(false));
        }
        if first.is_alphabetic() || first == '_' {
            let word = self.word();
            let is_prefix = word.len() <= 2 && word.chars().all(|c| "rRbBuUfFtT".contains(c));
            return match self.peek(0) {
                Some('"' | '\'') if is_prefix => Token::Str(self.string(word.contains(['r', 'R']))),
                _ => Token::Name(word),
            };
        }
        if first.is_ascii_digit() {
            return Token::Number(self.word());
        }
        self.next();
        Token::Op(first)
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|c| c.is_alphanumeric() || *c == '_') {
            word.push(c);
            self.next();
        }
        word
    }

    /// Reads a string at its opening quote. One that does not end takes what is left of its line,
    /// or of the text if it has three quotes.
    fn string(&mut self, raw: bool) -> String {
        let quote = self.next().unwrap_or('"');
        let triple = self.peek(0) == Some(quote) && self.peek(1) == Some(quote);
        if triple {
            self.next();
            self.next();
        }
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            if c == '\n' && !triple {
                break;
            }
            self.next();
            if c == quote && !triple {
                break;
            }
            if c == quote && self.peek(0) == Some(quote) && self.peek(1) == Some(quote) {
                self.next();
                self.next();
                break;
            }
            match c {
                '\\' if !raw => text.extend(self.escaped()),
                c => text.push(c),
            }
        }
        text
    }

    /// What a backslash makes of the next character; the rarer escapes stay as they are.
    fn escaped(&mut self) -> Option<char> {
        match self.next()? {
            'n' => Some('\n'),
            't' => Some('\t'),
            '\n' => None,
            c => Some(c),
        }
    }
}

impl Statement {
    fn push(&mut self, token: Token, line: usize) {
        if let (Some(Token::Str(before)), Token::Str(text)) = (self.tokens.last_mut(), &token) {
            before.push_str(text);
            return;
        }
        self.tokens.push(token);
        self.lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value_of(text: &str) -> (Vec<String>, Vec<Token>) {
        let statements = statements(text);
        let (names, value) = statements[0].assigned().expect("an assignment");
        (names.iter().map(ToString::to_string).collect(), value.to_vec())
    }

    #[test]
    fn every_form_of_an_assignment_is_one() {
        let text = |value: &str| vec![Token::Str(value.to_owned())];
        assert_eq!(value_of("A = 'x'  # 'y'"), (vec!["A".into()], text("x")));
        assert_eq!(value_of("A = B = \"x\""), (vec!["A".into(), "B".into()], text("x")));
        assert_eq!(value_of("A: str = r'x'"), (vec!["A".into()], text("x")));
        assert_eq!(value_of("A += '''x'''"), (vec!["A".into()], text("x")));
        assert_eq!(value_of("A['b'] = ('x'\n  'y')").1[1], Token::Str("xy".into()));
        for other in ["A == 'x'", "f(a='x')", "if A == 'x': pass", "A <= 'x'", "import a"] {
            assert_eq!(statements(other)[0].assigned(), None, "{other}");
        }
    }

    #[test]
    fn brackets_and_backslashes_hold_a_line_together_and_comments_do_not() {
        let found = statements("A = [\n  'x', # it's\n]\nB = \\\n  1; C = 2\n  D = 3\n");
        let lines: Vec<_> = found.iter().map(|s| (s.line, s.indented)).collect();
        assert_eq!(lines, [(1, false), (4, false), (5, true), (6, true)]);
        assert_eq!(found[0].lines[3], 2);
    }

    #[test]
    fn imports_keep_their_dots() {
        let module = |text: &str| statements(text)[0].imported_from();
        assert_eq!(module("from ..base import *").as_deref(), Some("..base"));
        assert_eq!(module("from a.b import (c,\n d)").as_deref(), Some("a.b"));
        assert_eq!(module("import a"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "\\PC*|[a-z'\"\\\\\\n(\\[{#=;f]*") {
            let last = text.matches('\n').count() + 1;
            for statement in statements(&text) {
                prop_assert!(statement.line <= last);
                prop_assert_eq!(statement.tokens.len(), statement.lines.len());
            }
        }
    }
}
