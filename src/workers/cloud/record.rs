//! What a release remembers of its Workers: versions, hashes, the assets that it serves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CloudSpec, desired::Foreseen, names::Kind};
use crate::{
    cloudflare::AssetManifest,
    ledger::{InventoryItem, Release},
    schema::PolicyFacts,
};

/// The versions of one release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The Edge's version.
    pub edge: Option<String>,
    /// Render's version, if there is one.
    pub render: Option<String>,
    /// The Hub's version: it is of no release, but by it the origin that it names is known.
    #[serde(default)]
    pub hub: Option<String>,
    /// The hash of what Render is made of.
    pub render_hash: Option<String>,
    /// The health path that its schema names.
    #[serde(default)]
    pub health: Option<String>,
    /// What the policy says, and how large the Workers are, for the reader of the next plan.
    #[serde(default)]
    pub foreseen: Foreseen,
    /// The release's own assets.
    #[serde(default)]
    pub assets: AssetManifest,
    /// The host name that led here before and was to go after the release was recorded: a deploy
    /// that was killed in between has left it.
    #[serde(default)]
    pub left_hostname: Option<String>,
    /// What its Edge does with each context; earlier versions of mizan did not record it.
    #[serde(default)]
    pub policy: Option<PolicyFacts>,
}

/// The Workers of the release that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivePlane {
    /// What was desired.
    pub spec: CloudSpec,
    /// What came of it.
    pub recorded: Recorded,
}

const VERSION: &str = "version";
const HASH: &str = "hash";
const ASSETS: &str = "assets";
const HEALTH: &str = "health";
const FORESEEN: &str = "foreseen";
const LEFT_HOSTNAME: &str = "left_hostname";
const POLICY: &str = "policy";

impl Recorded {
    /// What a release's inventory says of its Workers; `None` if it had none.
    pub fn of(release: &Release) -> Option<Self> {
        let item = |kind: Kind| {
            let mut items = release.inventory.iter();
            items.find(|item| item.kind == worker_kind(kind))
        };
        let attribute = |kind, name| item(kind)?.attributes.get(name).cloned();
        item(Kind::Edge)?;
        let assets = attribute(Kind::Edge, ASSETS);
        let foreseen = attribute(Kind::Edge, FORESEEN);
        let policy = attribute(Kind::Edge, POLICY);
        Some(Self {
            edge: attribute(Kind::Edge, VERSION),
            render: attribute(Kind::Render, VERSION),
            hub: attribute(Kind::Hub, VERSION),
            render_hash: attribute(Kind::Render, HASH),
            health: attribute(Kind::Edge, HEALTH),
            foreseen: foreseen
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            // Written by ourselves; one that makes no sense keeps no old assets.
            assets: assets.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            left_hostname: attribute(Kind::Edge, LEFT_HOSTNAME),
            policy: policy.and_then(|text| serde_json::from_str(&text).ok()),
        })
    }

    /// The version of a Worker.
    pub fn version(&self, kind: Kind) -> Option<&str> {
        match kind {
            // It is not a release's.
            Kind::Hub => None,
            Kind::Render => self.render.as_deref(),
            Kind::Edge => self.edge.as_deref(),
        }
    }

    /// The versions that a plan that brings them back needs.
    pub fn versions(&self) -> Vec<(Kind, String)> {
        let versions = [Kind::Edge, Kind::Render];
        let versions = versions.map(|kind| Some((kind, self.version(kind).map(str::to_owned)?)));
        versions.into_iter().flatten().collect()
    }

    /// The inventory of these Workers.
    pub fn inventory(&self, spec: &CloudSpec) -> Vec<InventoryItem> {
        let text = |name: &str, value: Option<String>| Some((name.to_owned(), value?));
        let assets = serde_json::to_string(&self.assets).ok();
        let foreseen = serde_json::to_string(&self.foreseen).ok();
        let policy = self.policy.as_ref().and_then(|policy| serde_json::to_string(policy).ok());
        let attributes = |kind| -> BTreeMap<String, String> {
            let pairs = match kind {
                Kind::Hub => vec![text(VERSION, self.hub.clone())],
                Kind::Render => {
                    vec![text(VERSION, self.render.clone()), text(HASH, self.render_hash.clone())]
                }
                Kind::Edge => vec![
                    text(VERSION, self.edge.clone()),
                    text(HEALTH, self.health.clone()),
                    text(FORESEEN, foreseen.clone()),
                    text(ASSETS, assets.clone()),
                    text(LEFT_HOSTNAME, self.left_hostname.clone()),
                    text(POLICY, policy.clone()),
                ],
            };
            pairs.into_iter().flatten().collect()
        };
        let has = |kind: &Kind| *kind != Kind::Render || spec.config.render;
        Kind::ALL
            .into_iter()
            .filter(has)
            .map(|kind| InventoryItem {
                kind: worker_kind(kind),
                name: spec.scripts.name(kind),
                attributes: attributes(kind),
            })
            .collect()
    }
}

impl LivePlane {
    /// The host names that are ours to take away, whoever they lead to.
    pub fn hostnames(&self) -> impl Iterator<Item = &str> {
        let own = self.spec.domain.as_ref().map(|domain| domain.hostname.as_str());
        own.into_iter().chain(self.recorded.left_hostname.as_deref())
    }
}

/// How an inventory calls a Worker.
fn worker_kind(kind: Kind) -> String {
    format!("worker {kind}")
}
