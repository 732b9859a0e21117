//! `.dockerignore` with Docker's own meaning, which is not that of `.gitignore`: patterns are
//! anchored at the context's root, a matched folder takes everything below it along, and the last
//! pattern that matches decides.

use std::path::{Path, PathBuf};

use regex::Regex;

use crate::error::{Error, ErrorKind, Result};

/// What makes a pattern more than a literal path.
const SPECIAL: [char; 4] = ['*', '?', '[', '\\'];

/// The rules of one ignore file, in its order.
#[derive(Debug, Default)]
pub(super) struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    /// Matches the whole path of what the pattern names.
    regex: Regex,
    /// True for `!pattern`: what it matches is part of the context after all.
    exception: bool,
    /// The pattern's leading components without wildcards.
    literal_prefix: Vec<String>,
}

impl IgnoreRules {
    /// Reads the ignore file that applies to a Dockerfile: `<Dockerfile>.dockerignore` beside it,
    /// else `.dockerignore` in the context, else no rules.
    pub fn read(context: &Path, dockerfile: &Path) -> Result<Self> {
        let mut own = dockerfile.as_os_str().to_owned();
        own.push(".dockerignore");
        for path in [PathBuf::from(own), context.join(".dockerignore")] {
            match std::fs::read_to_string(&path) {
                Ok(text) => return Self::parse(&text, &path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let message = format!("cannot read {}", path.display());
                    return Err(Error::new(ErrorKind::Invalid, message).because(&error));
                }
            }
        }
        Ok(Self::default())
    }

    /// Parses the text of an ignore file; `path` is named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let mut rules = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            match parse_line(line) {
                Ok(rule) => rules.extend(rule),
                Err(why) => {
                    let at = format!("{}:{}", path.display(), index + 1);
                    return Err(Error::new(ErrorKind::Invalid, format!("{at}: {why}: {line}")));
                }
            }
        }
        Ok(Self { rules })
    }

    /// Whether a path (relative to the context, with `/`) is left out of the build.
    pub fn excludes(&self, path: &str) -> bool {
        // Only a pattern that would change the verdict needs to be tried.
        self.rules.iter().fold(false, |excluded, rule| {
            if rule.exception == excluded && rule.matches(path) {
                !rule.exception
            } else {
                excluded
            }
        })
    }

    /// Whether something below an excluded folder may be part of the build nevertheless.
    pub fn may_include_below(&self, folder: &str) -> bool {
        self.rules.iter().filter(|rule| rule.exception).any(|rule| {
            // Of two paths one must lie within the other, as far as the pattern is literal.
            folder.split('/').zip(&rule.literal_prefix).all(|(have, want)| have == want)
        })
    }
}

impl Rule {
    /// Whether the pattern names this path or a folder it lies in.
    fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
            || path.match_indices('/').any(|(end, _)| self.regex.is_match(&path[..end]))
    }
}

fn parse_line(line: &str) -> Result<Option<Rule>, String> {
    // A comment begins in the first column; `  #x` is a pattern.
    if line.starts_with('#') {
        return Ok(None);
    }
    let line = line.trim();
    let (exception, pattern) = match line.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, line),
    };
    if pattern.is_empty() {
        return if exception { Err("an exception without a pattern".into()) } else { Ok(None) };
    }
    let pattern = clean(pattern);
    let regex = Regex::new(&to_regex(&pattern)?).map_err(|error| error.to_string())?;
    let literal_prefix =
        pattern.split('/').take_while(|part| !part.contains(SPECIAL)).map(str::to_owned).collect();
    Ok(Some(Rule { regex, exception, literal_prefix }))
}

/// Resolves `.`, `..` and doubled slashes, and drops leading and trailing ones.
fn clean(pattern: &str) -> String {
    let rooted = pattern.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    // "." stands for the root itself, which is never left out: no path is called so.
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn to_regex(pattern: &str) -> Result<String, String> {
    let mut regex = String::from("^");
    // `**name` is "ends with name" where nothing else in the pattern is special.
    let suffix_only = pattern.strip_prefix("**").is_some_and(|rest| !rest.contains(SPECIAL));
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                let whole_folders = rest.next_if_eq(&'/').is_some();
                let anything = rest.peek().is_none() || (suffix_only && !whole_folders);
                regex.push_str(if anything { ".*" } else { "(.*/)?" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => regex.push_str(&class(&mut rest)?),
            '\\' => {
                let escaped = rest.next().ok_or("a backslash at the end of a pattern")?;
                push_literal(&mut regex, escaped);
            }
            c => push_literal(&mut regex, c),
        }
    }
    regex.push('$');
    Ok(regex)
}

/// A class such as `[a-z]` or `[^0-9]`, after its opening bracket.
fn class(rest: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut class = String::from("[");
    let mut first = true;
    while let Some(c) = rest.next() {
        match c {
            ']' if !first => {
                class.push(']');
                return Ok(class);
            }
            '\\' => push_literal(&mut class, rest.next().ok_or("a class that does not end")?),
            '^' if first => {
                class.push('^');
                continue;
            }
            '-' => class.push('-'),
            c => push_literal(&mut class, c),
        }
        first = false;
    }
    Err("a class that does not end".into())
}

fn push_literal(regex: &mut String, c: char) {
    regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by running each case through `docker build -o -` of Docker 20.10, but for three cases
    /// that newer versions of Docker decide differently: `**name` is "ends with name", and
    /// `!**/*.txt` reaches into excluded folders.
    const TABLE: &str = include_str!("../../tests/fixtures/dockerignore.json");

    #[derive(serde::Deserialize)]
    struct Table {
        files: Vec<String>,
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        rules: String,
        left_out: Vec<String>,
    }

    #[test]
    fn every_case_leaves_out_what_docker_leaves_out() {
        let table: Table = serde_json::from_str(TABLE).expect("valid table");
        assert!(table.cases.len() > 34);
        for case in &table.cases {
            let rules = IgnoreRules::parse(&case.rules, Path::new("x")).expect("valid rules");
            let left_out: Vec<_> =
                table.files.iter().filter(|path| rules.excludes(path)).cloned().collect();
            assert_eq!(left_out, case.left_out, "rules {:?}", case.rules);
        }
    }

    #[test]
    fn a_folder_is_skipped_only_if_no_exception_can_reach_into_it() {
        let rules = |text| IgnoreRules::parse(text, Path::new("x")).expect("valid");
        assert!(!rules("node_modules\n!README.md").may_include_below("node_modules"));
        assert!(rules("docs\n!docs/README.md").may_include_below("docs"));
        assert!(rules("docs\n!docs").may_include_below("docs/deep"));
        assert!(rules("**\n!**/*.txt").may_include_below("any"));
        assert!(!rules("*\n!a/b/c").may_include_below("a/x"));
    }

    #[test]
    fn a_broken_pattern_is_an_error_with_its_line() {
        let error = IgnoreRules::parse("ok\n[a", Path::new(".dockerignore")).expect_err("broken");
        assert_eq!(error.message, ".dockerignore:2: a class that does not end: [a");
    }

    #[test]
    fn the_dockerfiles_own_ignore_file_wins() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let dockerfile = folder.path().join("web.Dockerfile");
        std::fs::write(folder.path().join(".dockerignore"), "a").expect("write");
        let common = IgnoreRules::read(folder.path(), &dockerfile).expect("read");
        std::fs::write(folder.path().join("web.Dockerfile.dockerignore"), "b").expect("write");
        let own = IgnoreRules::read(folder.path(), &dockerfile).expect("read");
        assert!(common.excludes("a") && !common.excludes("b"));
        assert!(own.excludes("b") && !own.excludes("a"));
    }
}
