//! A small app for the tests of this module.

use std::path::Path;

use tempfile::TempDir;

use crate::{
    config::ConfigFile,
    model::{App, EnvName},
};

/// A folder with these files.
pub(super) fn context(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("temporary folder");
    for (path, content) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, content).expect("write");
    }
    root
}

/// An app whose build context is `root`.
pub(super) fn app(root: &Path) -> App {
    let text = "version: 1\napp: board\nbuild: {platform: linux/amd64}\nservices: {web: {port: 8000}}\n\
                environments: {local: {target: local}}\n";
    let file = ConfigFile::parse("mizan.yaml", text, root).expect("valid configuration");
    file.resolve(&EnvName::new("local").expect("valid name")).expect("a valid environment")
}
