//! Files to findings, with the place of each: pure, and without running anything of the project.
//! What can be read in two ways is a question, not a guess.

mod evaluate;
mod frontend;
mod packages;
mod project;
mod settings;
mod system;
mod tasks;
mod urls;

use std::collections::BTreeSet;

use super::{
    findings::{Findings, Interface, Note, Place, Seen},
    tree::Tree,
};
use crate::error::{Error, ErrorKind};

pub(super) use self::project::name;
use self::{project::is_dotted, settings::Settings};

/// What somebody has said already; it decides where the files leave a choice.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// The folder of manage.py.
    pub project: Option<String>,
    /// The settings module.
    pub settings: Option<String>,
    /// The requirements file.
    pub requirements: Option<String>,
    /// The version of Python.
    pub python: Option<String>,
    /// The folder of package.json.
    pub frontend: Option<String>,
    /// Where its build goes.
    pub frontend_output: Option<String>,
    /// There is nothing to build.
    pub no_frontend: bool,
    /// The health path.
    pub health: Option<String>,
}

/// Why detection did not come to an end.
#[derive(Debug)]
pub enum Stop {
    /// Somebody has to choose.
    Ambiguous {
        /// What is asked.
        question: &'static str,
        /// What there is to choose from.
        choices: Vec<String>,
        /// The flag that answers.
        flag: &'static str,
        /// The hint that the answer becomes.
        answer: fn(&mut Hints, String),
    },
    /// The files are not what they should be.
    Error(Box<Error>),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

/// What the files of a repository say.
///
/// # Errors
/// There is no Django project, a file is broken, or there is a choice to make.
pub fn detect(tree: &Tree, hints: &Hints) -> Result<Findings, Stop> {
    let project = project::find(tree, hints)?;
    let folder = project.value.clone();
    let named = project::named_settings(tree, &folder);
    let module = project::settings(tree, &folder, hints, &named)?;
    let settings = Settings::load(tree, &folder, &module.value);
    let python_packages = packages::find(tree, &folder, hints)?;
    let mut notes = Vec::new();
    let channels = settings.app(&["channels"]);
    let interface =
        project::interface(tree, &folder, &settings, &python_packages, channels.is_some())?;
    let server = project::server(&interface.value, &python_packages);
    let frontend = frontend::find(tree, &folder, hints, &mut notes)?;
    let database = settings.database(&python_packages);
    let (worker, beat) = tasks::find(tree, &folder, &settings, &python_packages);
    let findings = Findings {
        manage_settings: named.manage.clone(),
        python: packages::python(tree, &folder, &python_packages, hints)?,
        static_root: settings.path("STATIC_ROOT"),
        media_root: settings.path("MEDIA_ROOT"),
        whitenoise: settings.middleware("whitenoise"),
        health: urls::health(tree, &folder, &settings, hints)?,
        protocol: settings.app(&["mizan_django", "mizan"]),
        system: system::packages(&python_packages, &settings),
        port: project::exposed(tree),
        variables: settings.variables().to_vec(),
        project,
        settings: module,
        interface,
        server,
        packages: python_packages,
        frontend,
        database,
        channels,
        worker,
        beat,
        notes: Vec::new(),
    };
    notes.splice(0..0, settings.notes(&findings));
    if !tree.is_complete() {
        notes.push(Note {
            place: None,
            text: "the repository has more files than were looked at".into(),
        });
    }
    safe_paths(&findings)?;
    Ok(Findings { notes, ..findings })
}

/// Paths go into a Dockerfile and into YAML as they are: one that would need quoting there is
/// refused before.
fn safe_paths(findings: &Findings) -> Result<(), Error> {
    let frontend = findings.frontend.iter().flat_map(|frontend| {
        [&frontend.folder.value, &frontend.output.value].into_iter().chain(&frontend.files)
    });
    let roots = [&findings.static_root, &findings.media_root].into_iter().flatten();
    let paths: BTreeSet<&String> = [&findings.project.value]
        .into_iter()
        .chain(&findings.packages.files)
        .chain(frontend)
        .chain(roots.map(|seen| &seen.value))
        .chain(findings.database.iter().filter_map(|seen| seen.value.sqlite.as_ref()))
        .collect();
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/@+".contains(c);
    let (Interface::Asgi(app) | Interface::Wsgi(app)) = &findings.interface.value;
    let commands = [&findings.worker, &findings.beat].into_iter().flatten();
    let words = commands.flat_map(|seen| &seen.value).chain(&findings.packages.member);
    let odd_path = paths.into_iter().find(|path| !path.chars().all(fits));
    let odd_name = Some(app).filter(|app| !is_dotted(&app.replace(':', ".")));
    let odd_word = words.into_iter().find(|word| !word.chars().all(|c| fits(c) || c == ':'));
    match odd_path.or(odd_name).or(odd_word) {
        None => Ok(()),
        Some(odd) => Err(Error::new(
            ErrorKind::Invalid,
            format!("{odd:?} cannot stand in a Dockerfile as it is"),
        )
        .hint("rename it to letters, digits and . _ - @ +, or write the files by hand")),
    }
}

/// A question with several answers, unless there is only one.
fn one_of(
    mut choices: Vec<String>,
    question: &'static str,
    flag: &'static str,
    answer: fn(&mut Hints, String),
) -> Result<Option<String>, Stop> {
    match choices.len() {
        0 | 1 => Ok(choices.pop()),
        _ => Err(Stop::Ambiguous { question, choices, flag, answer }),
    }
}

/// The line of the first text that contains `what`.
fn line_with(text: &str, what: &str) -> Option<usize> {
    text.lines().position(|line| line.contains(what)).map(|index| index + 1)
}

/// A fact at a place.
fn seen<T>(value: T, file: &str, line: usize, why: &str) -> Seen<T> {
    Seen::at(value, Place::at(file, line), why)
}
