//! The Django project: manage.py, its settings module, how a server calls it.

use super::{Hints, Stop, line_with, one_of, seen, settings::Settings};
use crate::{
    error::{Error, ErrorKind},
    init::{
        findings::{Interface, Packages, Place, Seen, Server},
        python::statements,
        tree::{Tree, clean, join, split, upwards},
    },
};

/// The variable that names the settings module.
const SETTINGS_VARIABLE: &str = "DJANGO_SETTINGS_MODULE";
/// What settings for servers are called, the likeliest first.
const PRODUCTION: [&str; 6] = ["production", "prod", "deploy", "deployment", "live", "server"];
/// What settings for developers are called.
const DEVELOPMENT: [&str; 8] =
    ["local", "dev", "development", "test", "tests", "testing", "ci", "base"];

/// The settings modules that entry points name.
pub(super) struct Named {
    /// By manage.py.
    pub manage: Option<Seen<String>>,
    /// By asgi.py or wsgi.py.
    pub server: Option<Seen<String>>,
}

/// The folder of manage.py.
pub(super) fn find(tree: &Tree, hints: &Hints) -> Result<Seen<String>, Stop> {
    if let Some(said) = &hints.project {
        let folder = clean(said).filter(|folder| tree.has(&join(folder, "manage.py")));
        return match folder {
            Some(folder) => {
                let place = Place::of(&join(&folder, "manage.py"));
                Ok(Seen::at(folder, place, "--project"))
            }
            None => Err(Error::new(ErrorKind::Usage, format!("there is no {said}/manage.py"))
                .hint("--project names the folder of manage.py")
                .into()),
        };
    }
    let is_django = |path: &&str| {
        tree.text(path)
            .is_ok_and(|text| text.contains("django") || text.contains(SETTINGS_VARIABLE))
    };
    let folders: Vec<String> =
        tree.named("manage.py").filter(is_django).map(|path| split(path).0.to_owned()).collect();
    let shown = |folder: &String| if folder.is_empty() { ".".to_owned() } else { folder.clone() };
    let choices = folders.iter().map(shown).collect();
    let chosen = one_of(choices, "Which Django project", "--project", |hints, folder| {
        hints.project = Some(folder);
    })?;
    let Some(chosen) = chosen else {
        let message = "there is no Django project here: no manage.py that names Django";
        return Err(Error::new(ErrorKind::Invalid, message)
            .hint("run `mizan init` in the repository's folder, or name it with -C")
            .hint("an app of another kind takes a mizan.yaml by hand: docs/config.md")
            .into());
    };
    let folder = clean(&chosen).unwrap_or_default();
    let place = Place::of(&join(&folder, "manage.py"));
    Ok(Seen::at(folder, place, "manage.py is there"))
}

/// The settings modules that the entry points of a project name.
pub(super) fn named_settings(tree: &Tree, folder: &str) -> Named {
    let manage = join(folder, "manage.py");
    let entries = entry_points(tree, folder);
    Named {
        manage: settings_named_in(tree, &manage),
        server: entries.iter().find_map(|path| settings_named_in(tree, path)),
    }
}

/// asgi.py and wsgi.py, those nearest to manage.py first.
fn entry_points(tree: &Tree, folder: &str) -> Vec<String> {
    let mut found: Vec<String> = tree
        .below(folder)
        .filter(|path| matches!(split(path).1, "asgi.py" | "wsgi.py"))
        .map(str::to_owned)
        .collect();
    found.sort_by_key(|path| (path.matches('/').count(), path.clone()));
    found
}

/// `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "…")`, or an assignment.
fn settings_named_in(tree: &Tree, path: &str) -> Option<Seen<String>> {
    let text = tree.text(path).ok()?;
    for statement in statements(&text) {
        let at = statement.tokens.iter().position(|token| token.str() == Some(SETTINGS_VARIABLE));
        let Some(at) = at else { continue };
        let module = statement.tokens[at + 1..]
            .iter()
            .zip(&statement.lines[at + 1..])
            .find_map(|(token, line)| Some((token.str()?, *line)));
        if let Some((module, line)) = module.filter(|(module, _)| is_dotted(module)) {
            return Some(seen(module.to_owned(), path, line, "sets DJANGO_SETTINGS_MODULE"));
        }
    }
    None
}

/// A dotted Python name.
pub(super) fn is_dotted(text: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    text.split('.').all(is_name)
}

/// The file of a module, if it is one of the project.
pub(super) fn file_of(tree: &Tree, folder: &str, module: &str) -> Option<String> {
    let path = join(folder, &module.replace('.', "/"));
    [format!("{path}.py"), format!("{path}/__init__.py")].into_iter().find(|path| tree.has(path))
}

/// The settings module for a server: what was said, what asgi.py or wsgi.py name, else manage.py.
/// A split package beside one of development names has a module for production.
pub(super) fn settings(
    tree: &Tree,
    folder: &str,
    hints: &Hints,
    named: &Named,
) -> Result<Seen<String>, Stop> {
    if let Some(said) = &hints.settings {
        if !is_dotted(said) || file_of(tree, folder, said).is_none() {
            let message = format!("there is no settings module {said}");
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("--settings takes a dotted name, e.g. config.settings.production")
                .into());
        }
        return Ok(Seen::assumed(said.clone(), "--settings"));
    }
    match named.server.as_ref().or(named.manage.as_ref()) {
        Some(seen) => match deployed_sibling(tree, folder, &seen.value)? {
            Some(sibling) => Ok(sibling),
            None => Ok(seen.clone()),
        },
        None => Err(Error::new(ErrorKind::Invalid, "nothing names the settings module")
            .hint("manage.py usually sets DJANGO_SETTINGS_MODULE; name it with --settings")
            .into()),
    }
}

/// Where entry points name settings for developers, the module of the same package for servers.
fn deployed_sibling(tree: &Tree, folder: &str, module: &str) -> Result<Option<Seen<String>>, Stop> {
    let Some((package, name)) = module.rsplit_once('.') else { return Ok(None) };
    if !DEVELOPMENT.contains(&name) {
        return Ok(None);
    }
    let siblings = PRODUCTION.iter().map(|name| format!("{package}.{name}"));
    let mut found: Vec<String> =
        siblings.filter(|module| file_of(tree, folder, module).is_some()).collect();
    if found.len() > 1 {
        found.push(module.to_owned());
    }
    let chosen = one_of(found, "Which settings for the server", "--settings", |hints, module| {
        hints.settings = Some(module);
    })?;
    Ok(chosen.map(|module| {
        let place = file_of(tree, folder, &module).map(|path| Place::of(&path));
        let why = "beside settings for developers, those for servers";
        Seen { value: module, place, why: why.into() }
    }))
}

/// How a server calls the app: what the settings say, else the entry point that is there.
pub(super) fn interface(
    tree: &Tree,
    folder: &str,
    settings: &Settings,
    packages: &Packages,
    channels: bool,
) -> Result<Seen<Interface>, Stop> {
    let asgi_server = ["uvicorn", "daphne", "hypercorn"].iter().any(|name| packages.has(name));
    let has_asgi_only = asgi_server && !packages.has("gunicorn");
    let said = |name: &str| settings.application(name);
    if let Some(asgi) = said("ASGI_APPLICATION") {
        // Only a server that speaks ASGI can use it; channels cannot do without.
        if channels || !packages.has("gunicorn") || asgi_server {
            return Ok(asgi.map(Interface::Asgi));
        }
    }
    let entries = entry_points(tree, folder);
    let entry = |name: &str| entries.iter().find(|path| split(path).1 == name);
    if let Some(found) = entry("asgi.py").filter(|_| channels || has_asgi_only) {
        let why = if channels { "channels needs ASGI" } else { "the server speaks ASGI" };
        return Ok(from_entry(folder, found, why).map(Interface::Asgi));
    }
    if let Some(wsgi) = said("WSGI_APPLICATION") {
        return Ok(wsgi.map(Interface::Wsgi));
    }
    if let Some(found) = entry("wsgi.py") {
        return Ok(from_entry(folder, found, "wsgi.py is there").map(Interface::Wsgi));
    }
    if let Some(found) = entry("asgi.py") {
        return Ok(from_entry(folder, found, "asgi.py is there").map(Interface::Asgi));
    }
    let message = "there is no way for a server to call the app: no wsgi.py and no asgi.py";
    Err(Error::new(ErrorKind::Invalid, message)
        .hint("`django-admin startproject` makes both beside the settings")
        .into())
}

/// `module:application` of an entry point.
fn from_entry(folder: &str, path: &str, why: &str) -> Seen<String> {
    let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
    let module = below.trim_end_matches(".py").replace('/', ".");
    Seen::at(format!("{module}:application"), Place::of(path), why)
}

/// The server among the dependencies that fits the interface.
pub(super) fn server(interface: &Interface, packages: &Packages) -> Option<Seen<Server>> {
    let fitting: &[Server] = match interface {
        Interface::Asgi(_) => &[Server::Uvicorn, Server::Daphne, Server::Hypercorn],
        Interface::Wsgi(_) => &[Server::Gunicorn],
    };
    fitting.iter().find_map(|server| {
        let wanted = packages.direct.get(server.package())?;
        Some(Seen::at(*server, wanted.place.clone(), "among the dependencies"))
    })
}

/// The port that a Dockerfile which is there says it listens on.
pub(super) fn exposed(tree: &Tree) -> Option<Seen<u16>> {
    const FILE: &str = "Dockerfile";
    let text = tree.text(FILE).ok()?;
    let port = text.lines().enumerate().filter_map(|(index, line)| {
        let (word, rest) = line.trim().split_once(char::is_whitespace)?;
        let port = rest.trim().trim_end_matches("/tcp").parse().ok()?;
        word.eq_ignore_ascii_case("EXPOSE").then_some((port, index + 1))
    });
    port.last().map(|(port, line)| seen(port, FILE, line, "EXPOSE"))
}

/// The name of the folder above the settings, for apps without a better name.
pub(in crate::init) fn name(folder: &str, settings: &str) -> String {
    let package = settings.split('.').next().unwrap_or_default();
    let plain =
        ["config", "settings", "core", "project", "backend", "server", "src", "app", "conf"];
    let above = upwards(folder).map(|folder| split(folder).1).find(|name| !plain.contains(name));
    match plain.contains(&package) {
        false => package.to_owned(),
        true => above.unwrap_or_default().to_owned(),
    }
}

/// The line of `needle` in a file of the tree.
pub(super) fn line_in(tree: &Tree, path: &str, needle: &str) -> Option<usize> {
    line_with(&tree.text(path).ok()?, needle)
}
