//! What only shows when two parts of the schema are seen together: names that exist, paths that
//! fit, nothing twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Issue,
    types::{Affects, Context, Function, Route, RouteContext, Schema},
};
use crate::config::{Diagnostics, closest};

/// The kinds of problems, as messages name them.
const PATH: &str = "bad-path";
const NAME: &str = "bad-name";
const TWICE: &str = "duplicate";
const MEMBERSHIP: &str = "context-membership";
const AFFECTS: &str = "affects-unknown";
const ROUTE: &str = "route-unknown";
const UNCOVERED: &str = "route-uncovered";

/// Looks names up without walking the lists again.
struct Names<'a> {
    contexts: BTreeMap<&'a str, &'a Context>,
    functions: HashMap<&'a str, &'a Function>,
}

/// All problems of a schema that could be read.
pub(super) fn check(schema: &Schema) -> Vec<Issue> {
    let mut issues = Vec::new();
    paths(schema, &mut issues);
    twice("/x-mizan-functions", schema.functions.iter().map(|f| &f.name), "name", &mut issues);
    twice("/x-mizan-contexts", schema.contexts.iter().map(|c| &c.name), "name", &mut issues);
    twice("/x-mizan-contexts", schema.contexts.iter().map(|c| &c.path), "path", &mut issues);
    twice("/x-mizan-routes", schema.routes.iter().map(|r| &r.path), "path", &mut issues);
    let names = Names {
        contexts: schema.contexts.iter().map(|context| (&*context.name, context)).collect(),
        functions: schema.functions.iter().map(|function| (&*function.name, function)).collect(),
    };
    for (index, function) in schema.functions.iter().enumerate() {
        check_function(&format!("/x-mizan-functions/{index}"), function, &names, &mut issues);
    }
    for (index, context) in schema.contexts.iter().enumerate() {
        check_context(index, context, &schema.base, &names, &mut issues);
    }
    for (index, route) in schema.routes.iter().enumerate() {
        check_route(&format!("/x-mizan-routes/{index}"), route, &names, &mut issues);
    }
    issues
}

fn paths(schema: &Schema, issues: &mut Vec<Issue>) {
    if !is_path(&schema.base) || !schema.base.ends_with('/') {
        let message = format!("the base {:?} does not begin and end with a slash", schema.base);
        issues.push(Issue::new("/x-mizan/base", message).code(PATH));
    }
    let others = [
        ("health", Some(&schema.health)),
        ("websocketPath", schema.websocket_path.as_ref()),
        ("credentials/csrfPath", Some(&schema.credentials.csrf_path)),
    ];
    for (field, path) in others {
        if let Some(path) = path.filter(|path| !is_path(path)) {
            issues.push(Issue::new(format!("/x-mizan/{field}"), no_path(path)).code(PATH));
        }
    }
}

fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && !text.starts_with("//")
        && text.chars().all(|c| c.is_ascii_graphic() && !"?#\\".contains(c))
}

fn no_path(path: &str) -> String {
    format!("{path:?} is no URL path: it begins with one slash and has no query")
}

fn twice<'a>(
    list: &str,
    values: impl Iterator<Item = &'a String>,
    field: &str,
    issues: &mut Vec<Issue>,
) {
    let mut seen = HashSet::new();
    for (index, value) in values.enumerate() {
        if !seen.insert(value) {
            let message = format!("{value:?} stands here a second time");
            issues.push(Issue::new(format!("{list}/{index}/{field}"), message).code(TWICE));
        }
    }
}

/// Names become parts of URLs, of cache keys and of regular expressions.
fn check_name(pointer: &str, name: &str, issues: &mut Vec<Issue>) {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        let message = format!("the name {name:?} has other characters than letters, digits, _ - .");
        issues.push(Issue::new(format!("{pointer}/name"), message).code(NAME));
    }
}

fn check_function(at: &str, function: &Function, names: &Names<'_>, issues: &mut Vec<Issue>) {
    check_name(at, &function.name, issues);
    if let Some(context) = &function.context {
        let known = names.contexts.get(context.as_str());
        if known.is_none_or(|known| !known.functions.contains(&function.name)) {
            let message = match known {
                None => format!("there is no context `{context}`"),
                Some(_) => {
                    format!(
                        "the context `{context}` does not list the function `{}`",
                        function.name
                    )
                }
            };
            let issue = Issue::new(format!("{at}/context"), message).code(MEMBERSHIP);
            with_suggestion(issue, context, names, issues);
        }
    }
    for (index, affects) in function.affects.iter().enumerate() {
        check_affects(&format!("{at}/affects/{index}"), affects, function, names, issues);
    }
}

/// A problem with the name of a context. To look for a similar one takes time with each of them,
/// so it ends with those that are shown.
fn with_suggestion(issue: Issue, name: &str, names: &Names<'_>, issues: &mut Vec<Issue>) {
    let shown = issues.len() < Diagnostics::SHOWN && !names.contexts.contains_key(name);
    let similar = closest(name, names.contexts.keys().copied().filter(|_| shown));
    issues.push(match similar {
        Some(candidate) => issue.hint(format!("did you mean `{candidate}`?")),
        None => issue,
    });
}

fn check_affects(
    at: &str,
    affects: &Affects,
    function: &Function,
    names: &Names<'_>,
    issues: &mut Vec<Issue>,
) {
    let Some(context) = names.contexts.get(affects.context.as_str()) else {
        let message = format!(
            "`{}` affects `{}`, but there is no such context",
            function.name, affects.context
        );
        let issue = Issue::new(format!("{at}/context"), message).code(AFFECTS);
        with_suggestion(issue, &affects.context, names, issues);
        return;
    };
    for (param, source) in &affects.params {
        let pointer = format!("{at}/params/{}", super::locate::escape(param));
        check_param_exists(&pointer, context, param, AFFECTS, issues);
        check_source(&pointer, source, function, issues);
    }
}

/// Where the value of a parameter comes from: without it, the Edge would have to purge all of the
/// context.
fn check_source(pointer: &str, source: &str, function: &Function, issues: &mut Vec<Issue>) {
    let args = || function.params.iter().map(|param| param.name.as_str());
    let (message, known): (String, Vec<&str>) = match source.split_once('.') {
        Some(("result", "")) | None => (no_source(source), Vec::new()),
        Some(("args", name)) if args().any(|known| known == name) => return,
        Some(("args", name)) => {
            (format!("`{}` has no parameter `{name}`", function.name), args().collect())
        }
        Some(("result", field)) => match &function.result {
            Some(fields) if !fields.contains(field) => (
                format!("the result of `{}` has no field `{field}`", function.name),
                fields.iter().map(String::as_str).collect(),
            ),
            // Not every schema of a result tells its fields.
            _ => return,
        },
        Some(_) => (no_source(source), Vec::new()),
    };
    let issue = Issue::new(pointer, message).code(AFFECTS);
    let name = source.split_once('.').map_or(source, |(_, name)| name);
    issues.push(match closest(name, known) {
        Some(candidate) => issue.hint(format!("did you mean `{candidate}`?")),
        None => issue,
    });
}

fn no_source(source: &str) -> String {
    format!("{source:?} is neither `args.NAME` nor `result.NAME`")
}

fn check_param_exists(
    pointer: &str,
    context: &Context,
    param: &str,
    code: &'static str,
    issues: &mut Vec<Issue>,
) {
    if context.params.iter().any(|known| known.name == param) {
        return;
    }
    let message = format!("the context `{}` has no parameter `{param}`", context.name);
    let issue = Issue::new(pointer, message).code(code);
    let known = context.params.iter().map(|known| known.name.as_str());
    issues.push(match closest(param, known) {
        Some(candidate) => issue.hint(format!("did you mean `{candidate}`?")),
        None => issue,
    });
}

fn check_context(
    index: usize,
    context: &Context,
    base: &str,
    names: &Names<'_>,
    issues: &mut Vec<Issue>,
) {
    let at = format!("/x-mizan-contexts/{index}");
    check_name(&at, &context.name, issues);
    if !is_path(&context.path) {
        issues.push(Issue::new(format!("{at}/path"), no_path(&context.path)).code(PATH));
    } else if !context.path.starts_with(base) {
        let message = format!("the path {:?} is not below the base {base:?}", context.path);
        issues.push(Issue::new(format!("{at}/path"), message).code(PATH));
    }
    twice(&format!("{at}/params"), context.params.iter().map(|p| &p.name), "name", issues);
    for (position, name) in context.functions.iter().enumerate() {
        let pointer = format!("{at}/functions/{position}");
        let owner = names.functions.get(name.as_str()).map(|function| function.context.as_deref());
        match owner {
            None => {
                let message = format!("there is no function `{name}`");
                issues.push(Issue::new(pointer, message).code(MEMBERSHIP));
            }
            Some(owner) if owner != Some(&*context.name) => {
                let message =
                    format!("the function `{name}` does not belong to `{}`", context.name);
                issues.push(Issue::new(pointer, message).code(MEMBERSHIP));
            }
            Some(_) => {}
        }
    }
}

fn check_route(at: &str, route: &Route, names: &Names<'_>, issues: &mut Vec<Issue>) {
    if !is_path(&route.path) {
        issues.push(Issue::new(format!("{at}/path"), no_path(&route.path)).code(PATH));
    }
    let params = match path_params(&route.path) {
        Ok(params) => params,
        Err(message) => {
            issues.push(Issue::new(format!("{at}/path"), message).code(ROUTE));
            return;
        }
    };
    for (index, shown) in route.contexts.iter().enumerate() {
        let at = format!("{at}/contexts/{index}");
        check_route_context(&at, shown, route, &params, names, issues);
    }
}

fn check_route_context(
    at: &str,
    shown: &RouteContext,
    route: &Route,
    path_params: &[&str],
    names: &Names<'_>,
    issues: &mut Vec<Issue>,
) {
    let Some(context) = names.contexts.get(shown.name.as_str()) else {
        let message =
            format!("`{}` shows `{}`, but there is no such context", route.component, shown.name);
        let issue = Issue::new(format!("{at}/name"), message).code(ROUTE);
        with_suggestion(issue, &shown.name, names, issues);
        return;
    };
    for (param, source) in &shown.params {
        let pointer = format!("{at}/params/{}", super::locate::escape(param));
        check_param_exists(&pointer, context, param, ROUTE, issues);
        let name = source.strip_prefix("path.");
        if name.is_none_or(|name| !path_params.contains(&name)) {
            let message = format!("{source:?} is no `path.NAME` of {:?}", route.path);
            issues.push(Issue::new(pointer, message).code(ROUTE));
        }
    }
    let given = |name: &str| shown.params.iter().any(|(param, _)| param == name);
    for param in context.params.iter().filter(|param| param.required && !given(&param.name)) {
        let message =
            format!("the context `{}` needs the parameter `{}`", context.name, param.name);
        let hint = format!("give it from the path: `{}: path.NAME`", param.name);
        issues.push(Issue::new(format!("{at}/params"), message).code(UNCOVERED).hint(hint));
    }
}

/// The names in `/posts/{post_id}/`.
fn path_params(path: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = path;
    while let Some(at) = rest.find(['{', '}']) {
        let inside = rest[at..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let Some((name, after)) = inside else {
            return Err(format!("{path:?} has a brace without its partner"));
        };
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.starts_with(char::is_numeric) || !name.chars().all(valid) {
            return Err(format!("`{{{name}}}` in {path:?} is no parameter"));
        }
        if names.contains(&name) {
            return Err(format!("{path:?} has `{{{name}}}` twice"));
        }
        names.push(name);
        rest = after;
    }
    Ok(names)
}
