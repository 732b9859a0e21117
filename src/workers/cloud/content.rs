//! What the three scripts are made of: the modules of this version of mizan, and what the app adds.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use super::desired::{CloudSpec, Foreseen};
use crate::{
    cloudflare::{AssetEntry, AssetManifest, ModuleKind, ModulePart, asset_hash},
    error::{Context, Error, ErrorKind, Result},
    images::Artifacts,
    workers::{
        data_module,
        generation::{Fingerprint, is_hashed},
        modules::{EDGE, HUB, Module, RENDER},
        policy::{Policy, Whose},
    },
};

/// What the Workers expect of the runtime; the local one is told the same.
/// (<https://developers.cloudflare.com/workers/configuration/compatibility-dates/>)
pub(super) const COMPATIBILITY_DATE: &str = "2026-10-01";
/// The class of the Hub's Durable Object.
pub(super) const HUB_CLASS: &str = "Hub";

/// A Worker that fits is at most this large, compressed, on the Free plan; ten on paid ones.
/// (<https://developers.cloudflare.com/workers/platform/limits/#worker-size>)
const FREE_LIMIT: u64 = 3 << 20;
const PAID_LIMIT: u64 = 10 << 20;
const RAW_LIMIT: u64 = 64 << 20;
/// (<https://developers.cloudflare.com/workers/platform/limits/#static-assets>)
const ASSET_LIMIT: u64 = 25 << 20;
const ASSETS_LIMIT: usize = 20_000;

/// Everything that an app's artifacts give to the Workers.
pub(super) struct Content {
    /// The policy; the release and the files are filled in by [`Content::edge_modules`].
    pub data: Value,
    /// The same in a few words.
    pub summary: BTreeMap<String, String>,
    /// The server bundle; empty without routes.
    pub bundle: Vec<u8>,
    /// The release's own assets: path below the prefix, with a slash before it.
    pub assets: AssetManifest,
}

impl Content {
    /// Reads the artifacts.
    ///
    /// # Errors
    /// The schema is invalid, a file cannot be read or is too large.
    pub fn read(spec: &CloudSpec, artifacts: &Artifacts) -> Result<Self> {
        let whose = Whose { app: &spec.scripts.app, env: &spec.scripts.env };
        let policy = Policy::read(whose, &spec.config, artifacts)?;
        let bundle = match &artifacts.bundle {
            Some(path) => read(path)?,
            None => Vec::new(),
        };
        let folder = artifacts.assets_dir();
        let mut assets = AssetManifest::new();
        for path in &artifacts.assets {
            let content = read(&folder.join(path))?;
            require_asset(path, content.len() as u64)?;
            let entry = AssetEntry { hash: asset_hash(&content, path), size: content.len() as u64 };
            assets.insert(format!("/{path}"), entry);
        }
        require_assets(assets.len())?;
        Ok(Self { data: policy.data, summary: policy.summary, bundle, assets })
    }

    /// The Edge's modules, serving these assets.
    pub fn edge_modules(&self, release: &str, assets: &AssetManifest) -> Vec<ModulePart> {
        let mut data = self.data.clone();
        data["release"] = release.into();
        let files: Vec<Value> =
            assets.keys().map(|path| path.trim_start_matches('/').into()).collect();
        if let Some(served) = data.get_mut("assets").and_then(Value::as_object_mut) {
            served.insert("files".into(), files.into());
        }
        let own = text_module(data_module::NAME, data_module::text(&data));
        scripts(EDGE).chain([own]).collect()
    }

    /// Render's modules.
    pub fn render_modules(&self) -> Vec<ModulePart> {
        let bundle = ModulePart {
            name: "bundle.js".to_owned(),
            content: Bytes::from(self.bundle.clone()),
            kind: ModuleKind::EsModule,
        };
        scripts(RENDER).chain([bundle]).collect()
    }

    /// Equal hashes, equal Render.
    pub fn render_hash(&self) -> String {
        let mut hash = Fingerprint::default();
        add_modules(&mut hash, &self.render_modules());
        hash.finish()
    }

    /// What a plan can say before anything is uploaded.
    pub fn foresee(&self) -> Foreseen {
        let edge = self.edge_modules("r0", &self.assets);
        let size = self.assets.values().map(|asset| asset.size).sum();
        let mut edge_fields = self.summary.clone();
        edge_fields.insert("size".to_owned(), sizes(&edge));
        if !self.assets.is_empty() {
            let text = format!("{} files, {}", self.assets.len(), amount(size));
            edge_fields.insert("assets".to_owned(), text);
        }
        let render = self.render_modules();
        Foreseen {
            render: Some(self.render_hash()),
            edge_fields,
            render_fields: BTreeMap::from([("size".to_owned(), sizes(&render))]),
        }
    }

    /// The release's own assets, and the hashed ones of earlier releases: pages that are open in a
    /// browser still ask for them.
    pub fn served_assets<'a>(
        &self,
        earlier: impl IntoIterator<Item = &'a AssetManifest>,
    ) -> AssetManifest {
        let mut served = self.assets.clone();
        if self.assets.is_empty() {
            return served;
        }
        for manifest in earlier {
            for (path, asset) in manifest.iter().filter(|(path, _)| is_hashed(path)) {
                if served.len() >= ASSETS_LIMIT {
                    return served;
                }
                served.entry(path.clone()).or_insert_with(|| asset.clone());
            }
        }
        served
    }
}

/// The Hub's modules.
pub(super) fn hub_modules() -> Vec<ModulePart> {
    scripts(HUB).collect()
}

/// The hash of all scripts of this version of mizan.
pub(super) fn code_hash() -> String {
    let mut hash = Fingerprint::default();
    for module in [HUB, EDGE, RENDER].concat() {
        hash.add(module.path, module.source.as_bytes());
    }
    hash.add("compatibility date", COMPATIBILITY_DATE.as_bytes());
    hash.finish()
}

/// What an upload is known by.
pub(super) fn upload_hash(modules: &[ModulePart], more: &[(&str, &str)]) -> String {
    let mut hash = Fingerprint::default();
    add_modules(&mut hash, modules);
    for (name, value) in more {
        hash.add(name, value.as_bytes());
    }
    hash.finish().chars().take(16).collect()
}

/// Refuses what Cloudflare would refuse after the upload.
///
/// # Errors
/// The Worker is larger than any plan allows.
pub(super) fn require_size(what: &str, modules: &[ModulePart]) -> Result<()> {
    let (raw, packed) = (raw_size(modules), packed_size(modules));
    let (is, limit) = match (raw > RAW_LIMIT, packed > PAID_LIMIT) {
        (true, _) => (format!("{} uncompressed", amount(raw)), "64 MiB uncompressed"),
        (_, true) => (format!("{} compressed", amount(packed)), "10 MiB compressed"),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, format!("{what} is too large for a Worker"))
        .cause(format!("it has {is}; Cloudflare takes {limit}"))
        .hint("make the server bundle smaller: leave source maps, fonts and images out of it"))
}

fn sizes(modules: &[ModulePart]) -> String {
    let (raw, packed) = (raw_size(modules), packed_size(modules));
    let note = if packed > FREE_LIMIT { ", too large for the Free plan" } else { "" };
    format!("{}, {} gzipped{note}", amount(raw), amount(packed))
}

fn raw_size(modules: &[ModulePart]) -> u64 {
    modules.iter().map(|module| module.content.len() as u64).sum()
}

fn packed_size(modules: &[ModulePart]) -> u64 {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for module in modules {
        // Writing to memory does not fail.
        let _ = encoder.write_all(&module.content);
    }
    encoder.finish().map_or(0, |packed| packed.len() as u64)
}

fn amount(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{} KiB", bytes.div_ceil(KIB)),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

fn require_asset(path: &str, size: u64) -> Result<()> {
    if size <= ASSET_LIMIT {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("the asset {path} is too large"))
        .cause(format!("it has {}; Cloudflare takes 25 MiB", amount(size)))
        .hint("serve it from object storage"))
}

fn require_assets(count: usize) -> Result<()> {
    if count <= ASSETS_LIMIT {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("there are {count} static assets"))
        .cause("Cloudflare takes 20,000 in one Worker")
        .hint("serve rarely used ones from the app or from object storage"))
}

fn scripts(modules: &'static [Module]) -> impl Iterator<Item = ModulePart> {
    modules.iter().map(|module| text_module(module.path, module.source.to_owned()))
}

fn text_module(name: &str, text: String) -> ModulePart {
    ModulePart { name: name.to_owned(), content: Bytes::from(text), kind: ModuleKind::EsModule }
}

fn add_modules(hash: &mut Fingerprint, modules: &[ModulePart]) {
    for module in modules {
        hash.add(&module.name, &module.content);
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).context(ErrorKind::Failed, || format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asset(hash: &str) -> AssetEntry {
        AssetEntry { hash: hash.to_owned(), size: 1 }
    }

    fn content(assets: &[(&str, &str)]) -> Content {
        Content {
            data: json!({"v": 1, "release": "", "assets": {"prefix": "/static/", "files": []}}),
            summary: BTreeMap::new(),
            bundle: b"export const mizanBundle = 1;".to_vec(),
            assets: assets.iter().map(|(path, hash)| ((*path).to_owned(), asset(hash))).collect(),
        }
    }

    #[test]
    fn hashed_assets_of_earlier_releases_stay_and_the_own_ones_win() {
        let now = content(&[("/app-bbbbbbbb.js", "new"), ("/logo.svg", "new")]);
        let before =
            content(&[("/app-aaaaaaaa.js", "old"), ("/logo.svg", "old"), ("/x.js", "old")]);
        let served = now.served_assets([&before.assets]);
        let served: Vec<_> =
            served.iter().map(|(path, asset)| (path.as_str(), asset.hash.as_str())).collect();
        assert_eq!(
            served,
            [("/app-aaaaaaaa.js", "old"), ("/app-bbbbbbbb.js", "new"), ("/logo.svg", "new")]
        );
    }

    #[test]
    fn the_edge_is_told_its_release_and_its_files() {
        let content = content(&[("/a.js", "1")]);
        let modules = content.edge_modules("r7", &content.assets);
        let data = modules.iter().find(|module| module.name == "mizan-data.js").unwrap();
        let text = String::from_utf8(data.content.to_vec()).unwrap();
        assert!(text.contains(r#"\"release\":\"r7\""#) && text.contains(r#"[\"a.js\"]"#), "{text}");
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_sent() {
        // Random enough not to be compressed (xorshift64).
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut noise = Vec::with_capacity(11 << 20);
        while noise.len() < 11 << 20 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            noise.extend_from_slice(&state.to_le_bytes());
        }
        let large = Content { bundle: noise, ..content(&[]) };
        let error = require_size("render", &large.render_modules()).unwrap_err();
        assert_eq!(error.message, "render is too large for a Worker");
        assert!(require_size("render", &content(&[]).render_modules()).is_ok());
    }

    #[test]
    fn the_local_workers_run_under_the_same_compatibility_date() {
        for config in
            crate::workers::modules::LOCAL_RELEASE.iter().chain(crate::workers::modules::LOCAL_HUB)
        {
            let dates = config.source.matches("compatibilityDate").count();
            let same = format!("compatibilityDate = \"{COMPATIBILITY_DATE}\"");
            assert_eq!(config.source.matches(&same).count(), dates, "{}", config.path);
        }
    }
}
