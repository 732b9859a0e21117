//! Versions: what was uploaded of a script, one beside the other.

use std::fmt;

use cloudflare::framework::endpoint::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    NEEDS, NO_SUCH_SCRIPT, SeenBinding, Upload,
    form::{Purpose, form},
    script_path,
    seen::or_default,
};
use crate::{
    cloudflare::{
        Cloudflare,
        endpoint::{Call, segment},
        pages::{Listed, Paging},
    },
    error::{Error, Result},
};

/// "Version not found".
const NO_SUCH_VERSION: u32 = 100_146;
/// Cloudflare deploys no version that is older than the 100 latest ones.
const PAGING: Paging = Paging { size: 50, most: 2 };

/// The id of a version, a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionId(pub String);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "AnsweredVersion")]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// The how many-th version of its script it is.
    pub number: u64,
    /// When it was uploaded.
    pub created_on: Timestamp,
    /// The tag that its maker gave it.
    pub tag: Option<String>,
    /// What its maker said about it.
    pub message: Option<String>,
    /// What its code finds in its environment. A list of versions may not say it.
    pub bindings: Vec<SeenBinding>,
    /// It has a URL of its own.
    pub has_preview: bool,
}

#[derive(Deserialize)]
struct AnsweredVersion {
    id: VersionId,
    #[serde(default)]
    number: u64,
    metadata: VersionMetadata,
    #[serde(default, deserialize_with = "or_default")]
    annotations: Annotations,
    #[serde(default, deserialize_with = "or_default")]
    resources: Resources,
}

#[derive(Deserialize)]
struct VersionMetadata {
    created_on: Timestamp,
    #[serde(default, rename = "hasPreview")]
    has_preview: Option<bool>,
}

/// What the maker of a version or a deployment noted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Annotations {
    #[serde(default, rename = "workers/tag")]
    pub tag: Option<String>,
    #[serde(default, rename = "workers/message")]
    pub message: Option<String>,
}

#[derive(Default, Deserialize)]
struct Resources {
    #[serde(default, deserialize_with = "or_default")]
    bindings: Vec<SeenBinding>,
}

impl From<AnsweredVersion> for Version {
    fn from(answered: AnsweredVersion) -> Self {
        Self {
            id: answered.id,
            number: answered.number,
            created_on: answered.metadata.created_on,
            tag: answered.annotations.tag,
            message: answered.annotations.message,
            bindings: answered.resources.bindings,
            has_preview: answered.metadata.has_preview.unwrap_or_default(),
        }
    }
}

/// The list of versions, in one more layer.
#[derive(Debug, Deserialize)]
struct Items {
    items: Vec<Version>,
}

impl Listed for Items {
    type Item = Version;

    fn items(self) -> Vec<Version> {
        self.items
    }
}

#[derive(Debug, Deserialize)]
struct Made {
    id: VersionId,
}

impl Cloudflare {
    /// Uploads one more version of a script that exists. Nothing answers with it yet.
    ///
    /// # Errors
    /// There is no such script; or Cloudflare refuses, or cannot be reached.
    pub async fn upload_version(
        &self,
        account: &str,
        script: &str,
        upload: &Upload,
    ) -> Result<VersionId> {
        if upload.migrations.is_some() {
            return Err(Error::failed(format!("cannot upload a version of the Worker {script}"))
                .cause(
                    "a version cannot migrate Durable Objects: the whole script has to be put",
                ));
        }
        let form = form(upload, Purpose::Version);
        let path = script_path(account, script, "/versions");
        let call = Call::<Made>::new(Method::POST, path, NEEDS)
            .query(&[("bindings_inherit", Some("strict"))])
            .body(form.body, form.content_type.into());
        match self.call(call).await {
            Ok(Made { id }) => Ok(id),
            Err(failure) => {
                Err(failure.told(format!("cannot upload a version of the Worker {script}")))
            }
        }
    }

    /// A version; `None` if there is no such version, or no such script.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn version(
        &self,
        account: &str,
        script: &str,
        id: &VersionId,
    ) -> Result<Option<Version>> {
        let path = script_path(account, script, &format!("/versions/{}", segment(&id.0)));
        match self.call(Call::new(Method::GET, path, NEEDS)).await {
            Ok(version) => Ok(Some(version)),
            Err(failure)
                if failure.is_absent(NO_SUCH_SCRIPT) || failure.is_any(&[NO_SUCH_VERSION]) =>
            {
                Ok(None)
            }
            Err(failure) => {
                Err(failure.told(format!("cannot read the version {id} of the Worker {script}")))
            }
        }
    }

    /// The latest 100 versions of a script, the newest first: older ones cannot be deployed. None
    /// if there is no such script. They may have no bindings here.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn versions(&self, account: &str, script: &str) -> Result<Vec<Version>> {
        let path = script_path(account, script, "/versions");
        let listed = self
            .pages(PAGING, |query| {
                Call::<Items>::new(Method::GET, path.clone(), NEEDS).query(query)
            })
            .await;
        match listed {
            Ok(mut versions) => {
                versions.sort_by_key(|version| std::cmp::Reverse(version.number));
                Ok(versions)
            }
            Err(failure) if failure.is_absent(NO_SUCH_SCRIPT) => Ok(Vec::new()),
            Err(failure) => {
                Err(failure.told(format!("cannot list the versions of the Worker {script}")))
            }
        }
    }
}
