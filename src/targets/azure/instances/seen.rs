//! What was found on Azure, as the planner compares it with what should be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    desired::Desired,
    group::{RUN_SERVICE, STEP_SERVICE},
    spec::ServiceSpec,
};
use crate::{
    model::ReleaseId,
    plan::{ResourceId, Seen},
    targets::{EnvSpec, azure::things::Thing, fingerprint},
    workers::cloud::{Foreseen, LivePlane, SeenPlane},
};

/// Everything of one environment that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// What outlives releases, by kind and name. What is not in the map was not looked for.
    #[serde(with = "entries")]
    pub things: BTreeMap<ResourceId, Seen<SeenThing>>,
    /// The container groups of the resource group, by name: those of all releases, and of release
    /// steps that an interrupted run left.
    pub groups: BTreeMap<String, Seen<SeenGroup>>,
    /// What else is in the resource group and not ours, by resource id.
    pub strangers: BTreeSet<String>,
    /// The digest of the desired image in the registry, if it is there.
    pub image_digest: Option<String>,
    /// The sidecar's image is in the registry.
    pub sidecar_pushed: bool,
    /// What the desired image has for Edge and Render was taken out of it already.
    pub artifacts_cached: bool,
    /// The Workers.
    pub plane: SeenPlane,
    /// What is known of the Workers' next versions.
    pub foreseen: Foreseen,
    /// The recorded releases, newest first.
    pub releases: Vec<ReleaseId>,
    /// The release that is live, as it was recorded.
    pub current: Option<CurrentRelease>,
    /// The groups of the recorded release before the live one, by service.
    pub previous: BTreeMap<String, String>,
    /// The highest number that any release ever had, by records and tags.
    pub newest: Option<ReleaseId>,
    /// The release whose step has already ended well, although it was never recorded: a deploy was
    /// interrupted after it.
    pub migrated: Option<ReleaseId>,
    /// The storage account of the ledgers exists.
    pub storage: bool,
    /// The ledger is where mizan.yaml says, not in that account.
    pub ledger_elsewhere: bool,
    /// Environments that have something in the account, this one among them (`<app>/<env>`).
    pub storage_users: BTreeSet<String>,
    /// All secrets in the vault: generated ones and those that were set.
    pub secrets: BTreeSet<String>,
    /// The vault was deleted and can still be brought back, with what was in it: a destroy that was
    /// killed had not purged it yet. Looked for when everything is to go.
    #[serde(default)]
    pub vault_is_deleted: bool,
}

/// A thing, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenThing {
    /// As it is, in the terms of what it should be.
    pub thing: Thing,
    /// Its resource id.
    pub id: String,
    /// Its tags say that it is ours; of a role assignment, its UUID does.
    pub ours: bool,
}

/// A container group, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenGroup {
    /// Its resource id.
    pub id: String,
    /// Its tags say that it is ours.
    pub ours: bool,
    /// The service that it is of, by its tag.
    pub service: Option<String>,
    /// The release that made it, by its tag.
    pub release: Option<ReleaseId>,
    /// As it is, in the terms of what it should be, without versions of secrets; absent if it looks
    /// like no service.
    pub spec: Option<ServiceSpec>,
    /// The hash of the versions of secrets that it was given, by its tag.
    pub secrets: Option<String>,
    /// What it does.
    pub state: State,
}

/// What a container group does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its containers run, or start.
    Running,
    /// It was stopped: it costs nothing, and can be started as it was.
    Stopped,
    /// Its containers ended, or could not start: why.
    Failed(String),
}

/// The live release, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentRelease {
    /// Its number.
    pub id: ReleaseId,
    /// What was desired.
    pub desired: Desired,
    /// Its container groups, by service. One that did not change is still that of an earlier
    /// release.
    pub groups: BTreeMap<String, String>,
    /// The digest of its image.
    pub digest: String,
    /// Its Workers.
    pub plane: LivePlane,
}

impl SeenGroup {
    /// True if something of it may run: what failed may be started again by Azure.
    pub fn may_run(&self) -> bool {
        self.state != State::Stopped
    }

    /// True if it is a command of `mizan run` that has not ended: whoever waits for it removes it.
    pub fn is_running_command(&self) -> bool {
        let is_command = self.service.as_deref() == Some(RUN_SERVICE) && self.spec.is_none();
        is_command && self.state == State::Running
    }

    /// True if it is the release step of a deploy that was killed, and has not ended: a migration is
    /// not cut off.
    pub fn is_running_release_step(&self) -> bool {
        self.service.as_deref() == Some(STEP_SERVICE) && self.state == State::Running
    }

    /// True if it runs, or would run, exactly this.
    pub fn is_like(&self, spec: &ServiceSpec) -> bool {
        let wanted = spec.without_versions();
        let seen = self.spec.as_ref().map(|seen| in_terms_of(&wanted, seen.without_versions()));
        let versions = spec.secrets_hash();
        seen == Some(wanted) && versions.is_some() && self.secrets == versions
    }
}

/// Azure tells the values of variables, and not who has given them: a value that is the same is not
/// another one because it stands in mizan.yaml now, or came from there before.
fn in_terms_of(wanted: &ServiceSpec, mut seen: ServiceSpec) -> ServiceSpec {
    for (name, value) in &mut seen.container.env {
        let Some(other) = wanted.container.env.get(name) else { continue };
        let same = match (&*value, other) {
            (EnvSpec::Literal(text), EnvSpec::Caller { fingerprint: of, .. })
            | (EnvSpec::Caller { fingerprint: of, .. }, EnvSpec::Literal(text)) => {
                fingerprint(text) == *of
            }
            (
                EnvSpec::Caller { fingerprint: of, .. },
                EnvSpec::Caller { fingerprint: wanted, .. },
            ) => of == wanted,
            _ => false,
        };
        if same {
            *value = other.clone();
        }
    }
    seen
}

impl Observed {
    /// A group of ours.
    pub fn group(&self, name: &str) -> Option<&SeenGroup> {
        self.groups.get(name)?.present().filter(|group| group.ours)
    }

    /// All groups of ours.
    pub fn own_groups(&self) -> impl Iterator<Item = (&str, &SeenGroup)> {
        let seen = self.groups.iter();
        let seen = seen.filter_map(|(name, seen)| Some((name.as_str(), seen.present()?)));
        seen.filter(|(_, group)| group.ours)
    }

    /// The id of the next release. A release that a run began and never recorded goes on under its
    /// number, so that what it made is found.
    pub fn next_release(&self) -> ReleaseId {
        let recorded = self.releases.iter().copied().chain(self.current.as_ref().map(|it| it.id));
        let recorded = recorded.max().unwrap_or(ReleaseId(0));
        let begun = self.newest.unwrap_or(ReleaseId(0)).max(self.migrated.unwrap_or(ReleaseId(0)));
        if begun > recorded { begun } else { ReleaseId(recorded.0 + 1) }
    }
}

/// JSON has no maps whose keys are structures: they are lists of pairs there.
mod entries {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
