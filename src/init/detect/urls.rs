//! A path that answers 2xx when the app is well.

use super::{Hints, project::file_of, settings::Settings};
use crate::{
    error::{Error, ErrorKind, Result},
    init::{
        findings::{Place, Seen},
        python::{Statement, Token, statements},
        tree::{Tree, split},
    },
};

/// What health paths are called, the plainest first.
const NAMES: [&str; 16] = [
    "healthz",
    "health",
    "healthcheck",
    "health-check",
    "health_check",
    "livez",
    "readyz",
    "_health",
    "-/health",
    "up",
    "ht",
    "ping",
    "status",
    "alive",
    "api/health",
    "api/healthz",
];

/// The health path: what was said, one that has such a name, the sign-in page of the admin, `/`.
pub(super) fn health(
    tree: &Tree,
    project: &str,
    settings: &Settings,
    hints: &Hints,
) -> Result<Seen<String>> {
    if let Some(said) = &hints.health {
        let fits = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
        if !said.starts_with('/') || !said.chars().all(fits) {
            return Err(Error::new(ErrorKind::Usage, format!("{said:?} is no path"))
                .hint("--health takes a path such as /healthz"));
        }
        return Ok(Seen::assumed(said.clone(), "--health"));
    }
    let urls = settings.urls().and_then(|module| file_of(tree, project, module));
    let from_urls = urls.as_deref().and_then(|file| named(tree, file));
    let found = from_urls
        .or_else(|| in_middleware(tree, project))
        .or_else(|| urls.as_deref().and_then(|file| admin(tree, file)));
    Ok(found.unwrap_or_else(|| {
        Seen::assumed("/".to_owned(), "no path that is made for it; this one has to answer 2xx")
    }))
}

/// Calls of `path("…", …)` and `re_path`.
fn paths(tree: &Tree, file: &str) -> Vec<(String, usize, Vec<Token>)> {
    let Ok(text) = tree.text(file) else { return Vec::new() };
    let mut found = Vec::new();
    for Statement { tokens, lines, .. } in statements(&text) {
        for (at, window) in tokens.windows(3).enumerate() {
            if let [Token::Name(name), open, Token::Str(path)] = window
                && ["path", "re_path", "url"].contains(&name.as_str())
                && open.is('(')
            {
                let rest = tokens[at + 3..].iter().take(12).cloned().collect();
                found.push((path.clone(), lines[at], rest));
            }
        }
    }
    found
}

fn named(tree: &Tree, file: &str) -> Option<Seen<String>> {
    let paths = paths(tree, file);
    NAMES.iter().find_map(|name| {
        let (path, line, _) = paths.iter().find(|(path, _, _)| {
            path.trim_start_matches('^').trim_end_matches('$').trim_end_matches('/') == *name
        })?;
        let path = path.trim_start_matches('^').trim_end_matches('$');
        Some(Seen::at(format!("/{path}"), Place::at(file, *line), "a path of that name"))
    })
}

/// A path that stands in a middleware, or in the settings of one: `request.path == "/healthz"`.
fn in_middleware(tree: &Tree, project: &str) -> Option<Seen<String>> {
    let files = tree.below(project).filter(|path| {
        let name = split(path).1;
        let words = ["middleware", "health", "settings"];
        name.ends_with(".py") && words.iter().any(|word| name.contains(word))
    });
    let mut found: Vec<(usize, Seen<String>)> = Vec::new();
    for file in files {
        let Ok(text) = tree.text(file) else { continue };
        for statement in statements(&text) {
            for (token, line) in statement.tokens.iter().zip(&statement.lines) {
                let Some(path) = token.str().filter(|text| text.starts_with('/')) else { continue };
                let rank = NAMES.iter().position(|name| path.trim_matches('/') == *name);
                let place = Place::at(file, *line);
                let seen = Seen::at(path.to_owned(), place, "a path of that name in a middleware");
                found.extend(rank.map(|rank| (rank, seen)));
            }
        }
    }
    found.into_iter().min_by_key(|(rank, _)| *rank).map(|(_, seen)| seen)
}

/// The sign-in page of the admin is a page that needs no data.
fn admin(tree: &Tree, file: &str) -> Option<Seen<String>> {
    paths(tree, file).into_iter().find_map(|(path, line, rest)| {
        let leads = rest.windows(3).any(|window| {
            window[0].is_name("site") && window[1].is('.') && window[2].is_name("urls")
        });
        let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_".contains(c));
        (leads && plain && path.ends_with('/')).then(|| {
            let why = "the sign-in page of the admin, for want of a path made for it";
            Seen::at(format!("/{path}login/"), Place::at(file, line), why)
        })
    })
}
