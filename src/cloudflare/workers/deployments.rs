//! Deployments: which versions of a script answer, and with which share of the requests.

use cloudflare::framework::endpoint::Method;
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{
    NEEDS, NO_SUCH_SCRIPT, VersionId, script_path, seen::or_default, versions::Annotations,
};
use crate::{
    cloudflare::{Cloudflare, endpoint::Call, failure::Failure},
    error::Result,
};

/// "… cannot be deployed without force. The following secrets have changed": since the version was
/// uploaded.
const SECRETS_CHANGED: u32 = 10220;

/// A deployment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "AnsweredDeployment")]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created_on: Timestamp,
    /// The versions that answer, each with its share in percent.
    pub versions: Vec<(VersionId, f64)>,
    /// What its maker said about it.
    pub message: Option<String>,
}

#[derive(Deserialize)]
struct AnsweredDeployment {
    id: String,
    created_on: Timestamp,
    versions: Vec<Share>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: Annotations,
}

#[derive(Deserialize)]
struct Share {
    version_id: VersionId,
    percentage: f64,
}

impl From<AnsweredDeployment> for Deployment {
    fn from(answered: AnsweredDeployment) -> Self {
        let share = |share: Share| (share.version_id, share.percentage);
        Self {
            id: answered.id,
            created_on: answered.created_on,
            versions: answered.versions.into_iter().map(share).collect(),
            message: answered.annotations.message,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Deployments {
    deployments: Vec<Deployment>,
}

impl Cloudflare {
    /// The deployments of a script, the newest first: that one is active. `None` if there is no
    /// such script.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn deployments(
        &self,
        account: &str,
        script: &str,
    ) -> Result<Option<Vec<Deployment>>> {
        match self.seen_deployments(account, script).await {
            Ok(deployments) => Ok(Some(deployments)),
            Err(failure) if failure.is_absent(NO_SUCH_SCRIPT) => Ok(None),
            Err(failure) => {
                Err(failure.told(format!("cannot list the deployments of the Worker {script}")))
            }
        }
    }

    async fn seen_deployments(
        &self,
        account: &str,
        script: &str,
    ) -> Result<Vec<Deployment>, Failure> {
        let path = script_path(account, script, "/deployments");
        self.call::<Deployments>(Call::new(Method::GET, path, NEEDS)).await.map(|it| it.deployments)
    }

    /// Makes these versions answer, each with its share in percent; the shares are 100 together.
    /// A deployment whose answer was lost is found, and not made twice.
    ///
    /// # Errors
    /// There is no such script or version; a secret was changed since a version was uploaded; or
    /// Cloudflare refuses, or cannot be reached.
    pub async fn deploy(
        &self,
        account: &str,
        script: &str,
        versions: &[(VersionId, f64)],
        message: &str,
    ) -> Result<()> {
        self.deployed(account, script, versions, message, false).await
    }

    /// Makes versions answer even if secrets were changed since they were uploaded: with the values
    /// that they were uploaded with. That is what going back means.
    ///
    /// # Errors
    /// There is no such script or version; or Cloudflare refuses, or cannot be reached.
    pub async fn deploy_with_old_secrets(
        &self,
        account: &str,
        script: &str,
        versions: &[(VersionId, f64)],
        message: &str,
    ) -> Result<()> {
        self.deployed(account, script, versions, message, true).await
    }

    async fn deployed(
        &self,
        account: &str,
        script: &str,
        versions: &[(VersionId, f64)],
        message: &str,
        force: bool,
    ) -> Result<()> {
        let path = script_path(account, script, "/deployments");
        let call = Call::<IgnoredAny>::new(Method::POST, path, NEEDS)
            .query(&[("force", force.then_some("true"))])
            .json(&body(versions, message));
        let Err(failure) = self.call(call).await else { return Ok(()) };
        if failure.is_doubtful() && self.is_deployed(account, script, versions, message).await {
            return Ok(());
        }
        let error = failure.told(format!("cannot deploy the Worker {script}"));
        Err(match failure.is_any(&[SECRETS_CHANGED]) {
            true => error.hint("upload the Worker once more, so that it has the secrets of now"),
            false => error,
        })
    }

    async fn is_deployed(
        &self,
        account: &str,
        script: &str,
        versions: &[(VersionId, f64)],
        message: &str,
    ) -> bool {
        let seen = self.seen_deployments(account, script).await.unwrap_or_default();
        seen.first().is_some_and(|newest| {
            newest.versions == versions && newest.message.as_deref().unwrap_or_default() == message
        })
    }
}

/// As wrangler sends it, but for `code_update_strategy`, which is not documented.
fn body(versions: &[(VersionId, f64)], message: &str) -> Value {
    let shares: Vec<_> = versions
        .iter()
        .map(|(id, share)| json!({"version_id": id, "percentage": percentage(*share)}))
        .collect();
    let annotations = match message.is_empty() {
        true => json!({}),
        false => json!({"workers/message": message}),
    };
    json!({"strategy": "percentage", "versions": shares, "annotations": annotations})
}

/// A whole number without a fraction, as wrangler writes it.
fn percentage(share: f64) -> Value {
    // Shares are at most 100, so nothing is cut off.
    match share.fract() == 0.0 {
        true => json!(share as i64),
        false => json!(share),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::recordings::Exchange, *};

    #[test]
    fn a_deployment_is_written_as_wrangler_writes_it() {
        let recorded = Exchange::of("13-gradual", 6);
        let mut wranglers = recorded.json().clone();
        wranglers.as_object_mut().unwrap().remove("code_update_strategy");
        let share = |id: &str, share| (VersionId(id.to_owned()), share);
        let ours = body(
            &[
                share("05825368-bbbb-4071-94db-26c2213e2fe4", 90.0),
                share("ed02f8a0-c83a-4f14-9d93-217fb2d459c2", 10.0),
            ],
            "canary",
        );
        assert_eq!(ours.to_string(), wranglers.to_string());
        assert_eq!(percentage(12.5), json!(12.5));
    }
}
