//! Names and labels of what the local target creates: deterministic names, labels that prove
//! ownership. A thing that has our name but not our labels is never touched.

use std::{collections::HashMap, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{AppName, EnvName, ReleaseId};

/// The label keys.
pub struct Labels;

impl Labels {
    /// The app's name.
    pub const APP: &'static str = "mizan.app";
    /// The environment's name.
    pub const ENV: &'static str = "mizan.env";
    /// The folder of `mizan.yaml`.
    pub const CHECKOUT: &'static str = "mizan.checkout";
    /// The service a container belongs to.
    pub const SERVICE: &'static str = "mizan.service";
    /// What a container is for: `service`, `accessory`, `release`.
    pub const ROLE: &'static str = "mizan.role";
    /// The release a container belongs to.
    pub const RELEASE: &'static str = "mizan.release";
    /// The specification a container was made from, as JSON without secret values.
    pub const SPEC: &'static str = "mizan.spec";
}

/// One environment of one checkout: the owner of everything the local target creates for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub env: EnvName,
    /// The folder of `mizan.yaml`, absolute.
    pub checkout: String,
}

impl Scope {
    /// The scope of an environment of the checkout at `root`.
    pub fn new(app: &AppName, env: &EnvName, root: &Path) -> Self {
        Self { app: app.clone(), env: env.clone(), checkout: root.to_string_lossy().into_owned() }
    }

    /// `mizan-<app>-<env>`: the network's name and the beginning of every other name.
    pub fn prefix(&self) -> String {
        format!("mizan-{}-{}", self.app, self.env)
    }

    /// The container of a service in a release.
    pub fn container(&self, service: &str, release: ReleaseId) -> String {
        format!("{}-{service}-{release}", self.prefix())
    }

    /// The container of an accessory, which outlives releases.
    pub fn accessory(&self, service: &str) -> String {
        format!("{}-{service}", self.prefix())
    }

    /// The container that runs the release step.
    pub fn release_step(&self, release: ReleaseId) -> String {
        // A service is never called `release-step`: the name is reserved in `config`.
        format!("{}-release-step-{release}", self.prefix())
    }

    /// The Docker volume behind a volume name of `mizan.yaml`.
    pub fn volume(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix())
    }

    /// The labels of everything in this scope.
    pub fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (Labels::APP.to_owned(), self.app.to_string()),
            (Labels::ENV.to_owned(), self.env.to_string()),
            (Labels::CHECKOUT.to_owned(), self.checkout.clone()),
        ])
    }

    /// Label filters that find everything of this app and environment, whatever the checkout.
    pub fn label_filters(&self) -> Vec<String> {
        vec![format!("{}={}", Labels::APP, self.app), format!("{}={}", Labels::ENV, self.env)]
    }

    /// A short name for folders: readable, and different for every checkout.
    pub fn folder(&self) -> String {
        let digest = Sha256::digest(self.checkout.as_bytes());
        format!("{}-{}-{}", self.app, self.env, hex(&digest[..4]))
    }

    /// The public host name of this environment.
    pub fn host(&self) -> String {
        match self.env.as_str() {
            "local" => format!("{}.localhost", self.app),
            env => format!("{env}.{}.localhost", self.app),
        }
    }

    /// The port this environment prefers: the same on every machine, rarely that of another app.
    pub fn preferred_port(&self) -> u16 {
        let digest = Sha256::digest(format!("{}/{}", self.app, self.env).as_bytes());
        8100 + u16::from_be_bytes([digest[0], digest[1]]) % 900
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(env: &str, checkout: &str) -> Scope {
        Scope::new(
            &AppName::new("board").unwrap(),
            &EnvName::new(env).unwrap(),
            Path::new(checkout),
        )
    }

    #[test]
    fn names_say_app_environment_service_and_release() {
        let scope = scope("local", "/src/board");
        assert_eq!(scope.container("web", ReleaseId(3)), "mizan-board-local-web-r3");
        assert_eq!(scope.volume("data"), "mizan-board-local-data");
        assert_eq!(scope.host(), "board.localhost");
    }

    #[test]
    fn two_checkouts_have_two_folders() {
        assert_ne!(scope("local", "/a").folder(), scope("local", "/b").folder());
    }

    #[test]
    fn the_preferred_port_needs_no_privileges() {
        assert!((8100..9000).contains(&scope("local", "/a").preferred_port()));
    }
}
