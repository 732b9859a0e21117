//! A small app for the tests of this module.

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path};

use tempfile::TempDir;

use crate::model::{App, AppName, Build, Dockerfile, EnvName, SchemaSource, Target};

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
    App {
        name: AppName::new("board").expect("valid name"),
        env: EnvName::new("local").expect("valid name"),
        root: root.to_owned(),
        build: Build {
            context: root.to_owned(),
            dockerfile: Dockerfile::File(root.join("Dockerfile")),
            args: BTreeMap::new(),
            platform: "linux/amd64".into(),
            refresh: None,
        },
        schema: SchemaSource::None,
        services: BTreeMap::new(),
        release: None,
        env_vars: BTreeMap::new(),
        secrets: BTreeMap::new(),
        edge: None,
        render: None,
        target: Target::Local { port: None },
        keep_releases: NonZeroUsize::MIN,
    }
}
