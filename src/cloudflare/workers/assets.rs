//! Assets: which files belong to a version. Cloudflare is told their names and hashes, says which
//! contents it does not have yet, and gets those.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use cloudflare::framework::endpoint::Method;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::{NEEDS, script_path, seen::or_default};
use crate::{
    cloudflare::{Cloudflare, endpoint::Call},
    error::Result,
    secret::SecretValue,
};

/// Hexadecimal digits of a hash.
const HASH_DIGITS: usize = 32;

/// The assets of a version: their URLs' paths, `/static/x.js`, and what is there.
pub type AssetManifest = BTreeMap<String, AssetEntry>;

/// The content of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetEntry {
    /// What [`asset_hash`] says.
    pub hash: String,
    /// Bytes.
    pub size: u64,
}

/// The hash of an asset as wrangler computes it: the first 32 hexadecimal digits of BLAKE3 over
/// the content in base64 and the extension of its name.
pub fn asset_hash(content: &[u8], path: &str) -> String {
    let extension = Path::new(path).extension().and_then(|it| it.to_str()).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    hasher.update(BASE64_STANDARD.encode(content).as_bytes());
    hasher.update(extension.as_bytes());
    let mut digits = hasher.finalize().to_hex().to_string();
    digits.truncate(HASH_DIGITS);
    digits
}

/// An upload of assets that has begun.
#[derive(Debug, Clone)]
pub struct AssetsSession {
    /// The account that it belongs to.
    pub(super) account: String,
    /// The script that it belongs to.
    pub(super) script: String,
    /// The token of the session; where nothing is missing, the result of the upload.
    pub jwt: SecretValue,
    /// The hashes of the contents that are missing, in the portions to send them in.
    pub buckets: Vec<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Answered {
    #[serde(deserialize_with = "secret")]
    jwt: SecretValue,
    #[serde(default, deserialize_with = "or_default")]
    buckets: Vec<Vec<String>>,
}

/// A secret in an answer.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretValue, D::Error> {
    String::deserialize(deserializer).map(SecretValue::new)
}

impl Cloudflare {
    /// Tells Cloudflare which assets a version will have. Nothing changes by that alone.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn assets_session(
        &self,
        account: &str,
        script: &str,
        manifest: &AssetManifest,
    ) -> Result<AssetsSession> {
        let path = script_path(account, script, "/assets-upload-session");
        let call = Call::<Answered>::new(Method::POST, path, NEEDS)
            .json(&json!({ "manifest": manifest }))
            .repeatable();
        match self.call(call).await {
            Ok(Answered { jwt, buckets }) => Ok(AssetsSession {
                account: account.to_owned(),
                script: script.to_owned(),
                jwt,
                buckets,
            }),
            Err(failure) => Err(failure
                .told(format!("cannot begin the upload of the assets of the Worker {script}"))),
        }
    }
}
