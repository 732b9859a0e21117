//! Findings and answers to a [`Setup`]: everything that the files say, decided, before a word of
//! them is written.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{
    advice, detect,
    findings::{Database, Engine, Findings, Interface, Kind, Note, Seen, Server, Variable},
    tree::{Tree, split},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{AppName, NameError},
};

/// Where the repository lies in the image.
pub(super) const ROOT: &str = "/app";
/// The user of the image, as a number.
pub(super) const USER: &str = "10001";

/// What a person decides.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// The app's name.
    pub app: Option<String>,
    /// Where it runs besides this machine.
    pub cloud: Option<Cloud>,
}

/// Where an app runs besides this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cloud {
    /// ECS on Fargate.
    Aws {
        /// The region.
        region: String,
        /// The host name, with the edge on Cloudflare.
        domain: Option<String>,
    },
    /// Azure Container Instances.
    Azure {
        /// The location.
        location: String,
        /// The host name.
        domain: String,
    },
    /// The app runs there already.
    Origin {
        /// Its base URL.
        url: String,
        /// The host name.
        domain: String,
    },
}

impl Cloud {
    /// The host name, if there is one.
    pub fn domain(&self) -> Option<&str> {
        match self {
            Self::Aws { domain, .. } => domain.as_deref(),
            Self::Azure { domain, .. } | Self::Origin { domain, .. } => Some(domain),
        }
    }
}

/// What the files will say.
#[derive(Debug)]
pub struct Setup {
    /// The app's name.
    pub app: AppName,
    /// Where it runs besides this machine.
    pub cloud: Option<Cloud>,
    /// The port in the container.
    pub port: u16,
    /// The server, and the requirement by which the Dockerfile installs it if nothing else does.
    pub server: (Server, Option<&'static str>),
    /// Variables of every environment.
    pub env: BTreeMap<String, String>,
    /// Secrets, and whether a value is made for them.
    pub secrets: Vec<(String, bool)>,
    /// Named volumes.
    pub volumes: BTreeMap<&'static str, String>,
    /// Folders in the image that the app writes to.
    pub writable: Vec<String>,
    /// Links in the image: where they lead, where they lie.
    pub links: Vec<(String, String)>,
    /// Variables without which the settings cannot be read, with values that mean nothing.
    pub stand_ins: BTreeMap<String, String>,
    /// What is different on this machine.
    pub local: Local,
    /// What is different in the cloud.
    pub cloud_env: BTreeMap<String, String>,
    /// The variable with a database's URL that only the cloud needs.
    pub cloud_database: Option<String>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// What is different on this machine.
#[derive(Debug, Default)]
pub struct Local {
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// Services that stand for what a cloud has.
    pub accessories: Vec<Accessory>,
}

/// A service of a foreign image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accessory {
    /// Its name, which is its host name.
    pub name: &'static str,
    /// Its image.
    pub image: &'static str,
    /// Its port.
    pub port: u16,
    /// Where its data is.
    pub data: &'static str,
    /// Its variables.
    pub env: BTreeMap<&'static str, &'static str>,
}

/// Decides what the files say.
///
/// # Errors
/// The app has no name that would do.
pub fn decide(tree: &Tree, findings: &Findings, answers: &Answers) -> Result<Setup> {
    let mut setup = Setup {
        app: app_name(tree.root(), findings, answers)?,
        cloud: answers.cloud.clone(),
        port: findings.port.as_ref().map_or(8000, |port| port.value),
        server: server(findings),
        env: BTreeMap::new(),
        secrets: Vec::new(),
        volumes: BTreeMap::new(),
        writable: Vec::new(),
        links: Vec::new(),
        stand_ins: findings.variables.iter().filter_map(stand_in).collect(),
        local: Local::default(),
        cloud_env: BTreeMap::new(),
        cloud_database: None,
        notes: findings.notes.clone(),
    };
    let named = findings.manage_settings.as_ref().map(|seen| &seen.value);
    if named != Some(&findings.settings.value) {
        let module = findings.settings.value.clone();
        setup.env.insert("DJANGO_SETTINGS_MODULE".into(), module);
    }
    setup.hosts(findings);
    setup.take_secrets(findings);
    setup.database(tree, findings);
    setup.redis(findings);
    if let Some(media) = &findings.media_root {
        setup.keep("media", in_image(&media.value));
    }
    let more = advice::on(findings, &setup);
    setup.notes.extend(more);
    Ok(setup)
}

/// The path in the image of a path of the repository.
pub(super) fn in_image(path: &str) -> String {
    match path {
        "" => ROOT.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{ROOT}/{path}"),
    }
}

fn app_name(root: &Path, findings: &Findings, answers: &Answers) -> Result<AppName> {
    let invalid = |written: &str, why: &NameError| {
        Error::new(ErrorKind::Usage, format!("{written:?} is no name for an app"))
            .because(why)
            .hint("name it with --app: lower-case letters, digits and single hyphens")
    };
    if let Some(said) = &answers.app {
        return AppName::new(said.clone()).map_err(|why| invalid(said, &why));
    }
    let folder = std::path::absolute(root).unwrap_or_default();
    let folder = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let found = detect::name(&findings.project.value, &findings.settings.value);
    let written = if found.is_empty() { folder.unwrap_or_default() } else { found };
    AppName::new(similar(&written)).map_err(|why| invalid(&written, &why))
}

/// The text with what no name takes replaced, and cut to what one may have.
fn similar(written: &str) -> String {
    let lower = written.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let name: String = parts.collect::<Vec<_>>().join("-").chars().take(AppName::MAX).collect();
    name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-').to_owned()
}

/// The server of the dependencies, else one that the Dockerfile installs.
fn server(findings: &Findings) -> (Server, Option<&'static str>) {
    match (&findings.server, &findings.interface.value) {
        (Some(server), _) => (server.value, None),
        (None, Interface::Wsgi(_)) => (Server::Gunicorn, Some(GUNICORN)),
        (None, Interface::Asgi(_)) => (Server::Uvicorn, Some(UVICORN)),
    }
}

/// What is installed where a project has no server, of 2026-11.
const GUNICORN: &str = "gunicorn==27.0.1";
const UVICORN: &str = "uvicorn[standard]==0.54.0";

/// A value with which settings can be read while the image is made; it decides nothing.
fn stand_in(variable: &Variable) -> Option<(String, String)> {
    let is_key = variable.setting.as_deref() == Some("SECRET_KEY");
    if !variable.required && !is_key || is_reserved(&variable.name) {
        return None;
    }
    let name = &variable.name;
    let value = match variable.kind {
        Kind::Bool => "0",
        Kind::Number => "1",
        Kind::Database => "sqlite:////tmp/none",
        Kind::Text if name.ends_with("DATABASE_URL") => "sqlite:////tmp/none",
        Kind::Text if is_redis(name) => "redis://127.0.0.1:6379/0",
        Kind::Text if name.ends_with("_URL") => "http://127.0.0.1/",
        Kind::Text => "only-for-this-line",
    };
    Some((name.clone(), value.to_owned()))
}

/// Variables that mizan sets, or that are no secret by their meaning.
fn is_reserved(name: &str) -> bool {
    name == "PORT" || name.starts_with("MIZAN_") || name == "DJANGO_SETTINGS_MODULE"
}

fn is_redis(name: &str) -> bool {
    ["REDIS", "BROKER", "CHANNELS_URL", "CACHE_URL"].iter().any(|part| name.contains(part))
}

impl Setup {
    /// Settings that the public address decides.
    fn hosts(&mut self, findings: &Findings) {
        let of = |setting: &str| {
            let mut variables = findings.variables.iter();
            variables.find(|variable| {
                variable.setting.as_deref() == Some(setting) && !is_reserved(&variable.name)
            })
        };
        if let Some(hosts) = of("ALLOWED_HOSTS") {
            let local = format!("{}.localhost,localhost,127.0.0.1", self.app);
            self.local.env.insert(hosts.name.clone(), local);
            if let Some(domain) = self.cloud.as_ref().and_then(Cloud::domain) {
                self.cloud_env.insert(hosts.name.clone(), domain.to_owned());
            }
        }
        // On this machine the front speaks HTTP: a redirect to HTTPS would lead nowhere.
        if let Some(redirect) = of("SECURE_SSL_REDIRECT") {
            self.local.env.insert(redirect.name.clone(), "False".into());
        }
    }

    fn take_secrets(&mut self, findings: &Findings) {
        for variable in &findings.variables {
            let is_key = variable.setting.as_deref() == Some("SECRET_KEY");
            let is_given = self.local.env.contains_key(&variable.name);
            let is_known = is_reserved(&variable.name) || is_given;
            if is_key || variable.required && !is_known {
                self.secret(&variable.name, is_key);
            }
        }
    }

    fn secret(&mut self, name: &str, generate: bool) {
        if !self.secrets.iter().any(|(known, _)| known == name) {
            self.secrets.push((name.to_owned(), generate));
        }
    }

    /// Where the data goes: a volume for SQLite; a server beside the app on this machine.
    fn database(&mut self, tree: &Tree, findings: &Findings) {
        let Some(Seen { value: database, place, .. }) = &findings.database else { return };
        if let Some(file) = &database.sqlite {
            self.keep_sqlite(tree, file, findings);
            match (&database.url, &self.cloud) {
                (Some(url), Some(Cloud::Aws { .. } | Cloud::Azure { .. })) => {
                    self.cloud_database = Some(url.clone());
                }
                (None, Some(Cloud::Aws { .. } | Cloud::Azure { .. })) => {
                    let text = "clouds have no lasting disk: read DATABASE_URL there, e.g. with \
                                dj-database-url, else all data is lost with the container";
                    self.notes.push(Note { place: place.clone(), text: text.into() });
                }
                _ => {}
            }
            return;
        }
        for name in database.url.iter().chain(database.parts.values()) {
            self.secret(name, false);
        }
        let addressed = database.url.is_some() || database.parts.contains_key("HOST");
        match database.server.filter(|_| addressed) {
            Some(engine) => self.serve_database(engine, database),
            None => {
                let text = "the database's address is in the settings: a container reaches no \
                            localhost of yours; read it from the environment";
                if database.url.is_none() {
                    self.notes.push(Note { place: place.clone(), text: text.into() });
                }
            }
        }
    }

    fn serve_database(&mut self, engine: Engine, database: &Database) {
        let accessory = accessory(engine);
        let scheme = match engine {
            Engine::Postgres => "postgres",
            Engine::Postgis => "postgis",
            Engine::Mysql => "mysql",
        };
        let port = accessory.port;
        if let Some(url) = &database.url {
            let address = format!("{scheme}://app:app@{}:{port}/app", accessory.name);
            self.local.env.insert(url.clone(), address);
        }
        for (part, variable) in &database.parts {
            let value = match part.as_str() {
                "HOST" => accessory.name.to_owned(),
                "PORT" => port.to_string(),
                _ => "app".to_owned(),
            };
            self.local.env.insert(variable.clone(), value);
        }
        self.local.accessories.push(accessory);
    }

    /// Redis beside the app, where variables ask for one.
    fn redis(&mut self, findings: &Findings) {
        let uses = findings.packages.has("redis")
            || findings.packages.has("django-redis")
            || findings.packages.has("channels-redis")
            || findings.worker.is_some();
        let names = findings.variables.iter().map(|variable| &variable.name);
        let names: Vec<&String> = names.filter(|name| uses && is_redis(name)).collect();
        if names.is_empty() {
            return;
        }
        for name in names {
            self.secret(name, false);
            self.local.env.insert(name.clone(), "redis://redis:6379/0".into());
        }
        self.local.accessories.push(Accessory {
            name: "redis",
            image: "redis:7",
            port: 6379,
            data: "/data",
            env: BTreeMap::new(),
        });
    }

    /// A file of SQLite among code cannot have its folder replaced by a volume: a link leads from
    /// where the settings look to where the volume is.
    fn keep_sqlite(&mut self, tree: &Tree, file: &str, findings: &Findings) {
        let (folder, name) = split(file);
        let absolute = file.starts_with('/');
        let among_code = !absolute
            && (folder.is_empty()
                || folder == findings.project.value
                || tree.below(folder).any(|path| path.ends_with(".py")));
        if among_code || absolute && folder.is_empty() {
            self.keep("data", "/data".into());
            self.links.push((format!("/data/{name}"), in_image(file)));
        } else {
            self.keep("data", in_image(folder));
        }
    }

    fn keep(&mut self, volume: &'static str, path: String) {
        self.writable.push(path.clone());
        self.volumes.insert(volume, path);
    }

    /// Whether a secret has a value on this machine without anybody giving one.
    pub(super) fn is_given_locally(&self, name: &str) -> bool {
        self.local.env.contains_key(name)
    }
}

fn accessory(engine: Engine) -> Accessory {
    let (image, port, data, prefix) = match engine {
        Engine::Postgres => ("postgres:16", 5432, "/var/lib/postgresql/data", "POSTGRES"),
        Engine::Postgis => ("postgis/postgis:16-3.4", 5432, "/var/lib/postgresql/data", "POSTGRES"),
        Engine::Mysql => ("mysql:8.4", 3306, "/var/lib/mysql", "MYSQL"),
    };
    let env = match prefix {
        "POSTGRES" => BTreeMap::from(
            ["POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_USER"].map(|n| (n, "app")),
        ),
        _ => BTreeMap::from(
            ["MYSQL_DATABASE", "MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "MYSQL_USER"]
                .map(|name| (name, "app")),
        ),
    };
    Accessory { name: "db", image, port, data, env }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_name_or_none() {
        for (written, name) in [
            ("My_Board", "my-board"),
            ("2048-game", "game"),
            ("a__b--c", "a-b-c"),
            ("a-name-that-is-much-longer-than-it-may-be", "a-name-that-is-much-longer-tha"),
            ("ünïcode", "n-code"),
        ] {
            assert_eq!(similar(written), name);
            assert!(AppName::new(similar(written)).is_ok(), "{written}");
        }
    }
}
