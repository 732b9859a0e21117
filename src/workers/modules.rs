//! The scripts of `templates/`, as they are: valid, linted JavaScript that nothing is spliced into.

/// One file of `templates/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its path below `templates/`, which is also its module name in a Worker.
    pub path: &'static str,
    /// Its text.
    pub source: &'static str,
}

macro_rules! embed {
    ($($path:literal),* $(,)?) => {
        &[$(Module { path: $path, source: include_str!(concat!("../../templates/", $path)) }),*]
    };
}

/// The Worker with the Durable Object that orders invalidations.
pub const HUB: &[Module] = embed!["hub.js", "hub/journal.js",];

/// The Worker that takes the requests; it also needs the generated `mizan-data.js`.
pub const EDGE: &[Module] = embed![
    "edge.js",
    "edge/assets.js",
    "edge/body.js",
    "edge/cache-control.js",
    "edge/call.js",
    "edge/contexts.js",
    "edge/headers.js",
    "edge/hmac.js",
    "edge/hub-client.js",
    "edge/invalidate.js",
    "edge/linger.js",
    "edge/log.js",
    "edge/log-copy.js",
    "edge/mutation.js",
    "edge/origin.js",
    "edge/page-contexts.js",
    "edge/page-redirect.js",
    "edge/page-store.js",
    "edge/pages.js",
    "edge/params.js",
    "edge/partition.js",
    "edge/policy.js",
    "edge/ready.js",
    "edge/render.js",
    "edge/signature.js",
    "edge/store.js",
    "edge/token.js",
    "edge/upload.js",
];

/// The Worker that renders pages; it also needs the app's `bundle.js`.
pub const RENDER: &[Module] = embed!["render.js", "render/html.js", "render/unsteady.js",];

/// How a local workerd runs the Hub.
pub const LOCAL_HUB: &[Module] = embed!["local/hub.capnp",];

/// How a local workerd runs Edge and Render, and the cache that it lacks.
pub const LOCAL_RELEASE: &[Module] = embed!["local/cache.js", "local/release.capnp",];

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        let below = folders
            .into_iter()
            .filter(|folder| !folder.ends_with("node_modules"))
            .flat_map(|folder| files_below(&folder));
        files.into_iter().chain(below).collect()
    }

    #[test]
    fn every_script_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let is_script = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "js" || extension == "capnp")
        };
        let found: BTreeSet<_> = files_below(&root)
            .into_iter()
            .filter(is_script)
            .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
            .collect();
        let embedded: BTreeSet<_> = [HUB, EDGE, RENDER, LOCAL_HUB, LOCAL_RELEASE]
            .concat()
            .into_iter()
            .map(|module| module.path.to_owned())
            .collect();
        assert_eq!(embedded, found);
    }
}
