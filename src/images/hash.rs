//! The content hash of an image: everything that decides what a build makes, and nothing else.
//! Times, owners and the permissions of other users are not part of it.

use std::{collections::BTreeMap, io};

use sha2::{Digest, Sha256};

use super::{
    context::{EntryKind, ReadError, Snapshot},
    lock::{BaseLock, PinnedTo},
};

/// Changes whenever the same input would be built differently by a newer version of this code.
const FORMAT: &str = "mizan image 1";

/// What goes into the hash beside the context.
pub(super) struct Recipe<'a> {
    /// The Dockerfile's text.
    pub dockerfile: &'a str,
    /// The build arguments.
    pub args: &'a BTreeMap<String, String>,
    /// The platform.
    pub platform: &'a str,
    /// The base images and what they are pinned to.
    pub lock: &'a BaseLock,
    /// The base images that the Dockerfile names.
    pub bases: Vec<&'a str>,
}

/// Hashes the recipe and the context, as 64 hexadecimal digits.
pub(super) fn hash(recipe: &Recipe<'_>, context: &Snapshot) -> Result<String, ReadError> {
    let mut hash = Fields(Sha256::new());
    hash.field(FORMAT);
    hash.field(recipe.dockerfile);
    hash.field(recipe.platform);
    hash.count(recipe.args.len());
    for (name, value) in recipe.args {
        hash.field(name);
        hash.field(value);
    }
    hash.count(recipe.bases.len());
    for base in &recipe.bases {
        hash.field(base);
        match recipe.lock.bases.get(*base).map(|pin| &pin.to) {
            Some(PinnedTo::Digest(digest)) => hash.field(digest),
            Some(PinnedTo::Local(id)) => hash.field(&format!("local {id}")),
            None => hash.field(""),
        }
    }
    hash.field(&recipe.lock.refreshed.map(|at| at.to_string()).unwrap_or_default());
    add_context(&mut hash, context)?;
    Ok(hex(&hash.0.finalize()))
}

fn add_context(hash: &mut Fields, context: &Snapshot) -> Result<(), ReadError> {
    for entry in &context.entries {
        hash.field(&entry.path);
        match &entry.kind {
            EntryKind::Folder => hash.field("folder"),
            EntryKind::Link { target } => {
                hash.field("link");
                hash.field(target);
            }
            EntryKind::File { executable, .. } => {
                hash.field(if *executable { "executable" } else { "file" });
                let mut content = Fields(Sha256::new());
                context.copy(entry, &mut content)?;
                hash.bytes(&content.0.finalize());
            }
        }
    }
    Ok(())
}

/// Fields of known length, so that no two inputs run into the same bytes.
struct Fields(Sha256);

impl Fields {
    fn field(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }
}

impl io::Write for Fields {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
