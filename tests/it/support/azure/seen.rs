//! Everything that is in the subscription, for who compares what was before with what is after.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Azure, blobs::Blobs, container_groups, secrets::Secrets, storage, store::Resource};

/// Something that is there.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its type without its provider, such as `containerGroups`; `secret` for one in a vault.
    pub kind: String,
    pub name: String,
    pub id: String,
    pub tags: BTreeMap<String, String>,
    /// What is told about it, with what goes on in it.
    pub state: Value,
    /// Which one it is of those that have had this id.
    pub serial: u32,
}

impl Azure {
    /// All resources, and the secrets in the vaults, without their values.
    pub fn seen(&self) -> Vec<Seen> {
        let state = self.lock();
        let of = |resource: &Resource| {
            let told = match resource.kind() {
                container_groups::KIND => container_groups::view(&state, resource),
                _ => resource.view(),
            };
            seen(resource, told)
        };
        let mut all: Vec<_> = state.store.all().map(of).collect();
        for (vault, secrets) in &state.vaults {
            all.extend(in_vault(vault, secrets));
        }
        all
    }

    /// The blobs of each storage account.
    pub fn blobs(&self) -> Vec<Blobs> {
        let state = self.lock();
        let accounts = state.accounts.iter();
        accounts.map(|(name, account)| storage::opened(name, account)).collect()
    }
}

fn seen(resource: &Resource, state: Value) -> Seen {
    Seen {
        kind: resource.kind().rsplit('/').next().unwrap_or_default().to_owned(),
        name: resource.id.rsplit('/').next().unwrap_or_default().to_owned(),
        id: resource.id.clone(),
        tags: tags(&resource.body["tags"]),
        state,
        serial: resource.serial,
    }
}

/// Those that can be recovered are there, too.
fn in_vault(vault: &str, secrets: &Secrets) -> Vec<Seen> {
    let live = secrets.live.iter().map(|(name, versions)| (name, versions, "secret"));
    let deleted = secrets.deleted.iter();
    let deleted = deleted.map(|(name, deleted)| (name, &deleted.versions, "deleted secret"));
    let of = |(name, versions, kind): (&String, &Vec<_>, &str)| {
        let newest = versions.last().map(super::secrets::Version::told).unwrap_or_default();
        Seen {
            kind: kind.to_owned(),
            name: name.clone(),
            id: format!("{vault}/{name}"),
            tags: tags(&newest["tags"]),
            serial: u32::try_from(versions.len()).unwrap_or(u32::MAX),
            state: newest,
        }
    };
    live.chain(deleted).map(of).collect()
}

fn tags(tags: &Value) -> BTreeMap<String, String> {
    let tags = tags.as_object().into_iter().flatten();
    tags.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
