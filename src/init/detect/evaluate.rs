//! What a few kinds of Python expressions come to: paths made from `__file__`, variables that are
//! read, the parts of a database's address.

use crate::init::{
    findings::Kind,
    python::{Token, statements},
    tree::{clean, join, split},
};

/// A variable that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    /// Its name.
    pub name: String,
    /// Which token names it.
    pub at: usize,
    /// True if the expression fails without it.
    pub required: bool,
    /// What it has to be.
    pub kind: Kind,
}

/// Names of what reads the environment: of `os`, django-environ, python-decouple, environs.
const READERS: [&str; 7] =
    ["environ", "getenv", "env", "config", "get_env_variable", "get_secret", "Env"];

/// The variables that an expression reads.
pub(super) fn reads(tokens: &[Token]) -> Vec<Read> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(name) = token.str().filter(|text| is_variable(text)) else { continue };
        let Some(open) = at.checked_sub(1).filter(|open| is_open(&tokens[*open])) else { continue };
        let callee = callee(&tokens[..open]);
        if !callee.iter().any(|name| READERS.contains(name)) {
            continue;
        }
        let subscript = tokens[open].is('[');
        let tolerant = callee.last() == Some(&"getenv") || callee.ends_with(&["environ", "get"]);
        let arguments = arguments(&tokens[at..]);
        let has_default = match arguments.first() {
            None => false,
            Some(_) if arguments.iter().any(|token| token.is_name("default")) => true,
            // `cast=int` and the like are no default; a value by its position is one.
            Some(_) => !arguments.get(1).is_some_and(|token| token.is('=')),
        };
        found.push(Read {
            name: name.to_owned(),
            at,
            required: subscript || !(tolerant || has_default),
            kind: kind(callee.last().copied().unwrap_or_default(), &arguments),
        });
    }
    found
}

fn is_variable(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn is_open(token: &Token) -> bool {
    token.is('(') || token.is('[')
}

/// The dotted names at the end of some tokens: `os.environ.get`.
fn callee(tokens: &[Token]) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = tokens;
    while let [before @ .., Token::Name(name)] = rest {
        names.push(name.as_str());
        match before {
            [before @ .., Token::Op('.')] => rest = before,
            _ => break,
        }
    }
    names.reverse();
    names
}

/// The tokens after the first argument, up to the bracket that closes the call.
fn arguments(tokens: &[Token]) -> Vec<&Token> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for token in &tokens[1..] {
        match token {
            Token::Op('(' | '[' | '{') => depth += 1,
            Token::Op(')' | ']' | '}') if depth == 0 => break,
            Token::Op(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        found.push(token);
    }
    match found.first() {
        Some(token) if token.is(',') => found.split_off(1),
        _ => Vec::new(),
    }
}

fn kind(method: &str, arguments: &[&Token]) -> Kind {
    let cast = arguments
        .windows(3)
        .find(|window| window[0].is_name("cast") && window[1].is('='))
        .and_then(|window| window[2].name());
    match cast.unwrap_or(method) {
        "bool" => Kind::Bool,
        "int" | "float" => Kind::Number,
        "db" | "db_url" | "dj_db_url" => Kind::Database,
        _ => Kind::Text,
    }
}

/// The path that an expression comes to: relative to the root, or absolute. `file` is where it
/// stands, `known` gives the paths of names.
pub(super) fn path(
    tokens: &[Token],
    file: &str,
    known: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let variables: Vec<usize> = reads(tokens).iter().map(|read| read.at).collect();
    let mut base = None;
    let mut parts: Vec<&str> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Name(name) if name == "__file__" => base = Some(above(file, tokens)?),
            Token::Name(name) if base.is_none() => base = known(name),
            Token::Str(text) if !variables.contains(&at) => parts.push(text),
            _ => {}
        }
    }
    let text = parts.join("/");
    if let Some(absolute) = parts.first().filter(|part| part.starts_with('/')) {
        return Some(format!("/{}", clean(absolute)?));
    }
    match (base, parts.is_empty()) {
        (Some(base), true) => Some(base),
        (Some(base), false) => match base.strip_prefix('/') {
            Some(absolute) => Some(format!("/{}", clean(&join(absolute, &text))?)),
            None => clean(&join(&base, &text)),
        },
        (None, _) => None,
    }
}

/// How far up `Path(__file__).parent…` and its like go.
fn above(file: &str, tokens: &[Token]) -> Option<String> {
    let plain = tokens.iter().filter(|t| t.is_name("parent") || t.is_name("dirname")).count();
    let number = |at: usize| match tokens.get(at) {
        Some(Token::Number(text)) => text.parse::<usize>().ok(),
        _ => None,
    };
    // `parents[1]` of pathlib, and `Path(__file__) - 2` of django-environ.
    let counted = tokens.iter().enumerate().find_map(|(at, token)| match token {
        Token::Name(name) if name == "parents" => number(at + 2).map(|count| count + 1),
        Token::Op('-') => number(at + 1),
        _ => None,
    });
    let mut path = file;
    for _ in 0..plain + counted.unwrap_or(0) {
        if path.is_empty() {
            return None;
        }
        path = split(path).0;
    }
    Some(path.to_owned())
}

/// The SQLite file of a URL: `sqlite:///db.sqlite3`, or an f-string with a path in it.
pub(super) fn sqlite_url(
    text: &str,
    file: &str,
    folder: &str,
    known: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let rest = text.strip_prefix("sqlite:///")?;
    if let Some((inner, tail)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        let statement = statements(inner);
        let base = path(&statement.first()?.tokens, file, known)?;
        return clean(&format!("{base}/{tail}"));
    }
    match rest.strip_prefix('/') {
        Some(absolute) => Some(format!("/{}", clean(absolute)?)),
        None => clean(&join(folder, rest)),
    }
}

/// The entries of a dictionary whose keys are strings, outermost `"default"` opened.
pub(super) fn entries(tokens: &[Token]) -> Vec<(&str, &[Token])> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(key) = token.str() else { continue };
        let is_key = tokens.get(at + 1).is_some_and(|token| token.is(':'));
        let is_dict = at.checked_sub(1).is_some_and(|at| tokens[at].is('{') || tokens[at].is(','));
        if is_key && is_dict {
            found.push((key, value(&tokens[at + 2..])));
        }
    }
    found
}

/// The tokens up to the comma or bracket that ends a value.
fn value(tokens: &[Token]) -> &[Token] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Op('(' | '[' | '{') => depth += 1,
            Token::Op(')' | ']' | '}') if depth == 0 => return &tokens[..at],
            Token::Op(')' | ']' | '}') => depth -= 1,
            Token::Op(',') if depth == 0 => return &tokens[..at],
            _ => {}
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        statements(text).remove(0).tokens
    }

    fn path_of(text: &str) -> Option<String> {
        let known = |name: &str| (name == "BASE_DIR").then(|| "backend".to_owned());
        path(&tokens(text), "backend/config/settings/base.py", &known)
    }

    #[test]
    fn paths_are_followed_in_all_their_usual_forms() {
        let root = Some(String::new());
        assert_eq!(path_of("Path(__file__).resolve().parent.parent.parent.parent"), root);
        assert_eq!(path_of("Path(__file__).parents[2]").as_deref(), Some("backend"));
        assert_eq!(path_of("environ.Path(__file__) - 3").as_deref(), Some("backend"));
        assert_eq!(
            path_of("os.path.dirname(os.path.dirname(os.path.abspath(__file__)))").as_deref(),
            Some("backend/config")
        );
        assert_eq!(path_of("BASE_DIR / 'a' / 'b'").as_deref(), Some("backend/a/b"));
        assert_eq!(path_of("os.path.join(BASE_DIR, '../dist')").as_deref(), Some("dist"));
        assert_eq!(path_of("str(BASE_DIR / 'x.sqlite3')").as_deref(), Some("backend/x.sqlite3"));
        assert_eq!(path_of("env('DB', default=BASE_DIR / 'x')").as_deref(), Some("backend/x"));
        assert_eq!(path_of("'/data/db.sqlite3'").as_deref(), Some("/data/db.sqlite3"));
        assert_eq!(path_of("other() / 'x'"), None);
        assert_eq!(path_of("Path(__file__).parents[9]"), None, "outside of the repository");
    }

    #[test]
    fn variables_are_required_where_python_would_fail() {
        let required = |text: &str| -> Vec<(String, bool)> {
            reads(&tokens(text)).into_iter().map(|read| (read.name, read.required)).collect()
        };
        let one = |name: &str, required| vec![(name.to_owned(), required)];
        assert_eq!(required("os.environ['KEY']"), one("KEY", true));
        assert_eq!(required("os.environ.get('KEY')"), one("KEY", false));
        assert_eq!(required("os.getenv('KEY', 'x')"), one("KEY", false));
        assert_eq!(required("env('KEY')"), one("KEY", true));
        assert_eq!(required("env.bool('KEY', default=True)"), one("KEY", false));
        assert_eq!(required("config('KEY', cast=int)"), one("KEY", true));
        assert_eq!(required("config('KEY', default=1, cast=int)"), one("KEY", false));
        assert_eq!(required("config('KEY', 'x')"), one("KEY", false));
        assert_eq!(required("print('KEY'), f(env)"), vec![]);
        let kinds = "env.bool('KA'), env.int('KB'), env.db('KC'), config('KD', cast=bool)";
        let kinds: Vec<Kind> = reads(&tokens(kinds)).iter().map(|read| read.kind).collect();
        assert_eq!(kinds, [Kind::Bool, Kind::Number, Kind::Database, Kind::Bool]);
    }

    #[test]
    fn urls_of_sqlite_name_their_file() {
        let known = |name: &str| (name == "BASE_DIR").then(|| "app".to_owned());
        let url = |text: &str| sqlite_url(text, "app/s.py", "app", &known);
        assert_eq!(url("sqlite:///db.sqlite3").as_deref(), Some("app/db.sqlite3"));
        assert_eq!(url("sqlite:////data/db").as_deref(), Some("/data/db"));
        assert_eq!(url("sqlite:///{BASE_DIR / 'data' / 'x'}").as_deref(), Some("app/data/x"));
        assert_eq!(url("sqlite:///{BASE_DIR}/x").as_deref(), Some("app/x"));
        assert_eq!(url("postgres://db"), None);
    }
}
