//! The files that the docker command keeps in `~/.docker`: `config.json` and its contexts.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Context, Error, ErrorKind, Result};

/// The part of `config.json` that we honour.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DockerConfig {
    /// The context that `docker context use` chose.
    pub current_context: Option<String>,
    /// Credentials in the file itself, by registry.
    pub auths: BTreeMap<String, AuthEntry>,
    /// The credential helper for every registry without one of its own.
    pub creds_store: Option<String>,
    /// Credential helpers by registry.
    pub cred_helpers: BTreeMap<String, String>,
}

/// The credentials of one registry as `docker login` writes them without a helper.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthEntry {
    /// `user:password` in base64.
    pub auth: Option<String>,
    /// The user, where a tool wrote it in clear.
    pub username: Option<String>,
    /// The password, where a tool wrote it in clear.
    pub password: Option<String>,
    /// An OAuth token instead of a password.
    pub identitytoken: Option<String>,
}

impl std::fmt::Debug for AuthEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthEntry(***)")
    }
}

/// A Docker context: where its engine is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DockerContext {
    /// As in `DOCKER_HOST`.
    pub host: String,
    /// The folder of `ca.pem`, `cert.pem` and `key.pem`, if it has one.
    pub tls: Option<PathBuf>,
}

/// The folder of these files: `DOCKER_CONFIG`, else `~/.docker`.
pub(super) fn folder(var: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    var("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| var("HOME").map(|home| Path::new(&home).join(".docker")))
}

/// Reads `config.json`; a missing file is an empty configuration.
pub(super) fn read(folder: &Path) -> Result<DockerConfig> {
    let path = folder.join("config.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(DockerConfig::default());
        }
        Err(error) => {
            return Err(Error::failed(format!("cannot read {}", path.display())).because(&error));
        }
    };
    serde_json::from_slice(&text)
        .context(ErrorKind::Invalid, || format!("{} is not valid", path.display()))
}

/// Reads a context that `docker context create` made.
pub(super) fn read_context(folder: &Path, name: &str) -> Result<DockerContext> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Host,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Host {
        host: String,
    }

    let id = Sha256::digest(name.as_bytes());
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let text = std::fs::read(&path).map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("the Docker context {name:?} cannot be read"))
            .cause(format!("{}: {error}", path.display()))
            .hint("`docker context ls` lists the contexts, `docker context use default` goes back")
    })?;
    let meta: Meta = serde_json::from_slice(&text)
        .context(ErrorKind::Invalid, || format!("{} is not valid", path.display()))?;
    let tls = folder.join("contexts/tls").join(&id).join("docker");
    Ok(DockerContext { host: meta.endpoints.docker.host, tls: tls.is_dir().then_some(tls) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_configuration_is_empty_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        assert!(read(folder.path()).expect("empty").current_context.is_none());

        std::fs::write(folder.path().join("config.json"), "{").expect("write");
        let error = read(folder.path()).expect_err("broken JSON");
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("config.json"), "{error}");
    }

    #[test]
    fn a_context_is_found_by_the_hash_of_its_name() {
        let folder = tempfile::tempdir().expect("temporary folder");
        // sha256("colima"), as the docker command names the folder.
        let id = "f24fd3749c1368328e2b149bec149cb6795619f244c5b584e844961215dadd16";
        let meta = folder.path().join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).expect("folder");
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"colima","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///c.sock","SkipTLSVerify":false}}}"#,
        )
        .expect("write");

        let context = read_context(folder.path(), "colima").expect("context");
        assert_eq!(context, DockerContext { host: "unix:///c.sock".into(), tls: None });
        let error = read_context(folder.path(), "gone").expect_err("no such context");
        assert!(error.message.contains("\"gone\""), "{error}");
    }
}
