//! What the Workers of an environment should be. Pure: account, zone and hashes are handed in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{content, names::Scripts};
use crate::{plan::Late, workers::policy::PlaneConfig};

/// The Workers of one environment. It is stored with each release, so that a rollback can bring it
/// back; it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudSpec {
    /// Whose they are, and so their names.
    pub scripts: Scripts,
    /// The account's id.
    pub account: String,
    /// Where visitors come in; without a domain it is the Edge's own name below `workers.dev`.
    pub domain: Option<Domain>,
    /// The public URL, without a slash at its end.
    pub public_url: String,
    /// The base URL of the app's own server. It lives in the Hub, so that another one is no new
    /// version of the Edge.
    pub origin: Late<String>,
    /// The origin demands a secret: the version of its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_secret: Option<String>,
    /// Who may purge from outside is known by a key: the version of its value. Absent if nobody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_key: Option<Late<String>>,
    /// What `mizan.yaml` says about them.
    pub config: PlaneConfig,
    /// What schema, bundle and assets come from: an image's tag, a hash of files.
    pub source: Late<String>,
    /// The hash of what is taken out of it: which paths, and a schema file's content.
    #[serde(default)]
    pub taken: String,
    /// The hash of the scripts of this version of mizan.
    pub code: String,
    /// The health path of the app; that of its schema if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
}

/// The host name that visitors use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The name.
    pub hostname: String,
    /// The id of the zone that it is in.
    pub zone: String,
    /// The zone's name.
    pub zone_name: String,
}

/// What is known of the next versions before anything is uploaded, if the artifacts are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// The hash of Render's scripts and bundle.
    pub render: Option<String>,
    /// Sizes and what the policy says, for the reader of a plan.
    pub edge_fields: BTreeMap<String, String>,
    /// The same for Render.
    pub render_fields: BTreeMap<String, String>,
}

impl CloudSpec {
    /// The hash of what is the same in all environments.
    pub fn code_of_this_version() -> String {
        content::code_hash()
    }

    /// True if the Edge of `other` would be another one.
    pub fn is_outdated_by(&self, other: &Self) -> bool {
        // Where the origin is, is the Hub's business.
        let comparable = |spec: &Self| Self { origin: Late::Known(String::new()), ..spec.clone() };
        comparable(self) != comparable(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AppName, EnvName};

    fn spec(config: PlaneConfig) -> CloudSpec {
        CloudSpec {
            scripts: Scripts { app: AppName::new("board").unwrap(), env: EnvName::local() },
            account: "an account".into(),
            domain: None,
            public_url: "https://board.example.com".into(),
            origin: Late::Known("https://app.example.net".into()),
            origin_secret: None,
            purge_key: None,
            config,
            source: Late::Known("schema 1".into()),
            taken: String::new(),
            code: "the code".into(),
            health: None,
        }
    }

    #[test]
    fn other_announced_contexts_are_another_edge() {
        let announced = vec!["posts".to_owned()];
        let now = spec(PlaneConfig { announced, ..PlaneConfig::default() });
        // As earlier versions of mizan have written it.
        let mut record = serde_json::to_value(spec(PlaneConfig::default())).unwrap();
        let config = record["config"].as_object_mut().unwrap();
        assert!(!config.contains_key("announced"), "{config:?}");
        let before: CloudSpec = serde_json::from_value(record).unwrap();
        assert!(before.is_outdated_by(&now) && !now.is_outdated_by(&now));
        let moved =
            CloudSpec { origin: Late::Known("https://b.example.net".into()), ..now.clone() };
        assert!(!now.is_outdated_by(&moved));
    }
}
