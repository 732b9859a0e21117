//! Scripts: a Worker under its name, with everything that is not a version's.

use cloudflare::framework::endpoint::Method;
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{
    NEEDS, NO_SUCH_SCRIPT, Settings, Upload,
    form::{Purpose, form},
    script_path,
    seen::or_default,
};
use crate::{
    cloudflare::{
        Cloudflare,
        endpoint::{Call, segment},
    },
    error::Result,
};

/// "Cannot delete this Worker …": its Durable Objects or a queue depend on it, or a service binding.
const STILL_USED: [u32; 2] = [10064, 10142];
/// "migration tag precondition failed": somebody migrated meanwhile, or this request came through
/// before.
const OTHER_MIGRATION: u32 = 10079;

/// A script.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Script {
    /// Its name.
    #[serde(rename = "id")]
    pub name: String,
    /// Its tags.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// When it was changed last.
    pub modified_on: Timestamp,
    /// How far the classes of its Durable Objects are migrated.
    #[serde(default)]
    pub migration_tag: Option<String>,
}

impl Cloudflare {
    /// The scripts of an account, whoever's they are.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn scripts(&self, account: &str) -> Result<Vec<Script>> {
        let path = format!("accounts/{}/workers/scripts", segment(account));
        self.call(Call::new(Method::GET, path, NEEDS)).await.map_err(|failure| {
            failure.told(format!("cannot list the Workers of account {account}"))
        })
    }

    /// The settings of a script, with the bindings of its latest version. `None` if there is no
    /// such script.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn settings(&self, account: &str, script: &str) -> Result<Option<Settings>> {
        let path = script_path(account, script, "/settings");
        match self.call(Call::new(Method::GET, path, NEEDS)).await {
            Ok(settings) => Ok(Some(settings)),
            Err(failure) if failure.is_absent(NO_SUCH_SCRIPT) => Ok(None),
            Err(failure) => {
                Err(failure.told(format!("cannot read the settings of the Worker {script}")))
            }
        }
    }

    /// Uploads a script as a whole; the version that this makes answers at once. With migrations
    /// it is not sent again once it may have been carried out, since they would not fit any more.
    ///
    /// # Errors
    /// Cloudflare refuses, or cannot be reached.
    pub async fn put_script(&self, account: &str, script: &str, upload: &Upload) -> Result<()> {
        let form = form(upload, Purpose::Script);
        let call = Call::<IgnoredAny>::new(Method::PUT, script_path(account, script, ""), NEEDS)
            .query(&[("excludeScript", Some("true")), ("bindings_inherit", Some("strict"))])
            .body(form.body, form.content_type.into());
        let call = if upload.migrations.is_some() { call.once() } else { call };
        match self.call(call).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                let is_migrated = failure.is_any(&[OTHER_MIGRATION]);
                let error = failure.told(format!("cannot upload the Worker {script}"));
                Err(match is_migrated {
                    true => error.hint(
                        "its Durable Objects were migrated meanwhile: plan once more and deploy \
                         what is left to do",
                    ),
                    false => error,
                })
            }
        }
    }

    /// Gives a script these tags, and no others. Its versions and what else is set stay.
    ///
    /// # Errors
    /// There is no such script; or Cloudflare refuses, or cannot be reached.
    pub async fn set_tags(&self, account: &str, script: &str, tags: &[String]) -> Result<()> {
        let path = script_path(account, script, "/script-settings");
        let call = Call::<IgnoredAny>::new(Method::PATCH, path, NEEDS)
            .json(&json!({ "tags": tags }))
            .repeatable();
        match self.call(call).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                Err(failure.told(format!("cannot set the tags of the Worker {script}")))
            }
        }
    }

    /// Deletes a script with its versions, secrets and Durable Objects; false if it was not there.
    /// With `force` also if others are bound to it.
    ///
    /// # Errors
    /// Others are bound to it; or Cloudflare refuses, or cannot be reached.
    pub async fn delete_script(&self, account: &str, script: &str, force: bool) -> Result<bool> {
        let call = Call::<IgnoredAny>::new(Method::DELETE, script_path(account, script, ""), NEEDS)
            .query(&[("force", force.then_some("true"))]);
        match self.call(call).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is_absent(NO_SUCH_SCRIPT) => Ok(false),
            Err(failure) => {
                let is_used = failure.is_any(&STILL_USED);
                let error = failure.told(format!("cannot delete the Worker {script}"));
                Err(match is_used {
                    true => error.hint("delete or change first what depends on it"),
                    false => error,
                })
            }
        }
    }
}
