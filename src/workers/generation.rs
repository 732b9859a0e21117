//! A generation: the folder with everything that one release's Edge and Render run from.
//!
//! It is complete before it gets its name, so whoever finds it may start it. What the folder
//! means for a plan is in [`Hashes`]: they ignore what differs between two deploys of the same
//! app (release, origin), so an unchanged app has unchanged hashes.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    data_module, files,
    modules::{EDGE, LOCAL_RELEASE, Module, RENDER},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    scratch::Scratch,
    secret::SecretValue,
};

/// The manifest's name inside the folder.
const MANIFEST: &str = "generation.json";
const ASSETS: &str = "assets";
/// Where the Edge's key for purges lies; no part of the manifest, which others may read.
const PURGE_KEY: &str = "purge.key";

/// What Edge and Render are made of, besides the scripts of this tool.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The policy that the schema gives: the object that `mizan-data.js` exports. `release` and
    /// `assets.files` are filled in here.
    pub data: &'a Value,
    /// The app's server bundle; absent without routes.
    pub bundle: Option<&'a Path>,
    /// The folder with the app's static assets.
    pub assets: Option<&'a Path>,
}

/// What one release adds.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Its id: part of every cache key.
    pub id: &'a str,
    /// The base URL of its container, e.g. `http://127.0.0.1:49153`.
    pub origin: &'a str,
    /// The URL that visitors use.
    pub public_url: &'a str,
    /// The folders of earlier generations, newest first: pages that are open in a browser still
    /// ask for their assets.
    pub previous: &'a [PathBuf],
    /// The key by which the Edge knows who may purge, if anybody may.
    pub purge_key: Option<&'a SecretValue>,
}

/// What a plan compares: equal hashes, equal behaviour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// The Edge: its scripts, the policy and the static assets.
    pub edge: String,
    /// Render: its scripts and the app's bundle.
    pub render: String,
}

/// What a generation says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The release it belongs to.
    pub release: String,
    /// The base URL of its container.
    pub origin: String,
    /// The URL that visitors use.
    pub public_url: String,
    /// What it is made of.
    pub hashes: Hashes,
    /// Its own static assets: path to SHA-256; those of earlier releases are not listed.
    pub assets: BTreeMap<String, String>,
    /// A hash of the key for purges: it tells that the key is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_key: Option<String>,
}

impl Manifest {
    /// Reads the manifest of a generation; `None` if the folder is none.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        files::read_json(&folder.join(MANIFEST))
    }
}

/// The hashes that a generation with this content would have.
pub fn hashes(content: Content<'_>) -> Result<Hashes> {
    Ok(hashes_with(content.data, &bundle(content)?, &own_assets(content)?))
}

/// Writes a generation. A folder with the same content stays untouched, another one is replaced.
pub fn write(folder: &Path, content: Content<'_>, release: Release<'_>) -> Result<Manifest> {
    let bundle = bundle(content)?;
    let assets = own_assets(content)?;
    let manifest = Manifest {
        release: release.id.to_owned(),
        origin: release.origin.to_owned(),
        public_url: release.public_url.to_owned(),
        hashes: hashes_with(content.data, &bundle, &assets),
        assets,
        purge_key: release.purge_key.map(|key| files::hex(&Sha256::digest(key.expose()))),
    };
    if Manifest::read(folder).is_ok_and(|found| found.as_ref() == Some(&manifest)) {
        return Ok(manifest);
    }
    let failed = || format!("cannot write the generation {}", folder.display());
    let parent = folder.parent().ok_or_else(|| Error::failed(failed()))?;
    fs::create_dir_all(parent).context(ErrorKind::Failed, failed)?;
    let scratch = Scratch::new_in(parent).context(ErrorKind::Failed, failed)?;
    fill(scratch.path(), content, release, &bundle).context(ErrorKind::Failed, failed)?;
    files::write_json(&scratch.path().join(MANIFEST), &manifest)?;
    replace(folder, scratch).context(ErrorKind::Failed, failed)?;
    Ok(manifest)
}

/// Writes scripts below a folder, each at its own path.
pub(super) fn write_modules(folder: &Path, modules: &[Module]) -> io::Result<()> {
    for module in modules {
        write_below(folder, module.path, module.source.as_bytes())?;
    }
    Ok(())
}

fn write_below(folder: &Path, path: &str, content: &[u8]) -> io::Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)
}

fn bundle(content: Content<'_>) -> Result<Vec<u8>> {
    let Some(path) = content.bundle else { return Ok(Vec::new()) };
    fs::read(path)
        .context(ErrorKind::Failed, || format!("cannot read the server bundle {}", path.display()))
}

fn fill(
    folder: &Path,
    content: Content<'_>,
    release: Release<'_>,
    bundle: &[u8],
) -> io::Result<()> {
    for modules in [EDGE, RENDER, LOCAL_RELEASE] {
        write_modules(folder, modules)?;
    }
    fs::write(folder.join("bundle.js"), bundle)?;
    let served = link_assets(&folder.join(ASSETS), content.assets, release.previous)?;
    let mut data = content.data.clone();
    data["release"] = release.id.into();
    if let Some(assets) = data.get_mut("assets").and_then(Value::as_object_mut) {
        assets.insert("files".into(), served.into());
    }
    fs::write(folder.join(data_module::NAME), data_module::text(&data))?;
    match release.purge_key {
        Some(key) => write_private(&folder.join(PURGE_KEY), key.expose()),
        None => Ok(()),
    }
}

/// A new file that its owner alone can read.
fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)?.write_all(content.as_bytes())
}

/// The key by which the Edge of a generation knows who may purge, if it has one.
///
/// # Errors
/// The file cannot be read.
pub fn purge_key(folder: &Path) -> Result<Option<SecretValue>> {
    let path = folder.join(PURGE_KEY);
    match fs::read_to_string(&path) {
        Ok(key) => Ok(Some(SecretValue::new(key))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::failed(format!("cannot read {}", path.display())).because(&error)),
    }
}

/// A folder cannot be renamed onto another one: the old one steps aside first.
fn replace(folder: &Path, new: Scratch) -> io::Result<()> {
    let aside = new.path().with_extension("old");
    match fs::rename(folder, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => new.rename(folder)?,
    }
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The release's own assets and the hashed ones of earlier releases; the paths that are served.
fn link_assets(target: &Path, own: Option<&Path>, previous: &[PathBuf]) -> io::Result<Vec<String>> {
    fs::create_dir_all(target)?;
    let mut served = BTreeMap::new();
    if let Some(own) = own {
        for path in asset_paths(own)? {
            served.insert(path.clone(), own.join(path));
        }
        for generation in previous {
            // A generation that is gone, or was never finished, has nothing to keep.
            let Ok(Some(manifest)) = Manifest::read(generation) else { continue };
            for path in manifest.assets.into_keys().filter(|path| is_hashed(path)) {
                let file = generation.join(ASSETS).join(&path);
                served.entry(path).or_insert(file);
            }
        }
    }
    for (path, file) in &served {
        link_or_copy(file, &target.join(path))?;
    }
    Ok(served.into_keys().collect())
}

fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    // Other file system, or one without hard links: a copy does as well.
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

fn own_assets(content: Content<'_>) -> Result<BTreeMap<String, String>> {
    let Some(folder) = content.assets else { return Ok(BTreeMap::new()) };
    let hash = |path: String| {
        let hash = files::hex(&Sha256::digest(fs::read(folder.join(&path))?));
        Ok((path, hash))
    };
    asset_paths(folder)
        .and_then(|paths| paths.into_iter().map(hash).collect())
        .context(ErrorKind::Failed, || format!("cannot read the assets in {}", folder.display()))
}

/// Regular files, sorted, with `/` between folders. Links, dotfiles and source maps stay out: they
/// are how sources and secrets reach the public by accident.
fn asset_paths(root: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type()?;
            if name.starts_with('.') || name.ends_with(".map") {
                continue;
            } else if kind.is_dir() {
                folders.push((entry.path(), format!("{prefix}{name}/")));
            } else if kind.is_file() {
                paths.push(format!("{prefix}{name}"));
            }
        }
    }
    paths.sort();
    Ok(paths)
}

/// Whether the name holds a hash, as Vite writes them: `name-<8 or more of [A-Za-z0-9_-]>.ext`.
/// A name that only looks so keeps an old file reachable, which does no harm.
pub(super) fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, _extension)) = name.rsplit_once('.') else { return false };
    let hash_like = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    stem.char_indices().any(|(at, c)| {
        let (name, hash) = (&stem[..at], &stem[at..]);
        c == '-' && !name.is_empty() && hash.len() > 8 && hash.chars().all(hash_like)
    })
}

fn hashes_with(data: &Value, bundle: &[u8], assets: &BTreeMap<String, String>) -> Hashes {
    let mut edge = Fingerprint::default();
    for module in [EDGE, LOCAL_RELEASE].concat() {
        edge.add(module.path, module.source.as_bytes());
    }
    edge.add(data_module::NAME, without_release(data).to_string().as_bytes());
    for (path, hash) in assets {
        edge.add(path, hash.as_bytes());
    }
    let mut render = Fingerprint::default();
    for module in RENDER {
        render.add(module.path, module.source.as_bytes());
    }
    render.add("bundle.js", bundle);
    Hashes { edge: edge.finish(), render: render.finish() }
}

/// What is filled in for a release is no part of what the app is.
fn without_release(data: &Value) -> Value {
    let mut data = data.clone();
    if let Some(object) = data.as_object_mut() {
        object.remove("release");
    }
    if let Some(assets) = data.get_mut("assets").and_then(Value::as_object_mut) {
        assets.remove("files");
    }
    data
}

/// A hash over named parts; lengths keep two lists from reading the same.
#[derive(Default)]
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    pub fn add(&mut self, name: &str, content: &[u8]) {
        for part in [name.as_bytes(), content] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    pub fn finish(self) -> String {
        files::hex(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data() -> Value {
        json!({"v": 1, "app": "board", "release": "", "assets": {"prefix": "/static/", "files": []}})
    }

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write_below(folder.path(), path, text.as_bytes()).unwrap();
        }
        folder
    }

    fn release<'a>(id: &'a str, previous: &'a [PathBuf]) -> Release<'a> {
        Release {
            id,
            origin: "http://127.0.0.1:1",
            public_url: "http://b.localhost:2",
            previous,
            purge_key: None,
        }
    }

    fn written_data(folder: &Path) -> Value {
        data_module::read(folder).unwrap().unwrap()
    }

    #[test]
    fn hashed_assets_of_earlier_releases_stay_and_the_current_one_wins() {
        let generations = tempfile::tempdir().unwrap();
        let at = |name: &str| generations.path().join(name);
        let data = data();
        let old =
            folder_with(&[("app-aaaaaaaa.js", "old"), ("logo.svg", "old"), ("x-SAMEHASH.js", "1")]);
        let new =
            folder_with(&[("app-bbbbbbbb.js", "new"), ("logo.svg", "new"), ("x-SAMEHASH.js", "2")]);
        let content = |folder| Content { data: &data, bundle: None, assets: Some(folder) };
        write(&at("r1"), content(old.path()), release("r1", &[])).unwrap();
        write(&at("r2"), content(new.path()), release("r2", &[at("r1")])).unwrap();

        let text = |path: &str| fs::read_to_string(at("r2").join("assets").join(path)).unwrap();
        assert_eq!(text("app-aaaaaaaa.js"), "old");
        assert_eq!(text("logo.svg"), "new");
        assert_eq!(text("x-SAMEHASH.js"), "2");
        let files = &written_data(&at("r2"))["assets"]["files"];
        assert_eq!(
            *files,
            json!(["app-aaaaaaaa.js", "app-bbbbbbbb.js", "logo.svg", "x-SAMEHASH.js"])
        );

        // r3 keeps r2's own assets, not those that r2 had kept: the set does not grow for ever.
        write(&at("r3"), content(new.path()), release("r3", &[at("r2")])).unwrap();
        assert!(!at("r3").join("assets/app-aaaaaaaa.js").exists());
    }

    #[test]
    fn only_public_regular_files_are_assets() {
        let folder =
            folder_with(&[("a/b.js", ""), (".env", ""), ("a/.git/x", ""), ("a/b.js.map", "")]);
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link.txt")).unwrap();
        assert_eq!(asset_paths(folder.path()).unwrap(), ["a/b.js"]);
    }

    #[test]
    fn hashes_ignore_the_release_and_notice_everything_else() {
        let assets = folder_with(&[("a.js", "1")]);
        let data = data();
        let content = Content { data: &data, bundle: None, assets: Some(assets.path()) };
        let generations = tempfile::tempdir().unwrap();
        let first = write(&generations.path().join("r1"), content, release("r1", &[])).unwrap();
        assert_eq!(first.hashes, hashes(content).unwrap());

        fs::write(assets.path().join("a.js"), "2").unwrap();
        let changed = hashes(content).unwrap();
        assert_ne!(changed.edge, first.hashes.edge);
        assert_eq!(changed.render, first.hashes.render);

        let bundle = assets.path().join("bundle");
        fs::write(&bundle, "export const mizanBundle = 1").unwrap();
        let with_bundle = hashes(Content { bundle: Some(&bundle), ..content }).unwrap();
        assert_ne!(with_bundle.render, changed.render);
    }

    #[test]
    fn a_folder_with_other_content_is_replaced_whole() {
        let generations = tempfile::tempdir().unwrap();
        let folder = generations.path().join("r1");
        let data = data();
        let content = Content { data: &data, bundle: None, assets: None };
        write(&folder, content, release("r1", &[])).unwrap();
        fs::write(folder.join("leftover.js"), "").unwrap();
        write(&folder, content, release("r1", &[])).unwrap();
        assert!(folder.join("leftover.js").exists(), "the same generation is not written again");
        let moved = Release { origin: "http://127.0.0.1:9", ..release("r1", &[]) };
        write(&folder, content, moved).unwrap();
        assert!(!folder.join("leftover.js").exists());
        let entries = fs::read_dir(generations.path()).unwrap().flatten();
        let left: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| name == "r1" || name == ".lock"), "{left:?}");
    }

    #[test]
    fn the_key_for_purges_is_its_owners_alone_and_another_one_is_another_generation() {
        use std::os::unix::fs::PermissionsExt as _;
        let generations = tempfile::tempdir().unwrap();
        let folder = generations.path().join("r1");
        let data = data();
        let content = Content { data: &data, bundle: None, assets: None };
        let with = |key: Option<&str>| {
            let key = key.map(|key| SecretValue::new(key.to_owned()));
            let release = Release { purge_key: key.as_ref(), ..release("r1", &[]) };
            write(&folder, content, release).unwrap()
        };
        let first = with(Some("one"));
        assert_eq!(purge_key(&folder).unwrap().unwrap().expose(), "one");
        let mode = fs::metadata(folder.join(PURGE_KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let manifest = fs::read_to_string(folder.join(MANIFEST)).unwrap();
        assert!(!manifest.contains("\"one\""), "{manifest}");
        assert_ne!(with(Some("two")), first);
        assert_eq!(purge_key(&folder).unwrap().unwrap().expose(), "two");
        with(None);
        assert!(purge_key(&folder).unwrap().is_none());
    }

    #[test]
    fn names_with_a_hash_are_recognised() {
        for name in ["a/index-8f3aB_-0.css", "entry-client-8f3a1b2c.js", "my-component.js"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in ["index.js", "-8f3a1b2c.js", "entry-client.js", "a-8f3a1b2c", "a-8f3a1b2.js"] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
