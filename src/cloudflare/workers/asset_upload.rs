//! The upload of assets: those contents that Cloudflare does not have, a few portions at a time.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use cloudflare::framework::endpoint::Method;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Deserializer};

use super::{
    AssetsSession,
    multipart::{Part, multipart},
};
use crate::{
    cloudflare::{
        Cloudflare,
        endpoint::{Call, segment},
        failure::Failure,
    },
    error::{Error, ErrorKind, Result},
    secret::SecretValue,
};

/// Portions that are sent at the same time, as many as wrangler does: each is held in memory.
const PARALLEL: usize = 3;

/// Gives content and content type of the asset with a hash.
pub type ReadAsset<'a> = dyn Fn(&str) -> Result<(Bytes, String)> + Sync + 'a;

/// Only the answer that completes the upload has a token.
#[derive(Debug, Default, Deserialize)]
struct Taken {
    #[serde(default, deserialize_with = "optional_secret")]
    jwt: Option<SecretValue>,
}

fn optional_secret<'de, D>(deserializer: D) -> Result<Option<SecretValue>, D::Error>
where
    D: Deserializer<'de>,
{
    Option::<String>::deserialize(deserializer).map(|text| text.map(SecretValue::new))
}

impl Cloudflare {
    /// Sends the assets that are missing, and returns the token that says that all are there; it
    /// goes into [`AssetsPart`](super::AssetsPart).
    ///
    /// # Errors
    /// An asset cannot be read; the session has expired; Cloudflare refuses, or cannot be reached.
    pub async fn upload_assets(
        &self,
        session: &AssetsSession,
        read: &ReadAsset<'_>,
    ) -> Result<SecretValue> {
        if session.buckets.iter().all(Vec::is_empty) {
            return Ok(session.jwt.clone());
        }
        let portions =
            session.buckets.iter().map(|hashes| self.upload_portion(session, hashes, read));
        let answers: Vec<_> =
            stream::iter(portions).buffer_unordered(PARALLEL).try_collect().await?;
        answers.into_iter().flatten().next().ok_or_else(|| {
            cannot(session).cause("Cloudflare took all of them, but did not say that it has them")
        })
    }

    async fn upload_portion(
        &self,
        session: &AssetsSession,
        hashes: &[String],
        read: &ReadAsset<'_>,
    ) -> Result<Option<SecretValue>> {
        let form = multipart(&parts(hashes, read)?);
        let path = format!("accounts/{}/workers/assets/upload", segment(&session.account));
        let call = Call::<Option<Taken>>::new(Method::POST, path, &[])
            .query(&[("base64", Some("true"))])
            .body(form.body, form.content_type.into())
            .with_token(session.jwt.clone())
            // The content of a hash is the same each time.
            .repeatable();
        match self.call(call).await {
            Ok(taken) => Ok(taken.and_then(|taken| taken.jwt)),
            Err(failure) => Err(told(session, &failure)),
        }
    }
}

/// The assets of one portion, in base64.
fn parts(hashes: &[String], read: &ReadAsset<'_>) -> Result<Vec<Part>> {
    let part = |hash: &String| {
        let (content, kind) = read(hash)?;
        Ok(Part {
            name: hash.clone(),
            file: Some((hash.clone(), kind)),
            content: BASE64_STANDARD.encode(content).into(),
        })
    };
    hashes.iter().map(part).collect()
}

fn cannot(session: &AssetsSession) -> Error {
    Error::failed(what(session))
}

fn what(session: &AssetsSession) -> String {
    format!("cannot upload the assets of the Worker {}", session.script)
}

/// The token here is the session's, so what is refused has nothing to do with permissions.
fn told(session: &AssetsSession, failure: &Failure) -> Error {
    if !failure.is_refusal_of_token() {
        return failure.told(what(session));
    }
    let mut error = failure.told(what(session));
    error.kind = ErrorKind::Failed;
    error.hints = vec![
        "the upload took longer than Cloudflare allows (one hour), so it has to begin anew: deploy \
         again; what was sent already is not sent again"
            .to_owned(),
    ];
    error
}
