//! The Python packages: what installs them, from which files, and which are asked for.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::{Hints, Stop, seen};
use crate::{
    error::{Error, ErrorKind, Result},
    init::{
        findings::{Manager, Packages, Place, Seen, Wanted},
        tree::{Tree, clean, join, line, place, split, upwards},
    },
};

/// Requirements files by what they are usually for, those of servers first.
const REQUIREMENTS: [&str; 9] = [
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/deploy.txt",
    "requirements/requirements.txt",
    "requirements/base.txt",
    "requirements/common.txt",
    "requirements-prod.txt",
    "requirements/main.txt",
];

/// Versions of Python to choose from, the likeliest to have every wheel first.
const VERSIONS: [(u32, u32); 6] = [(3, 12), (3, 13), (3, 14), (3, 11), (3, 10), (3, 9)];

impl Packages {
    /// Whether a package is asked for.
    pub fn has(&self, name: &str) -> bool {
        self.direct.contains_key(name)
    }

    fn new(manager: Seen<Manager>, folder: &str, file: &str) -> Self {
        Self {
            manager,
            folder: folder.to_owned(),
            file: file.to_owned(),
            files: vec![join(folder, file)],
            needs_code: false,
            locked: false,
            version: None,
            member: None,
            direct: BTreeMap::new(),
        }
    }
}

/// What installs the packages: looked for beside manage.py, then above it.
pub(super) fn find(tree: &Tree, project: &str, hints: &Hints) -> Result<Packages, Stop> {
    if let Some(said) = &hints.requirements {
        let Some(path) = clean(said).filter(|path| tree.has(path)) else {
            return Err(Error::new(ErrorKind::Usage, format!("there is no file {said}"))
                .hint("--requirements names a requirements file")
                .into());
        };
        return Ok(requirements(tree, "", &path, "--requirements")?);
    }
    for folder in upwards(project) {
        if let Some(found) = in_folder(tree, folder)? {
            return Ok(found);
        }
    }
    let message = "nothing says which Python packages the project needs";
    Err(Error::new(ErrorKind::Invalid, message)
        .hint("looked for: uv.lock, poetry.lock, Pipfile, requirements.txt, pyproject.toml with dependencies")
        .hint("`pip freeze > requirements.txt` makes one; --requirements names another")
        .into())
}

fn in_folder(tree: &Tree, folder: &str) -> Result<Option<Packages>> {
    let has = |name: &str| tree.has(&join(folder, name));
    if has("pyproject.toml") {
        let path = join(folder, "pyproject.toml");
        let text = tree.utf8(&path)?;
        if let Some(found) = pyproject(tree, folder, &Toml::parse(&path, &text)?)? {
            return Ok(Some(found));
        }
    }
    if has("Pipfile") {
        return pipfile(tree, folder).map(Some);
    }
    match REQUIREMENTS.iter().find(|name| has(name)) {
        Some(name) => requirements(tree, folder, name, "the requirements file").map(Some),
        None => Ok(None),
    }
}

/// A TOML file that was read, with the place of everything in it.
struct Toml<'a> {
    path: &'a str,
    text: &'a str,
    table: DeTable<'a>,
}

impl<'a> Toml<'a> {
    fn parse(path: &'a str, text: &'a str) -> Result<Self> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { path, text, table: table.into_inner() }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = format!("{}: {}", place(path, text, at), error.message());
                Err(Error::new(ErrorKind::Invalid, message).hint("mend it and run again"))
            }
        }
    }

    /// The value at the end of some keys.
    fn get(&self, keys: &[&str]) -> Option<&DeValue<'a>> {
        let (last, path) = keys.split_last()?;
        let mut table = &self.table;
        for key in path {
            table = table.get(*key)?.get_ref().as_table()?;
        }
        table.get(*last).map(toml::Spanned::get_ref)
    }

    fn text_at(&self, keys: &[&str]) -> Option<&str> {
        self.get(keys)?.as_str()
    }

    fn place(&self, byte: usize) -> Place {
        Place::at(self.path, line(self.text, byte))
    }

    /// Packages as keys of a table: poetry and pipenv.
    fn table_of(&self, keys: &[&str]) -> BTreeMap<String, Wanted> {
        let table = self.get(keys).and_then(DeValue::as_table);
        let entries = table.into_iter().flat_map(DeTable::iter);
        entries
            .map(|(name, value)| {
                let extras = value.get_ref().as_table().and_then(|table| table.get("extras"));
                let extras = extras.and_then(|extras| extras.get_ref().as_array());
                let extras = extras.into_iter().flat_map(|extras| extras.iter());
                let wanted = Wanted {
                    place: self.place(name.span().start),
                    extras: extras.filter_map(|e| e.get_ref().as_str().map(normal)).collect(),
                };
                (normal(name.get_ref()), wanted)
            })
            .collect()
    }

    /// Packages as a list of requirements: `[project] dependencies`.
    fn list_of(&self, keys: &[&str]) -> BTreeMap<String, Wanted> {
        let list = self.get(keys).and_then(DeValue::as_array);
        let items = list.into_iter().flat_map(|list| list.iter());
        items
            .filter_map(|item| {
                let (name, extras) = requirement(item.get_ref().as_str()?)?;
                Some((name, Wanted { place: self.place(item.span().start), extras }))
            })
            .collect()
    }
}

/// A project file of uv, poetry or none of them; nothing if it only has settings of tools.
fn pyproject(tree: &Tree, folder: &str, toml: &Toml<'_>) -> Result<Option<Packages>> {
    let at = |manager, why: &str| Seen::at(manager, Place::of(toml.path), why);
    let mut direct = toml.list_of(&["project", "dependencies"]);
    let has_project = toml.get(&["project"]).is_some();
    let mut found = if tree.has(&join(folder, "uv.lock")) && has_project {
        let lock = Seen::at(Manager::Uv, Place::of(&join(folder, "uv.lock")), "the lock of uv");
        let mut found = Packages::new(lock, folder, "pyproject.toml");
        found.files.push(join(folder, "uv.lock"));
        found.locked = true;
        // The members of a workspace are in its lock, and uv wants to see them.
        if toml.get(&["tool", "uv", "workspace"]).is_some() || has_sources(toml) {
            found.manager.value = Manager::UvWorkspace;
            found.needs_code = true;
            found.member = toml.text_at(&["project", "name"]).map(str::to_owned);
        }
        found
    } else if toml.get(&["tool", "poetry"]).is_some() || tree.has(&join(folder, "poetry.lock")) {
        direct.extend(toml.table_of(&["tool", "poetry", "dependencies"]));
        poetry(tree, folder, at(Manager::Poetry, "the project file of poetry"))
    } else if has_project {
        match workspace_above(tree, folder)? {
            Some(above) => {
                let place = Place::of(&join(&above, "uv.lock"));
                let manager = Seen::at(Manager::UvWorkspace, place, "the lock of the workspace");
                let mut found = Packages::new(manager, &above, "pyproject.toml");
                found.files.push(join(&above, "uv.lock"));
                found.locked = true;
                found.needs_code = true;
                found.member = toml.text_at(&["project", "name"]).map(str::to_owned);
                found
            }
            None if direct.is_empty() => return Ok(None),
            None => Packages::new(
                at(Manager::Pyproject, "dependencies without a lock"),
                folder,
                "pyproject.toml",
            ),
        }
    } else {
        return Ok(None);
    };
    found.direct = direct;
    Ok(Some(found))
}

/// Whether packages come from folders of the repository.
fn has_sources(toml: &Toml<'_>) -> bool {
    let sources = toml.get(&["tool", "uv", "sources"]).and_then(DeValue::as_table);
    sources.into_iter().flat_map(DeTable::iter).any(|(_, source)| {
        let table = source.get_ref().as_table();
        table.is_some_and(|table| table.get("path").is_some() || table.get("workspace").is_some())
    })
}

/// The folder of a uv workspace above a member.
fn workspace_above(tree: &Tree, folder: &str) -> Result<Option<String>> {
    for above in upwards(folder).skip(1) {
        let path = join(above, "pyproject.toml");
        if tree.has(&path) && tree.has(&join(above, "uv.lock")) {
            let text = tree.utf8(&path)?;
            let toml = Toml::parse(&path, &text)?;
            if toml.get(&["tool", "uv", "workspace"]).is_some() {
                return Ok(Some(above.to_owned()));
            }
        }
    }
    Ok(None)
}

fn poetry(tree: &Tree, folder: &str, manager: Seen<Manager>) -> Packages {
    let mut found = Packages::new(manager, folder, "pyproject.toml");
    let lock = join(folder, "poetry.lock");
    if tree.has(&lock) {
        found.files.push(lock.clone());
        found.locked = true;
        // A lock can be larger than is read; then the newest poetry has to do.
        let text = tree.text(&lock).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        let version = first.split_once("generated by Poetry ").map(|(_, rest)| rest);
        found.version = version
            .and_then(|rest| rest.split(' ').next())
            .filter(|version| is_version(version))
            .map(str::to_owned);
    }
    found
}

fn is_version(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
}

fn pipfile(tree: &Tree, folder: &str) -> Result<Packages> {
    let path = join(folder, "Pipfile");
    let text = tree.utf8(&path)?;
    let toml = Toml::parse(&path, &text)?;
    let manager = Seen::at(Manager::Pipenv, Place::of(&path), "the file of pipenv");
    let mut found = Packages::new(manager, folder, "Pipfile");
    let lock = join(folder, "Pipfile.lock");
    if tree.has(&lock) {
        found.files.push(lock);
        found.locked = true;
    }
    found.direct = toml.table_of(&["packages"]);
    Ok(found)
}

/// A requirements file with all that it takes in by `-r` and `-c`.
fn requirements(tree: &Tree, folder: &str, name: &str, why: &str) -> Result<Packages> {
    let first = join(folder, name);
    let manager = Seen::at(Manager::Pip, Place::of(&first), why);
    let mut found = Packages::new(manager, folder, name);
    found.files.clear();
    let (mut open, mut visited) = (vec![first], BTreeSet::new());
    while let Some(path) = open.pop() {
        if !visited.insert(path.clone()) {
            continue;
        }
        let text = tree.text(&path)?;
        found.files.push(path.clone());
        for (index, written) in text.lines().enumerate() {
            let text = written.split(" #").next().unwrap_or_default().trim();
            if text.starts_with('#') || text.is_empty() {
                continue;
            }
            if let Some(other) = included(text) {
                let inner = clean(&join(split(&path).0, other)).filter(|inner| tree.has(inner));
                let Some(inner) = inner else {
                    let at = index + 1;
                    let message = format!("{path}:{at}:1: there is no file {other}");
                    return Err(Error::new(ErrorKind::Invalid, message)
                        .hint("mend it, or name another file with --requirements"));
                };
                open.push(inner);
            } else if is_local(text) {
                found.needs_code = true;
            } else if let Some((name, extras)) = requirement(text) {
                let wanted = Wanted { place: Place::at(&path, index + 1), extras };
                found.direct.entry(name).or_insert(wanted);
            }
        }
    }
    Ok(found)
}

/// The file that `-r` or `-c` takes in.
fn included(line: &str) -> Option<&str> {
    let flags = ["--requirement", "--constraint", "-r", "-c"];
    let rest = flags.iter().find_map(|flag| line.strip_prefix(flag))?;
    let rest = rest.trim_start_matches('=').trim();
    (!rest.is_empty() && !rest.contains("://")).then_some(rest)
}

/// A requirement that is a folder of the repository.
fn is_local(line: &str) -> bool {
    let rest = ["--editable", "-e"].iter().find_map(|flag| line.strip_prefix(flag));
    let rest = rest.map_or(line, |rest| rest.trim_start_matches('=').trim());
    rest == "." || rest.starts_with("./") || rest.starts_with(".[") || rest.starts_with("../")
}

/// Name and extras of a requirement: `uvicorn[standard]>=0.30; python_version > "3.8"`.
fn requirement(text: &str) -> Option<(String, Vec<String>)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let extras = rest.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let extras = extras.into_iter().flat_map(|(extras, _)| extras.split(',').map(normal));
    Some((normal(name), extras.collect()))
}

/// The one spelling of a package's name.
fn normal(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    lower.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// The version of Python: what was said, `.python-version`, what the project allows, else a
/// version that has been out long enough.
pub(super) fn python(
    tree: &Tree,
    project: &str,
    packages: &Packages,
    hints: &Hints,
) -> Result<Seen<String>> {
    if let Some(said) = &hints.python {
        return match minor(said) {
            Some((major, minor)) => Ok(Seen::assumed(format!("{major}.{minor}"), "--python")),
            None => Err(Error::new(ErrorKind::Usage, format!("{said:?} is no version of Python"))
                .hint("--python takes a version such as 3.12")),
        };
    }
    let folders: Vec<&str> = upwards(project).chain([packages.folder.as_str()]).collect();
    for folder in &folders {
        for name in [".python-version", "runtime.txt"] {
            let path = join(folder, name);
            let text = if tree.has(&path) { tree.text(&path)? } else { continue };
            let version =
                text.lines().find_map(|line| minor(line.trim().trim_start_matches("python-")));
            if let Some((major, minor)) = version {
                return Ok(seen(
                    format!("{major}.{minor}"),
                    &path,
                    1,
                    "the version of the project",
                ));
            }
        }
    }
    for folder in &folders {
        if let Some((range, place)) = allowed(tree, folder)? {
            let fitting = VERSIONS.iter().find(|version| fits(**version, &range));
            if let Some((major, minor)) = fitting {
                return Ok(Seen::at(format!("{major}.{minor}"), place, format!("fits {range}")));
            }
        }
    }
    Ok(Seen::assumed("3.12".to_owned(), "nothing names a version"))
}

/// The range of versions that a project file allows.
fn allowed(tree: &Tree, folder: &str) -> Result<Option<(String, Place)>> {
    let keys: [(&str, &[&str]); 4] = [
        ("pyproject.toml", &["project", "requires-python"]),
        ("pyproject.toml", &["tool", "poetry", "dependencies", "python"]),
        ("Pipfile", &["requires", "python_version"]),
        ("Pipfile", &["requires", "python_full_version"]),
    ];
    for (name, keys) in keys {
        let path = join(folder, name);
        if !tree.has(&path) {
            continue;
        }
        let text = tree.utf8(&path)?;
        let toml = Toml::parse(&path, &text)?;
        if let Some(range) = toml.text_at(keys) {
            let line = super::line_with(&text, range);
            return Ok(Some((range.to_owned(), Place { file: path.clone(), line })));
        }
    }
    Ok(None)
}

/// Major and minor of a version.
fn minor(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let (major, rest) = (parts.next()?.trim().parse().ok()?, parts.next()?);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (major == 3).then_some((major, digits.parse().ok()?))
}

/// Whether a version is in a range such as `>=3.10,<3.13`, `^3.11`, `~=3.12.0` or `3.12`.
fn fits(version: (u32, u32), range: &str) -> bool {
    range.split(',').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        let at = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
        let (operator, bound) = part.split_at(at);
        let Some(bound_minor) = minor(bound) else { return true };
        let whole = bound.split('.').count() <= 2 || bound.ends_with(".0") || bound.ends_with(".*");
        match operator.trim() {
            ">=" | "^" => version >= bound_minor,
            ">" => version > bound_minor,
            "<=" => version <= bound_minor,
            // `<3.12.5` still has a 3.12; `<3.12` has none.
            "<" => version < bound_minor || (version == bound_minor && !whole),
            "~=" if bound.split('.').count() == 2 => version >= bound_minor,
            "!=" => version != bound_minor,
            _ => version == bound_minor,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_pip_reads_them() {
        let named = |text| requirement(text).map(|(name, extras)| (name, extras.join(",")));
        let pair = |name: &str, extras: &str| Some((name.to_owned(), extras.to_owned()));
        assert_eq!(named("Django>=5,<6"), pair("django", ""));
        assert_eq!(
            named("uvicorn[standard, x] == 1 ; python_version > '3'"),
            pair("uvicorn", "standard,x")
        );
        assert_eq!(named("django_celery.beat"), pair("django-celery-beat", ""));
        assert_eq!(named("--index-url https://x"), None);
        assert_eq!(included("-r base.txt"), Some("base.txt"));
        assert_eq!(included("--requirement=base.txt"), Some("base.txt"));
        assert_eq!(included("requests"), None);
        assert!(is_local("-e .") && is_local("./lib") && !is_local("lib"));
    }

    #[test]
    fn a_version_is_chosen_that_the_project_allows() {
        let first = |range: &str| VERSIONS.iter().find(|version| fits(**version, range)).copied();
        assert_eq!(first(">=3.10"), Some((3, 12)));
        assert_eq!(first(">=3.13"), Some((3, 13)));
        assert_eq!(first(">=3.10,<3.12"), Some((3, 11)));
        assert_eq!(first(">=3.12,<3.12.5"), Some((3, 12)));
        assert_eq!(first("^3.11"), Some((3, 12)));
        assert_eq!(first("~=3.11.0"), Some((3, 11)));
        assert_eq!(first("3.11"), Some((3, 11)));
        assert_eq!(first("==3.10.*"), Some((3, 10)));
        assert_eq!(first("*"), Some((3, 12)));
        assert_eq!(first("<3"), Some((3, 12)), "not understood, so it forbids nothing");
    }
}
