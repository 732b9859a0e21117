//! The settings of a project as far as literals tell them: a module and the modules of the project
//! that it takes everything from, read in their order, the later value before the earlier.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    evaluate::{Read, entries, path, reads, sqlite_url},
    project::{file_of, is_dotted},
};
use crate::init::{
    findings::{Database, Engine, Findings, Note, Packages, Place, Seen, Variable},
    python::{Statement, Token, statements},
    tree::{Tree, join, split},
};

/// An assignment to a setting.
struct Assigned {
    file: String,
    statement: Statement,
    /// Where its value begins among the tokens.
    from: usize,
}

impl Assigned {
    fn value(&self) -> &[Token] {
        &self.statement.tokens[self.from..]
    }

    fn place(&self) -> Place {
        Place::at(&self.file, self.statement.line)
    }

    /// The string literals of the value with their places.
    fn strings(&self) -> impl Iterator<Item = (&str, Place)> {
        let lines = &self.statement.lines[self.from..];
        let tokens = self.value().iter().zip(lines);
        tokens.filter_map(|(token, line)| Some((token.str()?, Place::at(&self.file, *line))))
    }
}

/// What the settings say.
pub(super) struct Settings {
    folder: String,
    assigned: BTreeMap<String, Vec<Assigned>>,
    variables: Vec<Variable>,
    /// Names of which the path is being worked out: settings may go in circles.
    open: RefCell<BTreeSet<String>>,
}

impl Settings {
    /// Reads a settings module of the project in `folder`.
    pub fn load(tree: &Tree, folder: &str, module: &str) -> Self {
        let mut settings = Self {
            folder: folder.to_owned(),
            assigned: BTreeMap::new(),
            variables: Vec::new(),
            open: RefCell::default(),
        };
        let mut defaulted = BTreeSet::new();
        settings.read(tree, module, &mut BTreeSet::new(), &mut defaulted);
        for variable in &mut settings.variables {
            variable.required &= !defaulted.contains(&variable.name);
        }
        settings
    }

    fn read(
        &mut self,
        tree: &Tree,
        module: &str,
        visited: &mut BTreeSet<String>,
        defaulted: &mut BTreeSet<String>,
    ) {
        let Some(file) = file_of(tree, &self.folder, module) else { return };
        // What cannot be read says nothing; Python will tell what is wrong with it.
        let Ok(text) = tree.text(&file) else { return };
        if !visited.insert(file.clone()) {
            return;
        }
        let is_package = split(&file).1 == "__init__.py";
        for statement in statements(&text) {
            if let Some(from) = statement.imported_from() {
                let imported = absolute(module, is_package, &from);
                imported
                    .into_iter()
                    .for_each(|module| self.read(tree, &module, visited, defaulted));
                continue;
            }
            if statement.tokens.first().is_some_and(|token| token.is_name("include")) {
                for part in included(tree, &file, &self.folder, &statement) {
                    self.read(tree, &part, visited, defaulted);
                }
            }
            defaulted.extend(scheme(&statement));
            self.take(&file, statement);
        }
    }

    fn take(&mut self, file: &str, statement: Statement) {
        let (names, from) = match statement.assigned() {
            Some((names, value)) => {
                let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
                (names, statement.tokens.len() - value.len())
            }
            None => (Vec::new(), 0),
        };
        for read in reads(&statement.tokens) {
            self.note_read(file, &statement, names.first(), read);
        }
        for name in names {
            let statement = statement.clone();
            let assigned = Assigned { file: file.to_owned(), statement, from };
            self.assigned.entry(name).or_default().push(assigned);
        }
    }

    fn note_read(&mut self, file: &str, statement: &Statement, name: Option<&String>, read: Read) {
        let setting = name.cloned();
        // In a block it may never be read.
        let required = read.required && !statement.indented;
        if let Some(known) = self.variables.iter_mut().find(|known| known.name == read.name) {
            known.required |= required;
            known.setting = known.setting.take().or(setting);
            return;
        }
        let place = Place::at(file, statement.lines[read.at]);
        let (name, kind) = (read.name, read.kind);
        self.variables.push(Variable { name, setting, required, kind, place });
    }

    /// The environment variables that are read.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    fn all(&self, name: &str) -> &[Assigned] {
        self.assigned.get(name).map_or(&[], Vec::as_slice)
    }

    fn last(&self, name: &str) -> Option<&Assigned> {
        self.all(name).last()
    }

    /// Whether a setting is there at all.
    pub fn has(&self, name: &str) -> bool {
        self.assigned.contains_key(name)
    }

    /// Where a setting was last set.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.last(name).map(Assigned::place)
    }

    /// Every string of a list setting, also of the lists that it is put together from.
    fn strings(&self, name: &str) -> Vec<(&str, Place)> {
        let mut visited = BTreeSet::new();
        let (mut names, mut found) = (vec![name], Vec::new());
        while let Some(name) = names.pop() {
            if !visited.insert(name) {
                continue;
            }
            for assigned in self.all(name) {
                found.extend(assigned.strings());
                names.extend(assigned.value().iter().filter_map(Token::name));
            }
        }
        found
    }

    /// Whether one of these apps is installed.
    pub fn app(&self, names: &[&str]) -> Option<Seen<bool>> {
        let installed = self.strings("INSTALLED_APPS");
        let found = installed.into_iter().find(|(app, _)| {
            names.iter().any(|name| app.split('.').next() == Some(name) || app == name)
        });
        found.map(|(app, place)| Seen::at(true, place, format!("{app} in INSTALLED_APPS")))
    }

    /// Whether a middleware of a package is there.
    pub fn middleware(&self, package: &str) -> Option<Seen<bool>> {
        let all = self.strings("MIDDLEWARE");
        let found = all.into_iter().find(|(name, _)| name.split('.').next() == Some(package));
        found.map(|(_, place)| Seen::at(true, place, format!("{package} in MIDDLEWARE")))
    }

    /// `ASGI_APPLICATION` and the like, as `module:variable`.
    pub fn application(&self, name: &str) -> Option<Seen<String>> {
        let assigned = self.last(name)?;
        let (text, place) = assigned.strings().next()?;
        let (module, variable) = text.rsplit_once('.')?;
        is_dotted(text).then(|| Seen::at(format!("{module}:{variable}"), place, name))
    }

    /// The module of the URL patterns.
    pub fn urls(&self) -> Option<&str> {
        let (text, _) = self.last("ROOT_URLCONF")?.strings().next()?;
        Some(text).filter(|text| is_dotted(text))
    }

    /// The path that a setting comes to: relative to the root, or absolute.
    pub fn path(&self, name: &str) -> Option<Seen<String>> {
        let assigned = self.last(name)?;
        let path = self.path_of(assigned.value(), &assigned.file)?;
        // The root of the repository or of the disk is never meant.
        let fits = !path.is_empty() && path != "/" && path != self.folder;
        fits.then(|| Seen::at(path, assigned.place(), name))
    }

    fn path_of(&self, tokens: &[Token], file: &str) -> Option<String> {
        if let [Token::Str(text)] = tokens
            && !text.starts_with('/')
        {
            return crate::init::tree::clean(&join(&self.folder, text));
        }
        path(tokens, file, &|name| self.known(name))
    }

    /// The path of a name, if it has one.
    fn known(&self, name: &str) -> Option<String> {
        if !self.open.borrow_mut().insert(name.to_owned()) {
            return None;
        }
        // What overrides a path often refers to the one before.
        let found = self.all(name).iter().rev().find_map(|assigned| {
            let refers = assigned.value().iter().any(|token| token.is_name(name));
            (!refers).then(|| path(assigned.value(), &assigned.file, &|name| self.known(name)))?
        });
        self.open.borrow_mut().remove(name);
        found
    }

    /// The default database. Of several assignments each adds what it says.
    pub fn database(&self, packages: &Packages) -> Option<Seen<Database>> {
        let mut database =
            Database { sqlite: None, url: None, server: None, parts: BTreeMap::new() };
        for assigned in self.all("DATABASES") {
            self.database_of(assigned, &mut database);
        }
        let place = self.place("DATABASES")?;
        if database.url.is_some() && database.server.is_none() {
            let mysql = ["mysqlclient", "pymysql"].iter().any(|name| packages.has(name));
            let postgres = packages.has("psycopg")
                || packages.has("psycopg2")
                || packages.has("psycopg2-binary");
            database.server = match (mysql, postgres) {
                (true, false) => Some(Engine::Mysql),
                (_, true) => Some(self.postgres()),
                (false, false) => None,
            };
        }
        let Database { sqlite, url, server, .. } = &database;
        let why = match (sqlite, url, server) {
            (Some(file), Some(url), _) => format!("{url}, without it SQLite in {file}"),
            (Some(file), None, _) => format!("SQLite in {file}"),
            (None, Some(url), _) => format!("by {url}"),
            (None, None, Some(_)) => "a server".to_owned(),
            (None, None, None) => return None,
        };
        Some(Seen::at(database, place, why))
    }

    fn postgres(&self) -> Engine {
        match self.app(&["django.contrib.gis"]) {
            Some(_) => Engine::Postgis,
            None => Engine::Postgres,
        }
    }

    fn database_of(&self, assigned: &Assigned, database: &mut Database) {
        let tokens = assigned.value();
        let known = |name: &str| self.known(name);
        for read in reads(tokens) {
            if read.kind == crate::init::findings::Kind::Database
                || read.name.ends_with("DATABASE_URL")
            {
                database.url = Some(read.name);
            }
        }
        let is_helper = |token: &Token| token.is_name("dj_database_url");
        if database.url.is_none() && tokens.iter().any(is_helper) {
            database.url = Some("DATABASE_URL".to_owned());
        }
        for text in tokens.iter().filter_map(Token::str) {
            if let Some(file) = sqlite_url(text, &assigned.file, &self.folder, &known) {
                database.sqlite = Some(file);
            }
        }
        let all = entries(tokens);
        let entry = |key: &str| all.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let engine =
            entry("ENGINE").and_then(|value| value.iter().filter_map(Token::str).next_back());
        match engine.map(|engine| engine.rsplit('.').next().unwrap_or(engine)) {
            Some("sqlite3") => {
                let file = entry("NAME").and_then(|value| self.path_of(value, &assigned.file));
                database.sqlite = file.or(database.sqlite.take());
            }
            Some("postgresql" | "postgresql_psycopg2") => database.server = Some(self.postgres()),
            Some("postgis") => database.server = Some(Engine::Postgis),
            Some("mysql") => database.server = Some(Engine::Mysql),
            _ => {}
        }
        for part in ["HOST", "NAME", "USER", "PASSWORD", "PORT"] {
            let read = entry(part).and_then(|value| reads(value).into_iter().next());
            if let Some(read) = read {
                database.parts.insert(part.to_owned(), read.name);
            }
        }
    }

    /// What is probably not meant for others' eyes, or would not work in a container.
    pub fn notes(&self, findings: &Findings) -> Vec<Note> {
        let mut notes = Vec::new();
        let mut note = |place: Option<Place>, text: String| notes.push(Note { place, text });
        let literal = |name: &str| {
            let assigned = self.last(name)?;
            let plain = reads(assigned.value()).is_empty()
                && !assigned
                    .value()
                    .iter()
                    .any(|token| token.is_name("os") || token.is_name("env"));
            plain.then_some(assigned)
        };
        if let Some(key) = literal("SECRET_KEY").filter(|key| key.strings().next().is_some()) {
            let text = "SECRET_KEY is in the repository: read it from the environment \
                        (os.environ[\"SECRET_KEY\"]), and add it to `secrets` in mizan.yaml";
            note(Some(key.place()), text.into());
        }
        let debug =
            literal("DEBUG").filter(|debug| debug.value().iter().any(|t| t.is_name("True")));
        if let Some(debug) = debug {
            let text = "DEBUG is on: read it from the environment before others can reach the app";
            note(Some(debug.place()), text.into());
        }
        if let Some(hosts) = literal("ALLOWED_HOSTS") {
            let named: Vec<&str> = hosts.strings().map(|(host, _)| host).collect();
            let open = named.iter().any(|host| matches!(*host, "*" | ".localhost"));
            if !open && (debug.is_none() || !named.is_empty()) {
                let text = "ALLOWED_HOSTS does not know the app's address: add what MIZAN_HOSTS \
                            says (docs/deploying-django.md#settings)";
                note(Some(hosts.place()), text.into());
            }
        }
        if findings.static_root.is_none() && self.app(&["django.contrib.staticfiles"]).is_some() {
            let text = "there is no STATIC_ROOT, so static files are not collected: set it, and \
                        let whitenoise serve them (docs/deploying-django.md#static-files)";
            note(self.place("STATIC_URL"), text.into());
        } else if findings.whitenoise.is_none() && findings.static_root.is_some() {
            let text = "nothing in MIDDLEWARE serves static files: whitenoise would";
            note(self.place("MIDDLEWARE").filter(|_| self.has("MIDDLEWARE")), text.into());
        }
        notes
    }
}

/// The module that `from … import` in another one means.
fn absolute(module: &str, is_package: bool, from: &str) -> Option<String> {
    let name = from.trim_start_matches('.');
    let dots = from.len() - name.len();
    if dots == 0 {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = module.split('.').collect();
    // One dot is the package itself.
    for _ in 0..dots - usize::from(is_package) {
        parts.pop()?;
    }
    parts.extend((!name.is_empty()).then_some(name));
    (!parts.is_empty()).then(|| parts.join("."))
}

/// The modules that `include(…)` of django-split-settings takes in.
fn included(tree: &Tree, file: &str, folder: &str, statement: &Statement) -> Vec<String> {
    let here = split(file).0;
    let mut modules = Vec::new();
    for pattern in statement.tokens.iter().filter_map(Token::str) {
        let Some(pattern) = crate::init::tree::clean(&join(here, pattern)) else { continue };
        let (before, after) = pattern.split_once('*').unwrap_or((&pattern, ""));
        let fits = |path: &&str| match pattern.contains('*') {
            true => {
                path.starts_with(before)
                    && path.ends_with(after)
                    && split(path).0 == split(before).0
            }
            false => *path == pattern,
        };
        modules.extend(tree.below(folder).filter(fits).filter_map(|path| {
            let below = path.strip_prefix(folder)?.trim_start_matches('/');
            Some(below.strip_suffix(".py")?.replace('/', "."))
        }));
    }
    modules
}

/// The variables that `environ.Env(NAME=(type, default))` gives a default.
fn scheme(statement: &Statement) -> Vec<String> {
    let tokens = &statement.tokens;
    let Some(start) = tokens.iter().position(|token| token.is_name("Env")) else {
        return Vec::new();
    };
    tokens[start..]
        .windows(3)
        .filter(|window| window[1].is('=') && window[2].is('('))
        .filter_map(|window| window[0].name().map(str::to_owned))
        .collect()
}
