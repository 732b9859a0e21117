//! The Dockerfile and .dockerignore. The image has the folders of the repository below `/app`, so
//! that paths between them stay what they are; the packages are in `/venv`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::render;
use crate::{
    error::Result,
    init::{
        decide::{Setup, USER, in_image},
        findings::{Findings, Frontend, Interface, JsManager, Manager, Packages, Server},
        tree::split,
    },
};

const DOCKERFILE: &str = include_str!("../../../templates/init/Dockerfile.j2");
const DOCKERIGNORE: &str = include_str!("../../../templates/init/dockerignore.j2");
/// What is installed where no lock names a version, of 2026-11.
const POETRY: &str = "2.5.1";
const PIPENV: &str = "2026.10.3";

#[derive(Serialize)]
struct Values {
    python: String,
    web: Option<Web>,
    deps: Deps,
    run: Run,
}

/// The stage that builds the React side.
#[derive(Serialize)]
struct Web {
    image: &'static str,
    install_folder: String,
    folder: String,
    is_install_folder: bool,
    setup: String,
    copies: Vec<String>,
    install: &'static str,
    source: String,
    build: &'static str,
    output: String,
}

/// The stage that installs the Python packages.
#[derive(Serialize)]
struct Deps {
    uv: bool,
    venv: bool,
    apt: String,
    folder: String,
    copies: Vec<String>,
    install: String,
    server: String,
    server_name: &'static str,
}

/// The stage that runs.
#[derive(Serialize)]
struct Run {
    apt: String,
    folder: String,
    settings: String,
    source: String,
    #[serde(rename = "static")]
    has_static: bool,
    stand_ins: String,
    owned: String,
    links: Vec<String>,
    user: &'static str,
    port: u16,
    command: String,
}

/// The text of the Dockerfile.
///
/// # Errors
/// The template cannot be rendered, which no input should lead to.
pub fn dockerfile(findings: &Findings, setup: &Setup) -> Result<String> {
    let values = Values {
        python: findings.python.value.clone(),
        web: findings.frontend.as_ref().map(web),
        deps: deps(findings, setup),
        run: run(findings, setup),
    };
    render("Dockerfile", DOCKERFILE, values)
}

/// The text of .dockerignore.
///
/// # Errors
/// The template cannot be rendered, which no input should lead to.
pub fn dockerignore(findings: &Findings) -> Result<String> {
    #[derive(Serialize)]
    struct Ignored {
        ignored: Vec<String>,
    }
    let mut ignored = BTreeSet::new();
    let inside = |path: &String| !path.starts_with('/');
    let roots = [&findings.static_root, &findings.media_root].into_iter().flatten();
    ignored.extend(roots.map(|seen| seen.value.clone()).filter(inside));
    ignored.extend(findings.frontend.iter().map(|frontend| frontend.output.value.clone()));
    let sqlite = findings.database.iter().filter_map(|seen| seen.value.sqlite.clone());
    // Beside it lie the log and the index of its writes.
    ignored.extend(sqlite.filter(inside).map(|file| format!("{file}*")));
    render(".dockerignore", DOCKERIGNORE, Ignored { ignored: ignored.into_iter().collect() })
}

fn web(frontend: &Frontend) -> Web {
    let folder = &frontend.folder.value;
    let (image, install, build) = commands(frontend.manager.value, frontend.lock.is_some());
    // In the root, or in a workspace, what is built may be anywhere.
    let in_root = folder.is_empty() || *folder != frontend.install_folder;
    let source = match in_root {
        true => copy("", ""),
        false => copy(folder, folder),
    };
    Web {
        image,
        install_folder: in_image(&frontend.install_folder),
        folder: in_image(folder),
        is_install_folder: frontend.install_folder == *folder,
        setup: setup(frontend),
        copies: copies(&frontend.files),
        install,
        source,
        build,
        output: in_image(&frontend.output.value),
    }
}

/// Image, installation and build of a package manager.
fn commands(manager: JsManager, locked: bool) -> (&'static str, &'static str, &'static str) {
    const NODE: &str = "node:22-slim";
    const NPM_CI: &str = "--mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund";
    match (manager, locked) {
        (JsManager::Npm, true) => (NODE, NPM_CI, "npm run build"),
        (JsManager::Npm, false) => (
            NODE,
            "--mount=type=cache,target=/root/.npm npm install --no-audit --no-fund",
            "npm run build",
        ),
        (JsManager::Pnpm, _) => (NODE, "pnpm install --frozen-lockfile", "pnpm run build"),
        (JsManager::Yarn, _) => (NODE, "yarn install --frozen-lockfile", "yarn run build"),
        (JsManager::YarnBerry, _) => (NODE, "yarn install --immutable", "yarn run build"),
        (JsManager::Bun, _) => {
            ("oven/bun:1-slim", "bun install --frozen-lockfile", "bun run build")
        }
    }
}

/// How a package manager that is not part of the image comes into it: by npm, since corepack is no
/// part of newer images. `--force`, for older ones have a yarn.
fn setup(frontend: &Frontend) -> String {
    let version = |default: &str| frontend.manager_version.clone().unwrap_or(default.to_owned());
    let package = match frontend.manager.value {
        JsManager::Npm | JsManager::Bun => return String::new(),
        JsManager::Pnpm => format!("pnpm@{}", version("10")),
        JsManager::Yarn => format!("yarn@{}", version("1")),
        JsManager::YarnBerry => format!("@yarnpkg/cli-dist@{}", version("4")),
    };
    format!("RUN npm install --global --force --no-fund {package}")
}

/// Arguments of `COPY` for single files, those of a folder together.
fn copies(files: &[String]) -> Vec<String> {
    let folders: BTreeSet<&str> = files.iter().map(|file| split(file).0).collect();
    let of = |folder: &str| {
        let mut names: Vec<&str> =
            files.iter().filter(|file| split(file).0 == folder).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        format!("{} {}/", names.join(" "), in_image(folder))
    };
    folders.into_iter().map(of).collect()
}

/// Arguments of `COPY` for a folder.
fn copy(from: &str, to: &str) -> String {
    let from = if from.is_empty() { "." } else { from };
    format!("{from} {}", in_image(to))
}

fn deps(findings: &Findings, setup: &Setup) -> Deps {
    let packages = &findings.packages;
    let manager = packages.manager.value;
    let uv = matches!(manager, Manager::Uv | Manager::UvWorkspace | Manager::Pyproject);
    let mut copies = match packages.needs_code {
        true => vec![copy("", "")],
        false => copies(&packages.files),
    };
    if manager == Manager::Pyproject {
        copies.truncate(1);
    }
    let (server, server_name) = match setup.server {
        (server, Some(requirement)) if uv => (
            format!("{UV_CACHE} uv pip install --python /venv \"{requirement}\""),
            server.package(),
        ),
        (server, Some(requirement)) => {
            (format!("{PIP_CACHE} /venv/bin/pip install \"{requirement}\""), server.package())
        }
        (server, None) => (String::new(), server.package()),
    };
    Deps {
        uv,
        venv: !matches!(manager, Manager::Uv | Manager::UvWorkspace),
        apt: findings.system.build.join(" "),
        folder: in_image(&packages.folder),
        copies,
        install: install(packages),
        server,
        server_name,
    }
}

const PIP_CACHE: &str = "--mount=type=cache,target=/root/.cache/pip";
const UV_CACHE: &str = "--mount=type=cache,target=/root/.cache/uv";

/// The command that installs the packages into /venv.
fn install(packages: &Packages) -> String {
    let file = &packages.file;
    let version = |default: &str| packages.version.clone().unwrap_or_else(|| default.to_owned());
    match packages.manager.value {
        Manager::Pip => format!("{PIP_CACHE} pip install -r {file}"),
        Manager::Uv => format!("{UV_CACHE} uv sync --locked --no-dev --no-install-project"),
        Manager::UvWorkspace => {
            let member = packages.member.as_deref().map(|name| format!(" --package {name}"));
            format!("{UV_CACHE} uv sync --locked --no-dev{}", member.unwrap_or_default())
        }
        // It installs into the environment that is active.
        Manager::Poetry => format!(
            "{PIP_CACHE} python -m venv /opt/poetry \\\n    && /opt/poetry/bin/pip install poetry=={} \\\n    && /opt/poetry/bin/poetry install --only main --no-root --no-interaction",
            version(POETRY)
        ),
        Manager::Pipenv => {
            let requirements = match packages.locked {
                true => "/opt/pipenv/bin/pipenv requirements --hash > /tmp/requirements.txt",
                false => {
                    "/opt/pipenv/bin/pipenv lock && /opt/pipenv/bin/pipenv requirements > /tmp/requirements.txt"
                }
            };
            format!(
                "{PIP_CACHE} python -m venv /opt/pipenv \\\n    && /opt/pipenv/bin/pip install pipenv=={PIPENV} \\\n    && {requirements} \\\n    && pip install -r /tmp/requirements.txt"
            )
        }
        Manager::Pyproject => {
            format!("{UV_CACHE} uv pip install --python /venv -r {file}")
        }
    }
}

fn run(findings: &Findings, setup: &Setup) -> Run {
    let project = &findings.project.value;
    // What other folders of the repository have may be on the path of its code.
    let whole = project.is_empty() || findings.packages.needs_code;
    let stand_ins: Vec<String> =
        setup.stand_ins.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let stand_ins = match stand_ins.is_empty() {
        true => String::new(),
        false => format!("{} ", stand_ins.join(" ")),
    };
    Run {
        apt: findings.system.run.join(" "),
        folder: in_image(project),
        settings: setup.env.get("DJANGO_SETTINGS_MODULE").cloned().unwrap_or_default(),
        source: if whole { copy("", "") } else { copy(project, project) },
        has_static: findings.static_root.is_some(),
        stand_ins,
        owned: setup.writable.join(" "),
        links: setup.links.iter().map(|(from, to)| format!("{from} {to}")).collect(),
        user: USER,
        port: setup.port,
        command: command(&findings.interface.value, setup.server.0),
    }
}

/// The server's command line.
fn command(interface: &Interface, server: Server) -> String {
    let (Interface::Asgi(app) | Interface::Wsgi(app)) = interface;
    match server {
        Server::Gunicorn => format!(
            "gunicorn {app} --bind 0.0.0.0:$PORT --threads 4 --keep-alive 75 --graceful-timeout 25 --forwarded-allow-ips '*'"
        ),
        Server::Uvicorn => format!(
            "uvicorn {app} --host 0.0.0.0 --port $PORT --timeout-keep-alive 75 --timeout-graceful-shutdown 25 --forwarded-allow-ips '*'"
        ),
        Server::Daphne => format!("daphne -b 0.0.0.0 -p $PORT --proxy-headers {app}"),
        Server::Hypercorn => {
            format!("hypercorn {app} --bind 0.0.0.0:$PORT --keep-alive 75 --graceful-timeout 25")
        }
    }
}
