//! A service as Azure's API writes it: rendered to be made, and read back to be compared.

mod read;
mod render;
mod sidecar;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(in super::super) use crate::targets::azure::foreign::tags as tags_of;
pub use read::{Reader, last_events, seen};
pub(in super::super) use read::{containers as containers_of, text as text_of};
pub use render::{ONE_OFF, Once, RUN_SERVICE, Rendering, SHELL, STEP_SERVICE};

use crate::{
    error::{Error, Result},
    secret::SecretValue,
};

/// The name of the container that ends TLS.
pub const SIDECAR: &str = "tls";

/// What groups are tagged with beside what everything of ours is.
pub(super) struct GroupTags;

impl GroupTags {
    /// `web`, `worker` or `singleton`.
    pub const KIND: &'static str = "mizan:kind";
    /// The image's tag: groups are given its digest.
    pub const IMAGE: &'static str = "mizan:image";
    /// What is known of the web service alone: health path, its patience and the drain, in seconds.
    pub const WEB: &'static str = "mizan:web";
    /// The hash of what a group runs that ends by itself.
    pub const SPEC: &'static str = "mizan:spec";
}

/// The values that go into a group: they are handed to Azure and to nobody else.
#[derive(Debug, Default)]
pub struct Values {
    /// Of secrets, by the names of their variables.
    pub secrets: BTreeMap<String, SecretValue>,
    /// Of the caller's variables, by their names.
    pub caller: BTreeMap<String, String>,
    /// The secrets that the sidecar takes for the Edge's.
    pub origin: Vec<SecretValue>,
}

impl Values {
    fn secret(&self, name: &str) -> Result<&SecretValue> {
        self.secrets.get(name).ok_or_else(|| Error::failed(format!("secret {name} has no value")))
    }

    fn caller(&self, name: &str) -> Result<&str> {
        let value = self.caller.get(name).map(String::as_str);
        value.ok_or_else(|| {
            Error::failed(format!("the variable {name} is not set any more"))
                .hint(format!("export {name}=… and run the command again"))
        })
    }
}
