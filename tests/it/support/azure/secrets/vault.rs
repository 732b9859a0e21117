//! What a vault keeps: the versions of each secret, and the secrets that were deleted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One version of a secret. Times are in seconds since 1970.
#[derive(Debug, Clone)]
pub struct Version {
    pub id: String,
    /// As whoever made the secret has spelled it.
    pub name: String,
    pub value: String,
    pub created: i64,
    /// What else was said: `tags`, `contentType`, `attributes`.
    pub more: Value,
}

/// A secret that was deleted.
#[derive(Debug, Clone)]
pub struct Deleted {
    pub versions: Vec<Version>,
    pub deleted: i64,
    /// How often somebody has to ask before it is through.
    pub left: u32,
}

/// All secrets of a vault, by name, the newest version last. Names come in any case.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    pub live: BTreeMap<String, Vec<Version>>,
    pub deleted: BTreeMap<String, Deleted>,
}

/// How long a deleted secret stays, in days.
const RETENTION: i64 = 90;

impl Version {
    /// All that is told about it, but for the value. `id` is its address.
    pub fn item(&self, id: &str) -> Value {
        let mut attributes = json!({"enabled": true, "created": self.created, "updated": self.created,
            "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RETENTION});
        for (key, value) in self.more["attributes"].as_object().into_iter().flatten() {
            attributes[key] = value.clone();
        }
        let mut item = json!({"id": id, "attributes": attributes});
        for key in ["tags", "contentType"] {
            if let Some(value) = self.more.get(key) {
                item[key] = value.clone();
            }
        }
        item
    }

    /// What it is, whichever it is.
    pub fn told(&self) -> Value {
        let told = self.more.as_object().into_iter().flatten();
        told.filter(|(key, _)| *key != "value").map(|(key, it)| (key.clone(), it.clone())).collect()
    }

    /// With the value.
    pub fn bundle(&self, id: &str) -> Value {
        let mut bundle = self.item(id);
        bundle["value"] = self.value.as_str().into();
        bundle
    }
}

impl Deleted {
    /// Adds what is told about one that was deleted. `id` is the address that it has now.
    pub fn describe(&self, mut item: Value, id: &str) -> Value {
        item["recoveryId"] = id.into();
        item["deletedDate"] = self.deleted.into();
        item["scheduledPurgeDate"] = (self.deleted + RETENTION * 24 * 3600).into();
        item
    }
}
