//! The resources of the subscription, by id. ARM does not mind the case of ids.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A resource, as it was made.
#[derive(Debug, Clone)]
pub struct Resource {
    pub id: String,
    /// What is told about it, but for `provisioningState`; and secrets, which are told to nobody.
    pub body: Value,
    /// How the last operation on it ended.
    pub provisioning: &'static str,
    /// The operation that changes it right now.
    pub operation: Option<String>,
    /// Code and message of the last operation if it failed.
    pub failure: Option<(String, String)>,
    /// Which one it is of those that have had this id, counted over all resources.
    pub serial: u32,
}

impl Resource {
    /// One that is there at once.
    pub fn ready(id: &str, body: Value) -> Self {
        Self {
            id: id.to_owned(),
            body,
            provisioning: "Succeeded",
            operation: None,
            failure: None,
            serial: 0,
        }
    }

    /// Its type, such as `Microsoft.ContainerInstance/containerGroups`.
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    /// Where it is.
    pub fn location(&self) -> &str {
        self.body["location"].as_str().unwrap_or_default()
    }

    /// What is told about it.
    pub fn view(&self) -> Value {
        let mut view = self.body.clone();
        view["properties"]["provisioningState"] = self.provisioning.into();
        view
    }

    /// What a list of different resources tells about it.
    pub fn generic(&self) -> Value {
        let named = ["id", "name", "type", "location", "tags"].iter();
        let told = named.filter_map(|key| Some((*key, self.body.get(*key)?.clone())));
        told.map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
    }

    /// Whether it has the tag that a `$filter` asks for.
    pub fn has_tag(&self, (name, value): &(String, String)) -> bool {
        self.body["tags"].get(name).is_some_and(|found| found == value)
    }
}

/// All resources.
#[derive(Default)]
pub struct Store {
    resources: BTreeMap<String, Resource>,
    /// How many were ever made.
    made: u32,
}

impl Store {
    /// Adds one, or takes the place of the one with this id.
    pub fn put(&mut self, mut resource: Resource) {
        let before = self.get(&resource.id).map(|before| before.serial);
        resource.serial = before.unwrap_or_else(|| {
            self.made += 1;
            self.made
        });
        self.resources.insert(resource.id.to_lowercase(), resource);
    }

    pub fn get(&self, id: &str) -> Option<&Resource> {
        self.resources.get(&id.to_lowercase())
    }

    pub fn get_mut(&mut self, id: &str) -> Option<&mut Resource> {
        self.resources.get_mut(&id.to_lowercase())
    }

    /// Removes one and all that is below it, and hands out what was removed.
    pub fn remove(&mut self, id: &str) -> Vec<Resource> {
        let (id, below) = (id.to_lowercase(), format!("{}/", id.to_lowercase()));
        let gone = |key: &String| *key == id || key.starts_with(&below);
        let removed = self.resources.extract_if(.., |key, _| gone(key));
        removed.map(|(_, resource)| resource).collect()
    }

    /// Those of a type below an id.
    pub fn below<'a>(
        &'a self,
        id: &str,
        kind: &'static str,
    ) -> impl Iterator<Item = &'a Resource> + use<'a> {
        let below = format!("{}/", id.to_lowercase());
        let right =
            move |it: &&Resource| it.kind() == kind && it.id.to_lowercase().starts_with(&below);
        self.resources.values().filter(right)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }
}

/// The parts that every resource tells about itself.
pub fn described(id: &str, kind: &str, given: &Value) -> Value {
    let name = id.rsplit('/').next().unwrap_or_default();
    let mut body = json!({"id": id, "name": name, "type": kind});
    for key in ["location", "tags", "identity", "sku", "zones"] {
        if let Some(value) = given.get(key) {
            body[key] = value.clone();
        }
    }
    body
}
