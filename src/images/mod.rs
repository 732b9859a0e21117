//! From the app's files to an image: its name by content hash, the build on a Docker engine, and
//! what is taken out of the image for the edge.

mod artifacts;
mod bases;
mod build;
mod classic;
mod context;
mod dockerfile;
mod dockerignore;
mod hash;
mod inventory;
mod lock;
mod progress;
mod prune;
mod push;
mod session;
mod source;
#[cfg(test)]
mod testing;
mod upload;

pub use artifacts::{ArtifactRequest, Artifacts, cached, extract};
pub use bases::{current_lock, lock_without_engine};
pub use build::{APP_LABEL, BuiltImage, HASH_LABEL, ImageId, build, find};
pub use inventory::{forget_artifacts, id_of, of_app};
pub use lock::{BaseLock, LOCK_FILE, Pin, PinnedTo};
pub use prune::{Pruned, prune};
pub use push::{Pushed, Remote, push};
pub use source::{Identity, ImageIdentity, identity};
