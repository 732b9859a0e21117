//! Workers: their code and versions, what they are bound to, and where they answer.
//!
//! A version is what is uploaded: modules, bindings, and which assets belong to it. A deployment
//! says which versions answer. Names, secrets, domains and settings belong to the script.

mod asset_upload;
mod assets;
mod deployments;
mod domains;
mod form;
pub mod limits;
mod metadata;
mod multipart;
mod scripts;
mod secrets;
mod seen;
mod subdomain;
mod tail;
mod tail_event;
mod tail_stream;
mod upload;
mod versions;

#[cfg(test)]
mod recordings;
#[cfg(test)]
mod tests;

pub use asset_upload::ReadAsset;
pub use assets::{AssetEntry, AssetManifest, AssetsSession, asset_hash};
pub use deployments::Deployment;
pub use domains::Domain;
pub use limits::{Sizes, sizes};
pub use scripts::Script;
pub use seen::{SeenBinding, Settings, TailConsumer};
pub use subdomain::ScriptSubdomain;
pub use tail::Tail;
pub use tail_event::{TailEvent, TailRequest};
pub use tail_stream::TailEvents;
pub use upload::{
    AssetsPart, Binding, HtmlHandling, Migrations, ModuleKind, ModulePart, NotFoundHandling, Upload,
};
pub use versions::{Version, VersionId};

use super::{Permission, endpoint::segment};

/// What everything that belongs to a script needs.
const NEEDS: &[Permission] = &[Permission::WorkersScriptsEdit];

/// "workers.api.error.script_not_found", "This Worker does not exist on your account.", and what
/// else is looked for by name.
const NOT_FOUND: u32 = 10007;
/// "workers.api.error.service_not_found".
const SERVICE_NOT_FOUND: u32 = 10090;
/// The codes of a script that does not exist.
const NO_SUCH_SCRIPT: &[u32] = &[NOT_FOUND, SERVICE_NOT_FOUND];

/// The path of a script, or of something below it: `tail` begins with a slash or is empty.
fn script_path(account: &str, script: &str, tail: &str) -> String {
    format!("accounts/{}/workers/scripts/{}{tail}", segment(account), segment(script))
}
