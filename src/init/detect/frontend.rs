//! The React side: where its package.json is, what builds it, where the build goes.

use serde_json::Value;

use super::{Hints, Stop, line_with, one_of};
use crate::{
    error::{Error, ErrorKind, Result},
    init::{
        findings::{Bundler, Frontend, JsManager, Note, Place, Seen},
        python::{Token, statements},
        tree::{Tree, clean, join, split, upwards},
    },
};

/// Lock files, and what made them.
const LOCKS: [(&str, JsManager); 6] = [
    ("package-lock.json", JsManager::Npm),
    ("npm-shrinkwrap.json", JsManager::Npm),
    ("pnpm-lock.yaml", JsManager::Pnpm),
    ("yarn.lock", JsManager::Yarn),
    ("bun.lock", JsManager::Bun),
    ("bun.lockb", JsManager::Bun),
];

/// A package.json that can be built.
struct Package {
    folder: String,
    json: Value,
    line: usize,
    bundler: Option<Bundler>,
}

/// The React side, unless there is none.
pub(super) fn find(
    tree: &Tree,
    project: &str,
    hints: &Hints,
    notes: &mut Vec<Note>,
) -> Result<Option<Frontend>, Stop> {
    if hints.no_frontend {
        return Ok(None);
    }
    let packages = buildable(tree, hints, notes)?;
    let folders: Vec<String> = packages.iter().map(|package| shown(&package.folder)).collect();
    let chosen = one_of(folders, "Which frontend", "--frontend", |hints, folder| {
        hints.frontend = Some(folder);
    })?;
    let package = packages.into_iter().find(|package| Some(shown(&package.folder)) == chosen);
    let Some(package) = package else { return Ok(None) };
    Ok(Some(describe(tree, project, package, hints)?))
}

fn shown(folder: &str) -> String {
    if folder.is_empty() { ".".to_owned() } else { folder.to_owned() }
}

fn buildable(tree: &Tree, hints: &Hints, notes: &mut Vec<Note>) -> Result<Vec<Package>> {
    let said = hints.frontend.as_deref().map(|folder| clean(folder).unwrap_or_default());
    let mut found = Vec::new();
    for path in tree.named("package.json") {
        let folder = split(path).0;
        if said.as_ref().is_some_and(|said| said != folder) {
            continue;
        }
        let text = tree.utf8(path)?;
        let json: Value = serde_json::from_str(&text).map_err(|error| {
            let message = format!("{path}:{}:{}: no valid JSON", error.line(), error.column());
            Error::new(ErrorKind::Invalid, message).because(&error)
        })?;
        if has(&json, "next") {
            notes.push(Note {
                place: Some(Place { file: path.into(), line: line_with(&text, "\"next\"") }),
                text: "Next.js is a server of its own, which mizan does not run: it is left out"
                    .into(),
            });
            continue;
        }
        let Some(script) = json["scripts"]["build"].as_str() else { continue };
        let bundler = bundler(&json, script, hints);
        if bundler.is_none() && said.is_none() {
            notes.push(Note {
                place: Some(Place { file: path.into(), line: line_with(&text, "\"build\"") }),
                text: "where this build goes is not known, so the image is made without it: \
                       --frontend-output names the folder"
                    .into(),
            });
            continue;
        }
        let line = line_with(&text, "\"build\"").unwrap_or(1);
        found.push(Package { folder: folder.to_owned(), json, line, bundler });
    }
    match (&said, found.is_empty()) {
        (Some(_), true) => {
            let said = hints.frontend.as_deref().unwrap_or_default();
            let message = format!("{said} has no package.json with a `build` script");
            Err(Error::new(ErrorKind::Usage, message)
                .hint("--frontend names the folder of package.json; --no-frontend builds none"))
        }
        _ => Ok(found),
    }
}

fn bundler(json: &Value, script: &str, hints: &Hints) -> Option<Bundler> {
    let scripts = script.contains("react-scripts");
    match (has(json, "vite") || script.contains("vite"), scripts, &hints.frontend_output) {
        (true, _, _) => Some(Bundler::Vite),
        (_, true, _) => Some(Bundler::ReactScripts),
        (_, _, Some(_)) => Some(Bundler::Other),
        _ => None,
    }
}

fn has(json: &Value, package: &str) -> bool {
    ["dependencies", "devDependencies"].iter().any(|table| json[table].get(package).is_some())
}

fn describe(tree: &Tree, project: &str, package: Package, hints: &Hints) -> Result<Frontend> {
    let Package { folder, json, line, bundler } = package;
    let bundler = bundler.unwrap_or(Bundler::Other);
    let path = join(&folder, "package.json");
    let output = output(tree, project, &folder, bundler, hints)?;
    let (install_folder, lock, manager) = lock(tree, &folder);
    let is_workspace = install_folder != folder;
    let manifests = tree.named("package.json").filter(|path| match is_workspace {
        // Installing a workspace takes the manifests of all its members.
        true => tree_below(path, &install_folder),
        false => **path == path_of(&folder),
    });
    let mut files: Vec<String> = manifests.map(str::to_owned).collect();
    files.extend(lock.clone());
    let settings = [".npmrc", ".yarnrc.yml", "pnpm-workspace.yaml", "bunfig.toml"];
    let settings = settings.iter().map(|name| join(&install_folder, name));
    files.extend(settings.filter(|path| tree.has(path)));
    Ok(Frontend {
        folder: Seen::at(folder, Place::at(&path, line), "a `build` script"),
        bundler,
        manager_version: manager_version(tree, &json, &install_folder),
        manager,
        install_folder,
        lock,
        files,
        output,
        react: has(&json, "react"),
    })
}

fn path_of(folder: &str) -> String {
    join(folder, "package.json")
}

fn tree_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.starts_with(&format!("{folder}/"))
}

/// The lock beside package.json or above it.
fn lock(tree: &Tree, folder: &str) -> (String, Option<String>, Seen<JsManager>) {
    for above in upwards(folder) {
        for (name, manager) in LOCKS {
            let path = join(above, name);
            if tree.has(&path) {
                let manager = match manager {
                    JsManager::Yarn if is_berry(tree, above, &path) => JsManager::YarnBerry,
                    manager => manager,
                };
                let seen = Seen::at(manager, Place::of(&path), "its lock file");
                return (above.to_owned(), Some(path), seen);
            }
        }
    }
    (folder.to_owned(), None, Seen::assumed(JsManager::Npm, "there is no lock file"))
}

/// The version of `packageManager` (`pnpm@10.11.0+sha512…`), here or where the lock is.
fn manager_version(tree: &Tree, json: &Value, install_folder: &str) -> Option<String> {
    let above = || serde_json::from_str::<Value>(&tree.utf8(&path_of(install_folder)).ok()?).ok();
    let said = json["packageManager"].as_str().map(str::to_owned);
    let said = said.or_else(|| above()?["packageManager"].as_str().map(str::to_owned))?;
    let version = said.split_once('@')?.1.split('+').next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    (!version.is_empty() && version.chars().all(fits)).then(|| version.to_owned())
}

fn is_berry(tree: &Tree, folder: &str, lock: &str) -> bool {
    tree.has(&join(folder, ".yarnrc.yml"))
        || tree.text(lock).is_ok_and(|text| text.lines().take(8).any(|line| line == "__metadata:"))
}

/// Where the build goes: what was said, what the bundler's configuration says, its default.
fn output(
    tree: &Tree,
    project: &str,
    folder: &str,
    bundler: Bundler,
    hints: &Hints,
) -> Result<Seen<String>> {
    let outside = |written: &str| {
        Error::new(ErrorKind::Invalid, format!("the build goes to {written}, which is outside"))
            .hint("--frontend-output names a folder of the repository")
    };
    if let Some(said) = &hints.frontend_output {
        let path = clean(said).ok_or_else(|| outside(said))?;
        return Ok(Seen::assumed(path, "--frontend-output"));
    }
    let default = if bundler == Bundler::ReactScripts { "build" } else { "dist" };
    let configs = ["ts", "js", "mts", "mjs", "cts", "cjs"].map(|end| format!("vite.config.{end}"));
    let config = configs.iter().map(|name| join(folder, name)).find(|path| tree.has(path));
    if let (Bundler::Vite, Some(config)) = (bundler, config)
        && let Some((written, line)) = out_dir(&tree.text(&config)?)
    {
        let root = [folder, project].into_iter();
        let absolute = written.starts_with('/');
        let path = root.filter(|_| !absolute).find_map(|from| clean(&join(from, &written)));
        let path = path.filter(|path| !path.is_empty()).ok_or_else(|| outside(&written))?;
        return Ok(Seen::at(path, Place::at(&config, line), "outDir"));
    }
    Ok(Seen::assumed(join(folder, default), "the bundler's default"))
}

/// `outDir: "…"` of a configuration of Vite, also `resolve(__dirname, "…")`. The scanner for Python
/// does for this: names, strings and brackets are alike.
fn out_dir(text: &str) -> Option<(String, usize)> {
    // JavaScript's comments would be read as divisions, its template strings as operators.
    let plain: Vec<&str> = text
        .lines()
        .map(|line| {
            line.find("//").filter(|at| !line[..*at].ends_with(':')).map_or(line, |at| &line[..at])
        })
        .collect();
    let plain = plain.join("\n").replace('`', "\"").replace('#', " ");
    for statement in statements(&plain) {
        let tokens = &statement.tokens;
        for (at, token) in tokens.iter().enumerate() {
            let is_key = token.is_name("outDir") || token.str() == Some("outDir");
            if !is_key || !tokens.get(at + 1).is_some_and(|token| token.is(':')) {
                continue;
            }
            let parts: Vec<&str> = value(&tokens[at + 2..]).filter_map(Token::str).collect();
            if !parts.is_empty() {
                return Some((parts.join("/"), statement.lines[at]));
            }
        }
    }
    None
}

/// The tokens of a value, up to the comma that ends it.
fn value(tokens: &[Token]) -> impl Iterator<Item = &Token> {
    let mut depth = 0_i32;
    tokens.iter().take_while(move |token| {
        match token {
            Token::Op('(' | '[' | '{') => depth += 1,
            Token::Op(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        depth >= 0 && !(depth == 0 && token.is(','))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_vite_is_read_from_its_configuration() {
        let of = |text: &str| out_dir(text).map(|(path, _)| path);
        let config = "export default defineConfig({\n  // outDir: 'no',\n  build: {\n    manifest: true,\n    outDir: '../static/dist',\n  },\n})\n";
        assert_eq!(out_dir(config), Some(("../static/dist".into(), 5)));
        assert_eq!(
            of("x = {outDir: resolve(__dirname, './dist'), a: 'b'}").as_deref(),
            Some("./dist")
        );
        assert_eq!(of("x = {outDir: `out`}").as_deref(), Some("out"));
        assert_eq!(of("x = {outDir: somewhere}"), None);
        assert_eq!(of("base: 'https://x', build: {}"), None);
    }
}
