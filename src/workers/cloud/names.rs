//! What the scripts of an environment are called, and the tag that proves they are ours.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{AppName, EnvName};

/// A script's name is part of a host name beside eight digits of a version and a hyphen, and a DNS
/// label has 63 characters.
/// (<https://developers.cloudflare.com/workers/configuration/previews/>)
const LONGEST: usize = 54;
/// Digits of the hash that stands for what was cut off.
const HASH: usize = 8;

/// The three Workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Orders invalidations and knows the origin.
    Hub,
    /// Renders pages.
    Render,
    /// Takes the requests.
    Edge,
}

impl Kind {
    /// All of them, in the order in which one needs the other.
    pub const ALL: [Self; 3] = [Self::Hub, Self::Render, Self::Edge];

    /// The word for it in plans, logs and names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Render => "render",
            Self::Edge => "edge",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scripts of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scripts {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub env: EnvName,
}

impl Scripts {
    /// `mizan-<app>-<env>-<kind>`, cut where it is too long for a host name.
    pub fn name(&self, kind: Kind) -> String {
        let full = format!("mizan-{}-{}-{kind}", self.app, self.env);
        if full.len() <= LONGEST {
            return full;
        }
        let hash: String =
            Sha256::digest(full.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let tail = format!("-{}-{kind}", &hash[..HASH]);
        let head = &full[..LONGEST - tail.len()];
        format!("{}{tail}", head.trim_end_matches('-'))
    }

    /// The tag of the scripts that this environment made.
    pub fn tag(&self) -> String {
        format!("mizan:{}:{}", self.app, self.env)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts(app: &str, env: &str) -> Scripts {
        Scripts { app: AppName::new(app).unwrap(), env: EnvName::new(env).unwrap() }
    }

    #[test]
    fn names_say_app_environment_and_kind() {
        assert_eq!(scripts("board", "production").name(Kind::Edge), "mizan-board-production-edge");
        assert_eq!(scripts("board", "production").tag(), "mizan:board:production");
    }

    #[test]
    fn the_longest_names_fit_into_a_host_name_and_stay_apart() {
        let (app, env) = ("a".repeat(AppName::MAX), "b".repeat(EnvName::MAX));
        let other = format!("{}c", "b".repeat(EnvName::MAX - 1));
        for kind in Kind::ALL {
            let name = scripts(&app, &env).name(kind);
            assert!(name.len() <= LONGEST, "{name}");
            assert!(name.ends_with(kind.as_str()), "{name}");
            assert_ne!(name, scripts(&app, &other).name(kind));
        }
    }
}
