//! Whose a resource is, by the tags in Azure's answer, and the error about one that is not ours.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::{Scope, Tags};
use crate::{
    error::{Error, Result},
    plan::ResourceId,
};

impl Scope {
    /// True if what Azure tells about something has our tags.
    pub fn owns_resource(&self, resource: &Value) -> bool {
        self.owns(&tags(resource))
    }

    /// Refuses what has our name but not our tags.
    ///
    /// # Errors
    /// It is not ours.
    pub fn require_own(&self, id: &ResourceId, resource: &Value) -> Result<()> {
        if self.owns_resource(resource) { Ok(()) } else { Err(foreign(id)) }
    }
}

/// The tags in what Azure tells about something.
pub fn tags(resource: &Value) -> BTreeMap<String, String> {
    let tags = resource["tags"].as_object().into_iter().flatten();
    let texts = tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    texts.collect()
}

/// The error that names a thing which has our name but not our tags.
pub fn foreign(id: &ResourceId) -> Error {
    Error::failed(format!("there is a {id} that was not made for this app and environment"))
        .cause(format!("it does not have our tags {} and {}", Tags::APP, Tags::ENV))
        .hint("mizan never changes it: rename or remove it, or choose another name for the app")
}
