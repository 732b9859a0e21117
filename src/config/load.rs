//! Finding and reading mizan.yaml.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use super::{
    decode::FromNode,
    diagnostic::{Diagnostics, Problems, Span, closest},
    file::{EnvironmentFile, File},
    locate::{Finding, locate},
    lower::{self, Scope},
    merge::{merge, without, without_empty},
    node::{self, Entry, Kind, Node, Scalar},
    value::Version,
};
use crate::{
    error::{Error, ErrorKind},
    model::{App, AppName, EnvName},
};

/// The file's name. There is one spelling, so that two files never compete.
pub const FILE_NAME: &str = "mizan.yaml";

/// The largest file that is read; a real one has a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// Why there is no app.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file here or above.
    #[error("there is no {FILE_NAME} in this folder or above it")]
    NotFound,
    /// A file that was meant to be it has another name.
    #[error("{path} is not read: the file is named {FILE_NAME}")]
    Misnamed {
        /// The file, as it is printed.
        path: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// The file, as it is printed.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file has problems.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// The file has no such environment.
    #[error("there is no environment `{wanted}`")]
    UnknownEnvironment {
        /// The one that was asked for.
        wanted: EnvName,
        /// Those that exist.
        known: Vec<EnvName>,
    },
}

impl ConfigError {
    /// The problems of the file, for printing, if it has some.
    pub fn diagnostics(&self) -> Option<&Diagnostics> {
        match self {
            Self::Invalid(diagnostics) => Some(diagnostics),
            Self::NotFound
            | Self::Misnamed { .. }
            | Self::Io { .. }
            | Self::UnknownEnvironment { .. } => None,
        }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        match error {
            ConfigError::NotFound => Self::new(ErrorKind::Invalid, message)
                .hint("`mizan init` writes one; --config names another place"),
            ConfigError::Misnamed { .. } => {
                Self::new(ErrorKind::Invalid, message).hint(format!("rename it to {FILE_NAME}"))
            }
            ConfigError::Io { source, .. } => {
                Self::new(ErrorKind::Invalid, message).because(&source)
            }
            ConfigError::Invalid(diagnostics) => diagnostics.into(),
            ConfigError::UnknownEnvironment { wanted, known } => {
                let names: Vec<&str> = known.iter().map(EnvName::as_str).collect();
                let error = Self::new(ErrorKind::Usage, message);
                match closest(wanted.as_str(), names.iter().copied()) {
                    Some(name) => error.hint(format!("did you mean `{name}`?")),
                    None => error.hint(format!("environments: {}", names.join(", "))),
                }
            }
        }
    }
}

/// A mizan.yaml whose every value is right for itself; what belongs to one environment is checked
/// when that environment is resolved.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    name: String,
    text: String,
    root: PathBuf,
    app: AppName,
    tree: Node,
    environments: Vec<(EnvName, Node)>,
}

/// The file in this folder or the nearest one above it.
pub fn find(start: &Path) -> Result<PathBuf, ConfigError> {
    let start = std::path::absolute(start)
        .map_err(|source| ConfigError::Io { path: shown(start), source })?;
    for folder in start.ancestors() {
        let path = folder.join(FILE_NAME);
        if path.is_file() {
            return Ok(path);
        }
        // To go on upwards would deploy another app than the one that was meant.
        let misnamed = folder.join("mizan.yml");
        if misnamed.is_file() {
            return Err(ConfigError::Misnamed { path: shown(&misnamed) });
        }
    }
    Err(ConfigError::NotFound)
}

/// Reads a file.
pub fn load(path: &Path) -> Result<ConfigFile, ConfigError> {
    let name = shown(path);
    let io_error = |source| ConfigError::Io { path: name.clone(), source };
    let size = fs::metadata(path).map_err(io_error)?.len();
    if size > MAX_BYTES {
        return Err(io_error(io::Error::other("it is larger than 1 MiB")));
    }
    let text = fs::read_to_string(path).map_err(io_error)?;
    let path = std::path::absolute(path).map_err(io_error)?;
    let root = path.parent().unwrap_or(Path::new("/"));
    ConfigFile::parse(&name, &text, root)
}

/// The path as it is printed: relative to the current folder where it lies below.
pub(crate) fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

impl ConfigFile {
    /// Reads the text of a file. `name` is how messages call it; paths in it are relative to
    /// `root`, which is absolute.
    pub fn parse(name: &str, text: &str, root: &Path) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let file = read(text, &mut problems);
        if let Some((file, tree)) = file.filter(|_| problems.is_empty()) {
            return Ok(Self {
                name: name.to_owned(),
                text: text.to_owned(),
                root: root.to_owned(),
                environments: environments(&file, &tree),
                app: file.app.value,
                tree,
            });
        }
        Err(ConfigError::Invalid(problems.into_diagnostics(name, text)))
    }

    /// The app's name.
    pub fn app(&self) -> &AppName {
        &self.app
    }

    /// The folder of the file, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The environments, in the order of the file.
    pub fn environments(&self) -> impl Iterator<Item = &EnvName> {
        self.environments.iter().map(|(name, _)| name)
    }

    /// The app as one environment runs it.
    pub fn resolve(&self, env: &EnvName) -> Result<App, ConfigError> {
        self.lower(env).map(|(app, _)| app)
    }

    /// What is probably not what was meant in this environment.
    pub fn warnings(&self, env: &EnvName) -> Result<Diagnostics, ConfigError> {
        self.lower(env).map(|(_, warnings)| warnings)
    }

    /// What a target found wrong with an environment, at the places of mizan.yaml; nothing if it
    /// found nothing. A path may begin with the environment or not: where the value really stands
    /// is shown.
    ///
    /// # Errors
    /// There is no such environment, or there are findings.
    pub fn report(&self, env: &EnvName, findings: &[Finding]) -> Result<(), ConfigError> {
        let overrides = self.overrides(env)?;
        let merged = merge(&self.base(), overrides);
        let own = format!("environments.{env}.");
        let mut problems = Problems::default();
        for Finding { path, message, hint } in findings {
            let path = path.strip_prefix(&own).unwrap_or(path);
            let span = locate(&merged, path).unwrap_or(Span::at(overrides.span.start));
            problems.hint(span, message, hint);
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Invalid(problems.into_diagnostics(&self.name, &self.text)))
    }

    /// The whole tree as it is in an environment, with its overrides merged into what all share.
    pub(super) fn tree_of(&self, env: &EnvName) -> Result<Node, ConfigError> {
        Ok(merge(&self.tree, self.overrides(env)?))
    }

    /// How messages call the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What environments may override.
    fn base(&self) -> Node {
        without(&self.tree, &["version", "app", "environments"])
    }

    /// What an environment says itself, as it is written.
    pub(super) fn overrides(&self, env: &EnvName) -> Result<&Node, ConfigError> {
        let mut environments = self.environments.iter();
        let found = environments.find(|(name, _)| name == env).map(|(_, node)| node);
        found.ok_or_else(|| {
            let known = self.environments().cloned().collect();
            ConfigError::UnknownEnvironment { wanted: env.clone(), known }
        })
    }

    fn lower(&self, env: &EnvName) -> Result<(App, Diagnostics), ConfigError> {
        let overrides = self.overrides(env)?;
        let (mut problems, mut warnings) = (Problems::default(), Problems::default());
        let merged = merge(&self.base(), overrides);
        let app = EnvironmentFile::from_node(&merged, &mut problems).and_then(|file| {
            let own = Some(overrides.span).filter(|span| span.start != span.end);
            let mut scope = Scope {
                file: &self.name,
                root: &self.root,
                env,
                own,
                problems: &mut problems,
                warnings: &mut warnings,
            };
            lower::app(&self.app, file, &mut scope)
        });
        match app.filter(|_| problems.is_empty()) {
            Some(app) => Ok((app, warnings.into_diagnostics(&self.name, &self.text))),
            None => Err(ConfigError::Invalid(problems.into_diagnostics(&self.name, &self.text))),
        }
    }
}

/// The typed file and the tree it came from.
fn read(text: &str, problems: &mut Problems) -> Option<(File, Node)> {
    let mut tree = node::parse(text, problems)?;
    if let Some(version) = tree.get("version").filter(|version| is_other_version(version)) {
        // Whatever else seems wrong may be right in that version.
        Version::from_node(version, problems);
        return None;
    }
    fill_environments(&mut tree);
    let file = File::from_node(&without_empty_overrides(&tree), problems)?;
    Some((file, tree))
}

fn is_other_version(node: &Node) -> bool {
    matches!(node.scalar(), Some(Scalar::Int(number)) if number != 1)
}

/// The overrides of each environment, as they stand in the tree.
fn overrides(tree: &mut Node) -> &mut [Entry] {
    let Kind::Map(entries) = &mut tree.kind else { return &mut [] };
    let section = entries.iter_mut().find(|entry| entry.key == "environments");
    match section.map(|section| &mut section.value.kind) {
        Some(Kind::Map(environments)) => environments,
        Some(Kind::List(_) | Kind::Scalar { .. }) | None => &mut [],
    }
}

/// `local:` with nothing below it is an environment without overrides.
fn fill_environments(tree: &mut Node) {
    for environment in overrides(tree).iter_mut().filter(|entry| entry.value.is_null()) {
        environment.value = Node { span: environment.span, kind: Kind::Map(Vec::new()) };
    }
}

/// The tree for the decoder: an empty value in an override is no value of the wrong type, it takes
/// away what would be inherited.
fn without_empty_overrides(tree: &Node) -> Node {
    let mut tree = tree.clone();
    for environment in overrides(&mut tree) {
        environment.value = without_empty(&environment.value);
    }
    tree
}

/// The environments with their overrides; one named `local` if the file names none.
fn environments(file: &File, tree: &Node) -> Vec<(EnvName, Node)> {
    let named = file.environments.as_ref().filter(|named| !named.value.0.is_empty());
    let Some(named) = named else {
        let nothing = Node { span: Span::START, kind: Kind::Map(Vec::new()) };
        return vec![(EnvName::local(), nothing)];
    };
    let overrides = |name: &EnvName| tree.get("environments")?.get(name.as_str()).cloned();
    named
        .value
        .iter()
        .filter_map(|(name, _)| Some((name.value.clone(), overrides(&name.value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Role, Target};

    fn fixture(case: &str) -> ConfigFile {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/valid").join(case);
        load(&folder.join(FILE_NAME)).unwrap_or_else(|error| panic!("{}", report(&error)))
    }

    fn report(error: &ConfigError) -> String {
        error.diagnostics().map_or_else(|| error.to_string(), |list| list.render("error", false))
    }

    fn app(case: &str, env: &str) -> App {
        let env = EnvName::new(env).unwrap();
        fixture(case).resolve(&env).unwrap_or_else(|error| panic!("{}", report(&error)))
    }

    #[test]
    fn the_example_of_the_design_loads_for_every_environment() {
        let file = fixture("reference");
        let names: Vec<&str> = file.environments().map(EnvName::as_str).collect();
        assert_eq!(names, ["local", "production", "staging", "elsewhere", "preview"]);
        for env in file.environments() {
            file.resolve(env).unwrap_or_else(|error| panic!("{env}: {}", report(&error)));
        }
    }

    #[test]
    fn the_example_app_loads() {
        let app = app("board", "local");
        assert_eq!(app.target, Target::Local { port: None });
        assert_eq!(app.services.len(), 3);
        assert_eq!(app.web().unwrap().0.as_str(), "web");
    }

    #[test]
    fn an_environment_overrides_what_it_names_and_inherits_the_rest() {
        let file = fixture("reference");
        let scale = |env: &str| {
            let app = file.resolve(&EnvName::new(env).unwrap()).unwrap();
            app.web().unwrap().1.scale
        };
        assert_eq!((scale("production").max, scale("staging").max), (4, 1));
        assert_eq!(scale("staging").cpu, Some(60));
    }

    #[test]
    fn the_edge_is_on_where_its_data_plane_is() {
        assert!(app("reference", "local").render.is_some());
        let production = app("reference", "production");
        assert!(production.edge.is_none() && production.render.is_some());
        let elsewhere = app("reference", "elsewhere");
        assert_eq!(elsewhere.edge.unwrap().domain.as_deref(), Some("board.example.com"));
        assert!(elsewhere.services.is_empty());
    }

    #[test]
    fn an_inherited_volume_is_left_out_on_a_cloud_with_a_warning() {
        let file = fixture("reference");
        let production = EnvName::new("production").unwrap();
        assert!(file.resolve(&production).unwrap().web().unwrap().1.volumes.is_empty());
        let warnings = file.warnings(&production).unwrap();
        assert!(warnings.list()[0].message.contains("no lasting disk"), "{warnings:?}");
        assert!(file.warnings(&EnvName::local()).unwrap().list().is_empty());
    }

    #[test]
    fn announcing_from_a_container_of_this_machine_is_warned_of() {
        let text = "version: 1\napp: board\nservices: {web: {port: 8000}}\n\
                    secrets: [MIZAN_PURGE_KEY]\nedge: {announced: [posts]}\n\
                    environments:\n  local: {}\n  quiet: {target: local, edge: {announced: []}}\n";
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/app");
        let file = ConfigFile::parse(FILE_NAME, text, &root).unwrap();
        let warnings = file.warnings(&EnvName::local()).unwrap();
        assert_eq!(
            warnings.lines().collect::<Vec<_>>(),
            ["mizan.yaml:5:19: on the target `local` no container reaches the edge to announce a \
              change: it shows when the entry's time is over"]
        );
        let quiet = EnvName::new("quiet").unwrap();
        assert!(file.warnings(&quiet).unwrap().list().is_empty());
        assert!(file.resolve(&quiet).unwrap().edge.unwrap().announced.is_empty());
    }

    #[test]
    fn a_minimal_file_has_one_environment_and_defaults() {
        let app = app("minimal", "local");
        let Role::Web { port, health, .. } = &app.web().unwrap().1.role else { panic!("{app:?}") };
        assert_eq!((*port, health.as_str()), (8000, "/healthz"));
        assert_eq!(app.keep_releases.get(), 5);
    }

    fn parse(text: &str) -> ConfigFile {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/app");
        ConfigFile::parse("mizan.yaml", text, &root)
            .unwrap_or_else(|error| panic!("{}", report(&error)))
    }

    #[test]
    fn an_empty_override_takes_away_what_it_would_inherit() {
        let file = parse(
            "{version: 1, app: a, env: {X: 1, Y: 2}, release: migrate, keep_releases: 9,
              services: {web: {volumes: {data: /data}}, db: {image: postgres:16}},
              environments: {
                local: ,
                bare: {target: local, env: {X: ~}, release: ~, keep_releases: ~,
                       services: {web: {volumes: ~}, db: ~}}}}",
        );
        let full = file.resolve(&EnvName::local()).unwrap();
        assert_eq!((full.services.len(), full.env_vars.len()), (2, 2));
        let bare = file.resolve(&EnvName::new("bare").unwrap()).unwrap();
        assert_eq!((bare.services.len(), bare.env_vars.len()), (1, 1));
        assert!(bare.web().unwrap().1.volumes.is_empty());
        assert!(bare.release.is_none());
        assert_eq!(bare.keep_releases.get(), 5);
    }

    #[test]
    fn no_environment_is_one_named_local() {
        for section in ["", ", environments: {}", ", environments: ~"] {
            let file = parse(&format!("{{version: 1, app: a, services: {{web: {{}}}}{section}}}"));
            assert_eq!(file.environments().collect::<Vec<_>>(), [&EnvName::local()]);
        }
    }

    #[test]
    fn the_file_is_found_from_below_and_its_lookalike_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(folder.path().join("mizan.yml"), "").unwrap();
        let error = Error::from(find(&below).unwrap_err());
        assert!(error.message.contains("mizan.yml is not read"), "{error:?}");
        fs::write(folder.path().join(FILE_NAME), "").unwrap();
        assert_eq!(find(&below).unwrap(), folder.path().join(FILE_NAME));
    }

    #[test]
    fn an_unknown_environment_is_a_usage_error_with_a_suggestion() {
        let error = fixture("reference").resolve(&EnvName::new("prodution").unwrap()).unwrap_err();
        let error = Error::from(error);
        assert_eq!(error.kind, ErrorKind::Usage);
        assert_eq!(error.hints, ["did you mean `production`?"]);
    }
}
