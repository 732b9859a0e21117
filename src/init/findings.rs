//! What was found in a repository, and where.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to the root.
    pub file: String,
    /// The line, counted from 1; nothing if the file itself is what was seen.
    pub line: Option<usize>,
}

impl Place {
    /// A line of a file.
    pub(super) fn at(file: &str, line: usize) -> Self {
        Self { file: file.to_owned(), line: Some(line) }
    }

    /// A file.
    pub fn of(file: &str) -> Self {
        Self { file: file.to_owned(), line: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A fact, and why it is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen<T> {
    /// The fact.
    pub value: T,
    /// Where it was seen; a default was seen nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Why it follows from that.
    pub why: String,
}

impl<T> Seen<T> {
    /// A fact that was seen at a place.
    pub(super) fn at(value: T, place: Place, why: impl Into<String>) -> Self {
        Self { value, place: Some(place), why: why.into() }
    }

    /// Another fact for the same reason.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        Seen { value: change(self.value), place: self.place, why: self.why }
    }

    /// A fact that is assumed or was said.
    pub(super) fn assumed(value: T, why: impl Into<String>) -> Self {
        Self { value, place: None, why: why.into() }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The folder of manage.py; empty for the root.
    pub project: Seen<String>,
    /// The settings module that a server uses.
    pub settings: Seen<String>,
    /// The settings module that manage.py uses by itself.
    pub manage_settings: Option<Seen<String>>,
    /// How the app is called.
    pub interface: Seen<Interface>,
    /// The server among its dependencies.
    pub server: Option<Seen<Server>>,
    /// The version of Python: `3.12`.
    pub python: Seen<String>,
    /// The Python packages.
    pub packages: Packages,
    /// The React side that has to be built.
    pub frontend: Option<Frontend>,
    /// The database.
    pub database: Option<Seen<Database>>,
    /// The folder that collectstatic fills.
    pub static_root: Option<Seen<String>>,
    /// The folder of uploads.
    pub media_root: Option<Seen<String>>,
    /// Whether Django serves static files itself.
    pub whitenoise: Option<Seen<bool>>,
    /// WebSockets by channels.
    pub channels: Option<Seen<bool>>,
    /// The command of a task queue's worker.
    pub worker: Option<Seen<Vec<String>>>,
    /// The command of its scheduler.
    pub beat: Option<Seen<Vec<String>>>,
    /// Environment variables that the settings read.
    pub variables: Vec<Variable>,
    /// A path that answers 2xx.
    pub health: Seen<String>,
    /// The Mizan protocol.
    pub protocol: Option<Seen<bool>>,
    /// Debian packages that Python packages need: to be built, and to run.
    pub system: System,
    /// The port of a Dockerfile that is there.
    pub port: Option<Seen<u16>>,
    /// What a person should know or mend.
    pub notes: Vec<Note>,
}

/// What a person should know or mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What.
    pub text: String,
}

/// How a server calls the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Interface {
    /// ASGI, with `module:variable`.
    Asgi(String),
    /// WSGI, with `module:variable`.
    Wsgi(String),
}

/// A server for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// WSGI.
    Gunicorn,
    /// ASGI.
    Uvicorn,
    /// ASGI, of the channels project.
    Daphne,
    /// ASGI.
    Hypercorn,
}

impl Server {
    /// Its name on the package index.
    pub fn package(self) -> &'static str {
        match self {
            Self::Gunicorn => "gunicorn",
            Self::Uvicorn => "uvicorn",
            Self::Daphne => "daphne",
            Self::Hypercorn => "hypercorn",
        }
    }
}

/// What installs the Python packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Manager {
    /// A requirements file.
    Pip,
    /// uv.lock.
    Uv,
    /// A member of a workspace with one uv.lock.
    UvWorkspace,
    /// poetry.lock, or a table of poetry.
    Poetry,
    /// Pipfile.
    Pipenv,
    /// pyproject.toml without a lock.
    Pyproject,
}

/// The Python packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packages {
    /// What installs them.
    pub manager: Seen<Manager>,
    /// The folder in which it does.
    pub folder: String,
    /// The file that is named to it.
    pub file: String,
    /// The files it needs, relative to the root.
    pub files: Vec<String>,
    /// True if it needs the code as well (`-e .`, a workspace).
    pub needs_code: bool,
    /// True if a lock fixes the versions.
    pub locked: bool,
    /// The version of the manager that wrote the lock.
    pub version: Option<String>,
    /// The name of the project in its workspace.
    pub member: Option<String>,
    /// The packages that are asked for, with where and which extras.
    #[serde(skip)]
    pub direct: BTreeMap<String, Wanted>,
}

/// A package that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where.
    pub place: Place,
    /// Its extras.
    pub extras: Vec<String>,
}

/// What installs JavaScript packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JsManager {
    /// package-lock.json, or no lock.
    Npm,
    /// pnpm-lock.yaml.
    Pnpm,
    /// yarn.lock.
    Yarn,
    /// yarn.lock of version 2 or later.
    YarnBerry,
    /// bun.lock.
    Bun,
}

/// What builds the React side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bundler {
    /// Vite.
    Vite,
    /// Create React App.
    ReactScripts,
    /// Another, whose output somebody named.
    Other,
}

/// The React side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frontend {
    /// The folder of its package.json.
    pub folder: Seen<String>,
    /// What builds it.
    pub bundler: Bundler,
    /// What installs its packages.
    pub manager: Seen<JsManager>,
    /// Its version, as `packageManager` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager_version: Option<String>,
    /// The folder of the lock: another one in a workspace.
    pub install_folder: String,
    /// The lock file, if there is one.
    pub lock: Option<String>,
    /// The files that installing needs.
    pub files: Vec<String>,
    /// Where the build goes.
    pub output: Seen<String>,
    /// Whether React is among the packages.
    pub react: bool,
}

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Database {
    /// The SQLite file, relative to the root or absolute.
    pub sqlite: Option<String>,
    /// The variable with the URL of a database.
    pub url: Option<String>,
    /// The engine of a database server.
    pub server: Option<Engine>,
    /// Variables for the parts of an address: `HOST`, `NAME`, `USER`, `PASSWORD`, `PORT`.
    pub parts: BTreeMap<String, String>,
}

/// A database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// PostgreSQL with PostGIS.
    Postgis,
    /// MySQL or MariaDB.
    Mysql,
}

/// An environment variable that the settings read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The setting that is made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// True if the settings cannot be read without it.
    pub required: bool,
    /// What it has to be.
    pub kind: Kind,
    /// Where it is read.
    pub place: Place,
}

/// What a variable has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any text.
    Text,
    /// A truth value.
    Bool,
    /// A number.
    Number,
    /// The URL of a database.
    Database,
}

/// Debian packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct System {
    /// Needed while Python packages are installed.
    pub build: Vec<String>,
    /// Needed while the app runs.
    pub run: Vec<String>,
}
